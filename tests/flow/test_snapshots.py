"""Snapshots in the journal: a run that goes on from one is the run that was never killed, table by table."""

from __future__ import annotations

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pyarrow
import pytest

import pairloom
from journals import books_of, change, rows_of
from pairloom import Engine, Journal, RiskLimits, Signal, Strategy, _journal, compiled
from pairloom import indicators as ta

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")

ROWS = 400
TABLES = ("orders", "fills", "refusals", "trades", "equity_curve")
# Events between two snapshots: five markets have about four and a half a step.
EVERY = 90


class Watch:
    """Counts the calls of strategies of this process, and interrupts one."""

    calls = 0
    stop_at: int | None = None
    kill_at: int | None = None

    @classmethod
    def call(cls) -> None:
        cls.calls += 1
        if cls.calls == cls.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if cls.calls == cls.stop_at:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", EVERY)
    Watch.calls, Watch.stop_at = 0, None
    yield
    Watch.stop_at = None


class Averages(Strategy):
    """Remembers in attributes, and holds what belongs to the run: indicators, `ctx`, its random numbers."""

    fast: int = 3
    schedule = "15m"

    def setup(self, ctx: Any) -> None:
        self.averages = {"fast": ctx.indicator(ta.Sma(self.fast)), "slow": ctx.indicator(ta.Ema(9, keep=4))}
        self.bands = [ctx.indicator(ta.Bollinger(7)), ctx.indicator(ta.Rsi(5)), ctx.indicator(ta.Atr(4))]
        self.seen: list[float] = []
        self.times = 0
        self.fills = 0
        self.ctx = ctx
        self.id: int | None = None
        self.only_early = True
        self.steps = 0
        self.helper = SimpleNamespace(owner=self, step=self.count_up)

    def count_up(self) -> None:
        self.steps += 1

    def on_time(self, ctx: Any, event: Any) -> None:
        self.times += 1

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.fills += 1
        self.last_fill = float(fill.price)

    def generate_signal(self, ctx: Any) -> Signal | None:
        Watch.call()
        assert self.ctx is ctx
        before = self.steps
        self.helper.step()
        assert self.helper.owner is self and self.steps == before + 1, "what it holds is of another one"
        self.seen = [*self.seen[-5:], ctx.candle.close]
        if len(self.seen) == 6 and hasattr(self, "only_early"):
            del self.only_early
        fast, slow = self.averages["fast"], self.averages["slow"]
        if ctx.random.random() < 0.05:
            self.id = ctx.buy(0.5, limit=min(self.seen) * 0.995, tag=f"{self.times}/{self.fills}")
        elif self.id is not None and ctx.random.random() < 0.05:
            ctx.cancel(self.id)
        if hasattr(self, "only_early") or slow[-3] != slow[-3]:
            return None
        return Signal.LONG if fast.value + self.bands[0].upper * 0 > slow[-3] else Signal.CLOSE


class Tells(Strategy):
    """Says itself what it needs, and holds something that no pickle takes."""

    told: ClassVar[int] = 0

    def setup(self, ctx: Any) -> None:
        self.slow = ctx.indicator(ta.Wma(6))
        self.what = lambda: self.n
        self.n = 0

    def state(self) -> Any:
        Tells.told += 1
        return getattr(self, "n", 0)

    def restore(self, state: Any) -> None:
        self.n = state

    def generate_signal(self, ctx: Any) -> Signal:
        Watch.call()
        self.n += 1
        return Signal.LONG if self.what() % 17 < 8 and self.slow.value > 0 else Signal.CLOSE


