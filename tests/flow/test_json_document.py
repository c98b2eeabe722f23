"""With `--json` standard output is one document, whatever a strategy or its file prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pairloom
from pairloom.cli import main

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


@pytest.mark.parametrize("command", ["backtest", "paper"])
def test_a_finished_run_made_again_prints_the_same_but_for_where_it_began_and_the_clock(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = pairloom.synthetic(["A/USD"], rows=200, seed=3)["A/USD"]
    rows = zip(*(prices[name].tolist() for name in prices), strict=True)
    (tmp_path / "A_USD.csv").write_text("\n".join([",".join(prices), *(",".join(map(str, row)) for row in rows)]))
    # The journal lies beside the data, which does not make it data.
    run = [command, "sma_cross", "--data", str(tmp_path), "--cash", "USD=10000", "--size", "1"]
    run += ["--set", "trader.0.options.side=long", "--set", f'engine.journal="{tmp_path / "run.db"}"', "--json"]
    documents = []
    for _ in range(2):
        assert main(run) == 0
        documents.append(json.loads(capsys.readouterr().out))
    first, again = documents
    assert first["fills"] > 2 and set(first) == set(again)
    differ = {"resumed_at_step", "elapsed_s", "events_per_s"}
    assert {key for key in first if first[key] != again[key]} <= differ
    last = pairloom.Journal(tmp_path / "run.db").steps.column("step")[-1]
    assert (first["resumed_at_step"], again["resumed_at_step"]) == (0, last)
