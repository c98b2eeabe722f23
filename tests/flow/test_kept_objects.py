"""Snapshots of strategies that keep what the engine shows, that share something, or that are interrupted when asked."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import pairloom
from journals import books_of, rows_of
from pairloom import Engine, Journal, Signal, Strategy, _journal

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")


class Keeps(Strategy):
    """Keeps what it is shown in attributes, and decides by it."""

    schedule = "15m"
    stop_at: ClassVar[int | None] = None
    calls: ClassVar[int] = 0

    def setup(self, ctx: Any) -> None:
        self.candles: list[Any] = []
        self.said = Signal.CLOSE
        self.fill: Any = None
        self.event: Any = None
        self.seen: dict[str, Any] = {}

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.fill = fill

    def on_time(self, ctx: Any, event: Any) -> None:
        self.event = event

    def generate_signal(self, ctx: Any) -> Signal:
        Keeps.calls += 1
        if Keeps.calls == Keeps.stop_at:
            raise KeyboardInterrupt
        self.candles = [*self.candles[-4:], ctx.candle]
        self.seen = {"position": ctx.position, "exit": ctx.last_exit, "orders": list(ctx.orders)}
        rising = self.candles[0].close < ctx.candle.close
        if self.said is Signal.CLOSE:
            self.said = Signal.long(1) if rising else Signal.CLOSE
        elif self.fill is not None and self.fill.price > ctx.candle.close * 1.002:
            self.said = Signal.CLOSE
        return self.said


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 50)
    Keeps.calls, Keeps.stop_at = 0, None
    yield
    Keeps.stop_at = None


def data() -> Any:
    return pairloom.synthetic(3, rows=200, seed=4, volatility=0.01)


def engine(journal: Path | None, *strategies: Any) -> Engine:
    made = Engine(cash={"USD": 100_000}, journal=journal, num_threads=1)
    for number, strategy in enumerate(strategies):
        made.trade("*", strategy, size=1, name=f"T{number}")
    return made


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "pairloom"]


def test_what_a_strategy_was_shown_is_in_its_snapshots(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    never = engine(whole, Keeps()).paper(data(), progress=False)
    calls = Keeps.calls
    assert len(never.fills) > 10
    Keeps.calls, Keeps.stop_at = 0, calls * 3 // 4
    assert engine(path, Keeps()).paper(data(), progress=False).interrupted
    assert len(Journal(path).snapshots) > 5
    Keeps.calls, Keeps.stop_at = 0, None
    again = engine(path, Keeps()).paper(data(), progress=False)
    assert Keeps.calls < calls // 2
    assert again.digest == never.digest
    assert rows_of(path) == rows_of(whole)
    assert books_of(path) == books_of(whole)
    assert not said(caplog)


class Asked(Strategy):
    """Is interrupted while it says what it remembers."""

    at: ClassVar[int] = 0
    asked: ClassVar[int] = 0
    calls: ClassVar[int] = 0

    def state(self) -> Any:
        Asked.asked += 1
        if Asked.asked == Asked.at:
            raise KeyboardInterrupt
        return 0

    def restore(self, state: Any) -> None:
        pass

    def generate_signal(self, ctx: Any) -> Signal:
        Asked.calls += 1
        return Signal.LONG


@pytest.mark.parametrize("at", [1, 2, 20])
def test_ctrl_c_while_a_strategy_says_what_it_remembers_ends_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, at: int
) -> None:
    # Two traders are asked twice at the start, and then at each snapshot.
    path = tmp_path / "run.db"
    Asked.asked, Asked.at, Asked.calls = 0, at, 0
    made = Engine(cash={"USD": 100_000}, journal=path)
    made.trade(["S0001/USD", "S0002/USD"], Asked(), size=1)
    result = made.paper(data(), progress=False)
    assert result.interrupted
    assert not result.quarantined
    assert Asked.asked == at
    assert (Asked.calls == 0) == (at < 4)
    assert not said(caplog)
    # It goes on as after any Ctrl-C.
    again = made.paper(data(), progress=False)
    assert not again.interrupted
    plain = Engine(cash={"USD": 100_000})
    plain.trade(["S0001/USD", "S0002/USD"], Asked(), size=1)
    assert again.digest == plain.paper(data(), progress=False).digest


def test_ctrl_c_while_a_strategy_takes_its_state_back_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.db"
    Keeps.stop_at = 300
    assert engine(path, Keeps()).paper(data(), progress=False).interrupted
    Keeps.stop_at = None

    def interrupted(self: Any, state: Any) -> None:
        raise KeyboardInterrupt

    # Whoever started the tests may have had the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Keeps, "restore", interrupted)
            engine(path, Keeps()).paper(data(), progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not engine(path, Keeps()).paper(data(), progress=False).interrupted


class Book:
    """What traders may share."""

    def __init__(self) -> None:
        self.total = 0


class Named(Book):
    """One that is found by its name, and counts all the same."""

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named)


class Shares(Strategy):
    """Counts in an object that its parameters name."""

    book: Any = None

    def setup(self, ctx: Any) -> None:
        self.calls = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.calls += 1
        if self.book is not None:
            self.book.total += 1
        return Signal.LONG if self.calls % 9 < 5 else Signal.CLOSE


class Own(Strategy):
    """Makes itself what the others share."""

    def setup(self, ctx: Any) -> None:
        self.book = Book()
        self.seen: list[float] = []
        self.what = {"log": logging.getLogger("test"), "kind": Book}
        self.log = self.what["log"]
        self.kind = Book
        self.go = max

    def generate_signal(self, ctx: Any) -> Signal:
        self.book.total += 1
        self.seen.append(ctx.candle.close)
        return Signal.LONG


class Tells(Shares):
    """Shares it, and says itself what it remembers: not that."""

    def state(self) -> Any:
        return {"calls": self.calls, "fresh": [self.calls]}

    def restore(self, state: Any) -> None:
        self.calls = state["calls"]


READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize("shared", [Book(), Named(), SimpleNamespace(total=0), pytest.param(np.zeros(3), id="array")])
def test_what_two_traders_share_turns_snapshots_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shared: Any
) -> None:
    path = tmp_path / "run.db"
    strategy = Holds(table=shared) if isinstance(shared, np.ndarray) else Shares(book=shared)
    engine(path, strategy).paper(data(), progress=False)
    (told,) = said(caplog)
    assert "no snapshots are kept" in told
    assert "T0 S0001/USD and T0 S0002/USD share" in told
    assert "would come back as one for each" in told
    assert type(shared).__name__ in told
    assert len(Journal(path).snapshots) == 0


class Holds(Strategy):
    """Reads a table."""

    table: Any = None

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG if self.table[0] == 0 else Signal.CLOSE


def test_traders_of_two_classes_share_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, book = tmp_path / "run.db", Book()
    made = Engine(cash={"USD": 1_000}, journal=path)
    made.trade("S0001/USD", Shares(book=book), size=1, name="one")
    made.trade("S0002/USD", Holds(table=[book]), size=1, name="two")
    made.trade("S0003/USD", Shares(book=book), size=1, name="three")
    made.paper(data(), progress=False)
    (told,) = said(caplog)
    assert "one and three share the Book Shares.book" in told


@pytest.mark.parametrize(
    "strategy", [Own(), Shares(), Tells(book=Book()), Holds(table=READ_ONLY), Shares(book=None), Holds(table=(0, 1))]
)
def test_what_is_each_traders_own_or_does_not_change_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, strategy: Any
) -> None:
    path = tmp_path / "run.db"
    engine(path, strategy).paper(data(), progress=False)
    assert not said(caplog)
