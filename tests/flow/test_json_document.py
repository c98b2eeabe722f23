"""With `--json` standard output is one document, whatever a strategy or its file prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pairloom

STRATEGY = """
print("while it is read")
import os
import subprocess

from pairloom import Strategy

class Talks(Strategy):
    def setup(self, ctx):
        print("in setup")
        # Neither of these goes through Python's own standard output.
        os.write(1, b"by the number of the file\\n")
        subprocess.run(["echo", "by a child"], check=True)

    def generate_signal(self, ctx):
        print("at", ctx.ts)
"""


@pytest.mark.parametrize("command", ["backtest", "paper"])
def test_what_a_strategy_prints_goes_to_standard_error(tmp_path: Path, command: str) -> None:
    (tmp_path / "talk.py").write_text(STRATEGY, encoding="utf-8")
    columns = pairloom.synthetic(["A/USD"], rows=5)["A/USD"]
    rows = zip(*(columns[name].tolist() for name in columns), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "A_USD.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "run.toml").write_text(
        '[engine]\ncash = { USD = 100 }\n[data]\npath = "A_USD.csv"\n'
        '[[trader]]\npairs = "A/USD"\nstrategy = "talk.py:Talks"\nsize = 1\n',
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pairloom", command, str(tmp_path / "run.toml"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == 5
    assert "while it is read" in done.stderr
    assert "in setup" in done.stderr
    assert "by the number of the file" in done.stderr
    assert "by a child" in done.stderr