class Errs(Strategy):
    """Errs early, and is quarantined."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        Watch.call()
        self.n += 1
        if self.n == 60:
            raise ValueError("planted")
        return Signal.LONG


class Clings(Strategy):
    """Holds what no pickle takes."""

    def setup(self, ctx: Any) -> None:
        self.f = lambda: None

    def generate_signal(self, ctx: Any) -> Signal:
        Watch.call()
        return Signal.LONG


class Shares(Strategy):
    """Remembers outside of itself, where no snapshot looks."""

    n: ClassVar[int] = 0

    def generate_signal(self, ctx: Any) -> Signal:
        Watch.call()
        Shares.n += 1
        return Signal.LONG if Shares.n % 14 < 7 else Signal.CLOSE


def data(rows: int = ROWS) -> Any:
    return pairloom.synthetic(5, rows=rows, seed=4, volatility=0.01, missing=0.1)


def portfolio(journal: Path | None, *strategies: Any, **settings: Any) -> Engine:
    engine = Engine(cash={"USD": 1_200}, journal=journal, **settings)
    for strategy in strategies:
        engine.trade("*", strategy, size=3)
    return engine


def mixed(journal: Path | None, **settings: Any) -> Engine:
    """Every kind of strategy that can be kept."""
    engine = portfolio(journal, Averages(), Tells(), **settings)
    for name, parameters in {
        "sma_cross": {"fast": 2, "slow": 5, "side": "long"},
        "rsi": {"period": 5},
        "simple": {},
        "heikin_ashi": {},
    }.items():
        engine.trade("*", name, size={"quote": 100}, **parameters)
    engine.trade("S0002/USD", Errs(), size=1)
    return engine


def same(one: Any, other: Any) -> None:
    """Two results agree in everything but times of the day."""
    assert one.digest == other.digest
    assert one.equity == other.equity
    for table in TABLES:
        assert pyarrow.table(getattr(one, table)).equals(pyarrow.table(getattr(other, table))), table
    assert str(one.stats) == str(other.stats)
    assert (one.events, one.steps) == (other.events, other.steps)
    # The exception itself is gone with the process that saw it; its words are kept.
    for mine, theirs in zip(one.quarantined, other.quarantined, strict=True):
        assert (mine.trader, mine.kind, mine.ts) == (theirs.trader, theirs.kind, theirs.ts)
        assert str(theirs.error) in str(mine.error)


def stopped(engine: Engine, at: int, rows: int = ROWS) -> None:
    """A run that somebody ends at that call of a strategy."""
    Watch.calls, Watch.stop_at = 0, at
    assert engine.paper(data(rows), progress=False).interrupted
    Watch.calls, Watch.stop_at = 0, None


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the engine told the logger."""
    return [record.getMessage() for record in caplog.records if record.name == "pairloom"]


def steps_of(path: Path) -> list[int]:
    return [int(step) for step in Journal(path).snapshots["step"]]


LIMITS = RiskLimits(
    max_order_rate=(40, 3_600),
    max_cancel_rate=(10, 3_600),
    max_repeats=(30, 3_600),
    duplicate_window=60,
    max_price_gap=0.05,
    max_daily_loss=400,
    max_drawdown=0.6,
    max_gross_exposure=1_500,
    prevent_self_trade=True,
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"risk": LIMITS}, {"account": "margin", "leverage": 3}, {"fill": "close"}])
def test_a_run_that_goes_on_from_snapshots_is_the_run_never_killed(tmp_path: Path, threads: int, settings: Any) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = mixed(whole, num_threads=threads, **settings).paper(data(), progress=False)
    plain = mixed(None, num_threads=threads, **settings).backtest(data(), progress=False)
    assert never.digest == plain.digest
    calls = Watch.calls // 2
    assert calls > 2_500
    moments = random.Random(f"{threads} {settings}")
    done = 0
    for part in range(1, 5):
        at = calls * part // 5 + moments.randrange(-200, 200)
        # Calls of a run that goes on from a snapshot are counted from there.
        stopped(mixed(path, num_threads=threads, **settings), max(at - done, 1))
        before = rows_of(path)
        steps = steps_of(path)
        assert steps
        done = steps[-1] * calls // never.steps
    Watch.calls = 0
    again = mixed(path, num_threads=threads, **settings).paper(data(), progress=False)
    # It was not made again from its first row.
    assert Watch.calls < calls - done + 600
    assert again.resumed_at_step >= steps[-1] > 0
    same(again, never)
    now = rows_of(path)
    assert all(now[table][: len(rows)] == rows for table, rows in before.items())
    assert now == rows_of(whole)
    assert books_of(path) == books_of(whole)
    assert books_of(path)["duplicates"] == []
    assert Journal(path).check()["problems"] == []


KILLED = """
import sys, warnings
from pathlib import Path
sys.path[:0] = sys.argv[3:]
warnings.simplefilter("ignore")
import test_snapshots as own
own._journal.SNAPSHOT_EVERY = own.EVERY
own.Watch.kill_at = int(sys.argv[2])
own.mixed(Path(sys.argv[1])).paper(own.data(), progress=False)
"""


