"""``Engine.start`` on a journal: what that has is made again before it returns, as often as ``Engine.paper`` would."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pairloom
from journals import books_of, rows_of
from pairloom import Engine, Journal, JournalError, Signal, Strategy, _journal

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")

ROWS = 300


class Turns(Strategy):
    """Turns now and then; a test may have it interrupted, or let it decide otherwise."""

    calls: ClassVar[int] = 0
    stop_at: ClassVar[int | None] = None
    at_call: ClassVar[Callable[[int], None] | None] = None
    otherwise: ClassVar[bool] = False

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        Turns.calls += 1
        if Turns.calls == Turns.stop_at:
            raise KeyboardInterrupt
        if Turns.at_call is not None:
            Turns.at_call(Turns.calls)
        self.n += 1
        on = self.n % 13 < 6
        return Signal.LONG if on != Turns.otherwise else Signal.CLOSE


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 60)
    Turns.calls, Turns.stop_at, Turns.at_call, Turns.otherwise = 0, None, None, False
    yield
    Turns.calls, Turns.stop_at, Turns.at_call, Turns.otherwise = 0, None, None, False


def data() -> Any:
    return pairloom.synthetic(2, rows=ROWS, seed=4)


def engine(journal: Path | None) -> Engine:
    made = Engine(cash={"USD": 100_000}, journal=journal, num_threads=1)
    made.trade("S0001/USD", Turns(), size=1)
    made.trade("S0002/USD", "rsi", size=1, period=5)
    return made


def stopped(path: Path, at: int = ROWS // 2) -> int:
    """A run that somebody ended; its last step."""
    Turns.calls, Turns.stop_at = 0, at
    assert engine(path).paper(data(), progress=False).interrupted
    Turns.calls, Turns.stop_at = 0, None
    return max(row[1] for row in rows_of(path)["steps"])


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "pairloom"]


def test_it_returns_where_the_journal_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of it, without snapshots.
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 10**9)
    path = tmp_path / "run.db"
    last = stopped(path)
    # Nothing new comes for a minute: the rows are as far apart as they were recorded.
    with engine(path).start(data(), speed=1) as live:
        assert Turns.calls >= ROWS // 2 - 1
        assert live.status()["steps"] >= last
        assert not live.finished
    assert live.stop().resumed_at_step == last


def test_a_finished_run_is_over_when_it_returns(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    wanted = engine(path).paper(data(), progress=False)
    live = engine(path).start(data(), speed="max")
    assert live.wait().digest == wanted.digest


def test_a_snapshot_of_no_use_is_made_up_for_from_the_first_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    wanted = engine(whole).paper(data(), progress=False)
    stopped(path)

    def fails(self: Any, state: Any) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, logger="pairloom"):
        patch.setattr(Turns, "restore", fails)
        result = engine(path).start(data(), speed="max").wait()
    assert any("planted" in line and "from its first row" in line for line in said(caplog))
    assert Turns.calls == ROWS
    assert result.digest == wanted.digest
    assert rows_of(path) == rows_of(whole)
    assert books_of(path) == books_of(whole)


def test_a_trader_that_does_not_repeat_is_quarantined_as_on_paper(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.db"
    stopped(path)
    Turns.otherwise = True
    with caplog.at_level(logging.WARNING, logger="pairloom"):
        result = engine(path).start(data(), speed="max").wait()
    assert [(each.trader, each.kind) for each in result.quarantined] == [("Turns S0001/USD", "not_reproducible")]
    # First without the snapshots, since it may be these that do not fit.
    assert any("from its first row" in line for line in said(caplog))
    assert Journal(path).check()["problems"] == []


def test_what_is_wrong_with_the_journal_is_raised_by_start(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    stopped(path)
    other = Engine(cash={"USD": 5}, journal=path)
    other.trade("S0001/USD", Turns(), size=1)
    with pytest.raises(JournalError) as caught:
        other.start(data())
    assert caught.value.code == "journal.mismatch"


def test_ctrl_c_ends_the_wait_and_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without snapshots all is made again, so that there is a call to press it in.
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 10**9)
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    wanted = engine(whole).paper(data(), progress=False)
    last = stopped(path)
    heard = threading.Event()

    def hear(number: int, frame: object) -> None:
        heard.set()
        raise KeyboardInterrupt

    def press(call: int) -> None:
        if not heard.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            # Only who waits for the run can hear it, so it cannot have begun by then.
            heard.wait()

    Turns.at_call = press
    before = signal.signal(signal.SIGINT, hear)
    try:
        with pytest.raises(KeyboardInterrupt):
            engine(path).start(data(), speed=1)
    finally:
        signal.signal(signal.SIGINT, before)
    Turns.at_call = None
    # The journal is nobody's now, and has what it had.
    assert max(row[1] for row in rows_of(path)["steps"]) >= last
    assert engine(path).paper(data(), progress=False).digest == wanted.digest
    assert rows_of(path) == rows_of(whole)
