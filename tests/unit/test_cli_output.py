"""Where the output of a command goes: every result is shown, or it is said in one line why it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pairloom


@pytest.fixture
def data(tmp_path: Path) -> Path:
    columns = pairloom.synthetic(["A/USD"], rows=60, seed=2)["A/USD"]
    rows = zip(*(columns[name].tolist() for name in columns), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    folder = tmp_path / "d\N{LATIN SMALL LETTER A WITH DIAERESIS}t\N{SNOWMAN}"
    folder.mkdir()
    (folder / "prices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def backtest(data: Path, redirect: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    run = 'backtest simple --pairs A/USD --data "$DATA" --cash USD=1000 --size 1'
    command = f'"{sys.executable}" -m pairloom {run} {redirect}'
    env = {**os.environ, "DATA": str(data / "prices.csv"), **settings}
    return subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        env=env,
        check=False,
        encoding="latin-1" if settings.get("PYTHONIOENCODING") == "latin-1" else "utf-8",
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_character_that_a_terminal_does_not_know_takes_no_result_with_it(data: Path, encoding: str) -> None:
    done = backtest(data, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "Equity" in done.stdout
    assert ("\N{SNOWMAN}" if encoding == "utf-8" else "\\u2603") in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
def test_a_full_disk_is_one_line(data: Path) -> None:
    done = backtest(data, "> /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "pairloom: the output cannot be written: No space left on device"
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_closed_output_is_no_error(data: Path) -> None:
    done = backtest(data, ">&-")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