def test_a_run_that_is_killed_with_its_process_goes_on_from_its_snapshots(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = mixed(whole).paper(data(), progress=False)
    folders = [folder for folder in sys.path if folder]
    steps: list[int] = []
    for at in (1_100, 700, 3, 900):
        command = [sys.executable, "-c", KILLED, str(path), str(at), str(Path(__file__).parent), *folders]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        steps.append(steps_of(path)[-1])
    # The one that died at once had gone on from where the one before it was.
    assert steps[0] < steps[1] == steps[2] < steps[3]
    Watch.calls = 0
    same(mixed(path).paper(data(), progress=False), never)
    assert Watch.calls < 1_500
    assert rows_of(path) == rows_of(whole)
    assert books_of(path) == books_of(whole)
    assert books_of(path)["duplicates"] == []


def test_what_has_grown_is_kept_in_parts_and_what_stands_of_the_newest_two(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    stopped(mixed(path), 2_000)
    found = Journal(path).snapshots
    assert len(found) > 5
    assert all(size > 0 for size in found["part_bytes"])
    with sqlite3.connect(path) as connection:
        kept = [number for (number,) in connection.execute("SELECT number FROM snapshots WHERE state IS NOT NULL")]
    assert kept == [int(number) for number in found["number"]][-2:]
    assert Journal(path).counts["snapshots"] == len(found)
    exported = Journal(path).export(tmp_path / "tables", "csv")
    assert exported["snapshots"] == len(found)
    # A finished run is compared from end to end, and never goes on.
    mixed(path).paper(data(), progress=False)
    assert len(Journal(path).snapshots) == 0


@pytest.mark.parametrize(
    ("damage", "words", "newest"),
    [
        ("UPDATE snapshots SET state = substr(state, 2) WHERE number = {last}", "is damaged", False),
        ("UPDATE snapshots SET state = NULL WHERE number = {last}", "", False),
        ("UPDATE snapshots SET format = 999 WHERE number = {last}", "format 999", False),
        ("UPDATE snapshots SET after_seq = after_seq - 1 WHERE number = {last}", "is damaged", False),
        ("UPDATE snapshots SET part = x'00' WHERE number = 3", "is damaged", None),
        ("DELETE FROM snapshots WHERE number = 2", "is damaged", None),
        ("DELETE FROM snapshots", "", None),
        ("SELECT 1", "", True),
    ],
)
def test_a_snapshot_that_is_not_what_was_written_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str, words: str, newest: bool | None
) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = mixed(whole).paper(data(), progress=False)
    calls = Watch.calls
    stopped(mixed(path), calls * 3 // 4)
    numbers = [int(number) for number in Journal(path).snapshots["number"]]
    change(path, damage.format(last=numbers[-1]))
    if "damaged" in words:
        assert any("snapshot" in problem for problem in Journal(path).check()["problems"])
    Watch.calls = 0
    with caplog.at_level(logging.WARNING, logger="pairloom"):
        again = mixed(path).paper(data(), progress=False)
    told = said(caplog)
    assert any(words in line and "passed over" in line for line in told) if words else not told
    # Made again: from the newest one, from that before it, or all of it.
    share = Watch.calls / calls
    assert share > 0.99 if newest is None else share < 0.4
    same(again, never)
    assert rows_of(path) == rows_of(whole)
    assert books_of(path) == books_of(whole)


def test_a_strategy_that_cannot_be_kept_is_said_at_the_start_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = portfolio(whole, Averages(), Clings()).paper(data(), progress=False)
    calls = Watch.calls
    caplog.clear()
    stopped(portfolio(path, Averages(), Clings()), calls // 2)
    (told,) = said(caplog)
    assert "no snapshots are kept" in told
    assert "Clings" in told
    assert "from its first row" in told
    assert len(Journal(path).snapshots) == 0
    again = portfolio(path, Averages(), Clings()).paper(data(), progress=False)
    assert Watch.calls == calls
    assert again.resumed_at_step > 0
    same(again, never)
    assert rows_of(path) == rows_of(whole)


def test_with_workers_nothing_is_kept_and_the_run_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = portfolio(whole, "rsi", Tells()).paper(data(), progress=False)
    stopped(portfolio(path, "rsi", Tells()), 1_000)
    before = Journal(path).snapshots["number"]
    with caplog.at_level(logging.WARNING, logger="pairloom"):
        again = portfolio(path, "rsi", Tells(), workers=1).paper(data(), progress=False)
    assert len(before) > 5
    assert any("worker processes" in line for line in said(caplog))
    same(again, never)
    assert rows_of(path) == rows_of(whole)


def test_who_remembers_elsewhere_is_made_again_from_the_first_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Rows enough behind the snapshot for it to show.
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 500)
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    Shares.n = 0
    never = portfolio(whole, Shares(), num_threads=1).paper(data(), progress=False)
    calls = Watch.calls
    Shares.n = 0
    stopped(portfolio(path, Shares(), num_threads=1), calls * 3 // 4)
    assert steps_of(path)
    # What it knew is gone with its process.
    Shares.n = 5
    with caplog.at_level(logging.WARNING, logger="pairloom"):
        try:
            again = _zeroed(path)
        finally:
            Shares.n = 0
    assert any("does not repeat its journal" in line for line in said(caplog))
    same(again, never)
    assert rows_of(path) == rows_of(whole)


def _zeroed(path: Path) -> Any:
    """A process in which the class begins at zero whenever a run does; five calls are missing behind a snapshot."""
    engine = portfolio(path, Shares(), num_threads=1)
    drive = _journal._from_start

    def once_more(journal: Any, error: Any) -> bool:
        Shares.n = 0
        return drive(journal, error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_journal, "_from_start", once_more)
        return engine.paper(data(), progress=False)


def test_a_trader_whose_tail_differs_is_quarantined(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    Tells.told = 0
    stopped(portfolio(path, "rsi", Tells()), 1_200)
    assert Tells.told > 10
    steps = steps_of(path)
    # In the tail somebody changed its mind: its rows are written anew, with the chain that they would have had.
    Sly.flips = True
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Tells, "generate_signal", Sly.generate_signal)
            result = portfolio(path, "rsi", Tells()).paper(data(), progress=False)
    finally:
        Sly.flips = False
    assert steps
    assert {each.kind for each in result.quarantined} == {"not_reproducible"}
    assert all(each.strategy == "Tells" for each in result.quarantined)
    assert Journal(path).check()["problems"] == []


class Sly:
    """What `Tells` becomes when its source changes where nobody looks."""

    flips = False

    def generate_signal(self: Any, ctx: Any) -> Signal:
        self.n += 1
        return Signal.CLOSE if self.n % 17 < 8 else Signal.LONG


def test_a_strategy_that_cannot_take_its_state_back_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = portfolio(whole, "rsi", Tells()).paper(data(), progress=False)
    calls = Watch.calls
    stopped(portfolio(path, "rsi", Tells()), calls // 2)

    def fails(self: Any, state: Any) -> None:
        raise RuntimeError("planted")

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING, logger="pairloom"):
        patch.setattr(Tells, "restore", fails)
        again = portfolio(path, "rsi", Tells()).paper(data(), progress=False)
    assert any("planted" in line for line in said(caplog))
    assert Watch.calls == calls
    same(again, never)
    assert rows_of(path) == rows_of(whole)


@compiled
class Counts(Strategy):
    """Has its state in numbers, and is compiled."""

    def setup(self, ctx: Any) -> None:
        self.mean = ctx.indicator(ta.Ema(6))
        self.seen = 0
        self.sum = 0.0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        self.sum = 0.9 * self.sum + ctx.candle.close - self.mean.value
        return Signal.LONG if self.seen % 23 < 11 and self.sum > -5.0 else Signal.CLOSE


def test_a_compiled_strategy_goes_on_with_its_numbers(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = portfolio(whole, Counts(), Tells()).paper(data(), progress=False)
    assert never.lanes["compiled"] == 5
    stopped(portfolio(path, Counts(), Tells()), Watch.calls // 2)
    assert len(Journal(path).snapshots) > 5
    again = portfolio(path, Counts(), Tells()).paper(data(), progress=False)
    assert Watch.calls < 1_500
    same(again, never)
    assert rows_of(path) == rows_of(whole)
