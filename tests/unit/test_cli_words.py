"""What the command line says of unknown options, tables and rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Strategy
from pairloom.cli import journal as journal_command
from pairloom.cli import main
from pairloom.journal import TABLES


@pytest.mark.parametrize(
    ("arguments", "usage", "meant"),
    [
        (["paper", "x", "--jurnal", "y"], "usage: pairloom paper ", "--jurnal y; did you mean '--journal'?"),
        (["paper", "x", "--speeed=3"], "usage: pairloom paper ", "--speeed=3; did you mean '--speed'?"),
        (["journal", "show", "x", "--lst", "3"], "usage: pairloom journal show ", "--lst 3; did you mean '--last'?"),
        (["backtest", "x", "--colour"], "usage: pairloom backtest ", "unrecognized arguments: --colour\n"),
        (["replay", "x", "y"], "usage: pairloom replay ", "unrecognized arguments: y\n"),
    ],
)
def test_an_unknown_option_is_said_by_its_command(
    arguments: list[str], usage: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.startswith(usage) and meant in said


def test_the_tables_of_a_journal_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert journal_command.TABLES == TABLES
    with pytest.raises(SystemExit):
        main(["journal", "show", "--help"])
    assert " ".join(capsys.readouterr().out.split()).count(", ".join(TABLES)) == 1


class Noisy(Strategy):
    def generate_signal(self, ctx: Any) -> None:
        raise ValueError("first\nsecond\tthird ü")


def test_a_row_of_a_journal_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.db"
    engine = Engine(cash={"USD": 100}, journal=file)
    engine.trade("A/USD", Noisy, size=1)
    with pytest.raises(pairloom.StrategyError):
        engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert main(["journal", "show", str(file), "quarantines"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert r"first\nsecond\tthird ü" in line


def test_a_replay_of_what_was_begun_from_python_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.db"
    engine = Engine(cash={"USD": 100}, journal=file)
    engine.trade("A/USD", "simple", size=0.01)
    engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert main(["replay", str(file)]) == 2
    assert "run its own program again" in capsys.readouterr().err
    assert main(["replay", str(tmp_path / "other.db")]) == 2
    again = engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert again.digest == pairloom.Journal(file).digest
