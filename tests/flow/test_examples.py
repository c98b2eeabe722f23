"""Every example runs as a newcomer runs it, in a process of its own, and says nothing on standard error."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lanes import CLASSES

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
EXPECTED = {
    "hooks.py": r"ADA/USD: \d+ targets hit, \d+ times given up",
    "own_strategy.py": r"SmaCross ETH/BTC|SmaCross LTC/BTC",
    "portfolio.py": r"Lanes +native 30",
    "quotes.py": r"and fees +-?[\d,.]+ USD in [1-9]",
    "rsi_limit.py": r"filled +[1-9]",
    "sweep.py": r"Sweep of 23 combinations of fast \(5\) x slow \(5\), by sharpe",
}


def run(*command: str | Path, where: Path) -> str:
    """Run a command with warnings as errors, and give its output."""
    done = subprocess.run(
        command,
        cwd=where,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_script_has_an_expectation() -> None:
    assert [script.name for script in SCRIPTS] == sorted(EXPECTED)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_script_runs_and_trades(script: Path, tmp_path: Path) -> None:
    output = run(sys.executable, script, where=tmp_path)
    assert re.search(EXPECTED[script.name], output), output
    assert re.search(r"^  Trades +[1-9]", output, re.M), output
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind where it is run"


def test_own_strategy_takes_a_folder_of_ones_own(tmp_path: Path) -> None:
    rows = [
        f"{1_600_000_000 + i * 900},{p},{p},{p},{p},1" for i, p in enumerate([1 + i % 40 / 100 for i in range(400)])
    ]
    (tmp_path / "DOGE_BTC.csv").write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    assert "1 trader on DOGE/BTC" in run(sys.executable, EXAMPLES / "own_strategy.py", tmp_path, where=tmp_path)


def test_the_commands_of_the_config_file(tmp_path: Path) -> None:
    folder = tmp_path / "command_line"
    shutil.copytree(EXAMPLES / "command_line", folder, ignore=shutil.ignore_patterns("candles", "__pycache__"))
    assert run(sys.executable, "make_candles.py", where=folder).count("wrote") == 3
    pairloom = (sys.executable, "-c", "import sys; from pairloom.cli import main; sys.exit(main())")
    shown = run(*pairloom, "backtest", "portfolio.toml", where=folder)
    assert "5 traders on 3 pairs" in shown
    document = json.loads(run(*pairloom, "backtest", "portfolio.toml", "--json", where=folder))
    dearer = json.loads(
        run(*pairloom, "backtest", "portfolio.toml", "--set", "engine.fee=0.002", "--json", where=folder)
    )
    assert document["lanes"] == {"native": 3, CLASSES: 2}
    assert document["trades"] > 0
    assert dearer["fees"] > document["fees"]
