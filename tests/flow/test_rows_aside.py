"""Runs that keep a journal set old rows aside on disk: nobody sees a difference but in memory."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import pairloom
from journals import ask
from pairloom import Engine, Signal, Strategy, _journal

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")

PAIRS = [f"P{number}/USD" for number in range(5)]
ROWS = 8_500
# Behind them nothing is ordered any more, which is faster.
TRADED = 2_500
TABLES = ("orders", "fills", "trades", "refusals", "equity_curve")


def nameless(folder: Path | None) -> int:
    """How many files without a name this process has open in a folder."""
    if folder is None or sys.platform != "linux":
        return 0
    links = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(os.readlink(link))
    return sum(link.startswith(f"{folder}/") and link.endswith("(deleted)") for link in links)


class Turns(Strategy):
    """Long and short in turn; the first one holds what it has from the start to the end, and an order rests as long."""

    stop_at: int | None = None
    folder: Path | None = None
    nameless = 0

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.n += 1
        if self.n == Turns.stop_at:
            raise KeyboardInterrupt
        if ctx.pair == "P0/USD":
            if self.n == 1:
                ctx.buy(1)
                ctx.buy(1, limit="0.01")
            if self.n == ROWS - 5:
                ctx.sell(1)
                Turns.nameless = nameless(Turns.folder)
            return None
        if self.n > TRADED:
            return None
        return Signal.LONG if self.n % 2 else Signal.SHORT


def engine(**settings: Any) -> Engine:
    engine = Engine(cash={"USD": 10_000_000}, account="margin", **settings)
    engine.trade(PAIRS, Turns(), size=1)
    return engine


def data() -> Any:
    return pairloom.synthetic(PAIRS, rows=ROWS, seed=5)


@pytest.fixture(scope="module")
def plain() -> Any:
    result = engine().backtest(data(), progress=False)
    assert len(result.orders) > 9_000, "too few to be set aside"
    return result


def same(result: Any, plain: Any) -> None:
    assert result.digest == plain.digest
    for table in TABLES:
        assert pyarrow.table(getattr(result, table)) == pyarrow.table(getattr(plain, table)), table
    assert str(result.stats) == str(plain.stats)


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_the_result_has_all_rows(tmp_path: Path, plain: Any, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine(journal=tmp_path / "run.db")
    monkeypatch.setattr(Turns, "folder", tmp_path.resolve())
    same(getattr(run, driver)(data(), progress=False), plain)
    # Orders, fills, round trips, and values and times of the curve; those of a replay are the data's own.
    assert Turns.nameless >= (4 if driver == "backtest" else 5) or sys.platform != "linux"
    names = {path.name for path in tmp_path.iterdir()}
    assert names <= {"run.db", "run.db.lock", "run.broker.db"}, "what was set aside has no name"


def test_a_run_goes_on_from_rows_that_were_set_aside(
    tmp_path: Path, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two snapshots, with more orders between them than stay in memory.
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 15_000)
    path = tmp_path / "run.db"
    Turns.stop_at = ROWS - 100
    try:
        assert engine(journal=path).paper(data(), progress=False).interrupted
    finally:
        Turns.stop_at = None
    (kept,) = ask(path, "SELECT count(*) FROM snapshots")
    assert kept >= 2
    result = engine(journal=path).paper(data(), progress=False)
    assert result.resumed_at_step > 0
    same(result, plain)
