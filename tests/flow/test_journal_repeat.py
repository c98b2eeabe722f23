"""A strategy that does otherwise when its run is made again: it is the one that is named, and nobody else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pairloom
from journals import change
from pairloom import Engine, Journal, JournalError, Signal, Strategy, SyntheticFeed

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")

ROWS = 500


class Turns(Strategy):
    """Repeats itself."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.n += 1
        return Signal.LONG if self.n % 20 < 10 else Signal.CLOSE


class Other(Strategy):
    """Does something else than before, where it is told to."""

    stop_at: ClassVar[int | None] = None
    lacks_cancel: ClassVar[bool] = False
    orders_at: ClassVar[int | None] = None

    def setup(self, ctx: Any) -> None:
        self.n = 0
        self.id: int | None = None

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n == Other.stop_at:
            raise KeyboardInterrupt
        if self.n == 20:
            self.id = ctx.buy(0.1, limit=ctx.candle.close * 0.5)
        if self.n == 150 and not Other.lacks_cancel:
            ctx.cancel(self.id)
        if self.n == Other.orders_at:
            ctx.buy(0.1, limit=ctx.candle.close * 0.5)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    Other.stop_at, Other.lacks_cancel, Other.orders_at = None, False, None


def engine(journal: Path) -> Engine:
    made = Engine(cash={"USD": 10_000}, journal=journal)
    made.trade("A/USD", Other())
    made.trade("B/USD", Turns(), size=1)
    return made


def run(journal: Path) -> Any:
    data = pairloom.synthetic(["A/USD", "B/USD"], rows=ROWS, seed=1)
    return engine(journal).paper(data, progress=False)


# Turns trades at its 10th, 20th, 30th event, and so on: 155 lies between, at 160 both have rows.
@pytest.mark.parametrize("drift", [{"lacks_cancel": True}, {"orders_at": 155}, {"orders_at": 160}])
def test_who_does_otherwise_is_quarantined_and_nobody_else(tmp_path: Path, drift: dict[str, Any]) -> None:
    path = tmp_path / "run.db"
    Other.stop_at = 300
    assert run(path).interrupted
    Other.stop_at = None
    for name, value in drift.items():
        setattr(Other, name, value)
    result = run(path)
    assert [(record.trader, record.kind) for record in result.quarantined] == [("Other A/USD", "not_reproducible")]
    assert result.resumed_at_step >= 290
    assert len(result.fills) > ROWS // 10 - 2
    assert Journal(path).check()["problems"] == []


@pytest.mark.parametrize("driver", ["paper", "start"])
def test_who_does_otherwise_than_a_finished_journal_is_found(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "run.db"
    whole = run(path)
    assert not whole.interrupted and not whole.quarantined
    counts = Journal(path).counts
    Other.orders_at = 155
    data = pairloom.synthetic(["A/USD", "B/USD"], rows=ROWS, seed=1)
    again = run(path) if driver == "paper" else engine(path).start(data).wait()
    assert [(record.trader, record.kind) for record in again.quarantined] == [("Other A/USD", "not_reproducible")]
    assert "at step 155" in str(again.quarantined[0].error)
    # The journal is closed: it stays what it was, and so does what it is of.
    assert again.digest == whole.digest
    assert Journal(path).counts == counts


def test_rows_that_were_slipped_in_before_the_first_are_found(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    Other.stop_at = 300
    assert run(path).interrupted
    Other.stop_at = None
    assert Journal(path).check()["problems"] == []
    change(path, "INSERT INTO inputs VALUES (-5, 299, 0, 'kill', 'Mallory', 0)")
    assert Journal(path).check()["problems"] == ["1 rows before the first one"]
    with pytest.raises(JournalError, match="before the first one") as caught:
        run(path)
    assert caught.value.code == "journal.damaged"


@pytest.mark.parametrize("feed", ["recorded", "real time"])
def test_a_command_that_the_journal_could_not_take_is_not_answered_as_done(tmp_path: Path, feed: str) -> None:
    path = tmp_path / "run.db"
    data = pairloom.synthetic(["A/USD", "B/USD"], rows=ROWS, seed=1)
    made = engine(path)
    live = made.start(data, speed=60) if feed == "recorded" else made.start(SyntheticFeed(["A/USD", "B/USD"], rate=20))
    while live.status()["events"] < 1:
        assert not live.finished
    change(path, "DROP TABLE inputs")
    with pytest.raises(JournalError, match="inputs"):
        live.kill()
    with pytest.raises(JournalError, match="inputs"):
        live.stop()


def test_journals_in_one_folder_have_books_of_their_own(tmp_path: Path) -> None:
    for name in ("run.2026-11-25", "run.2026-11-26", "run.db"):
        assert not run(tmp_path / name).interrupted
    books = sorted(path.name for path in tmp_path.glob("*.broker.db"))
    assert books == ["run.2026-11-25.broker.db", "run.2026-11-26.broker.db", "run.broker.db"]


@pytest.mark.parametrize("before", ["-5", "1", "99999999"])
def test_prune_takes_neither_nothing_nor_everything(tmp_path: Path, before: str) -> None:
    path = tmp_path / "run.db"
    assert not run(path).interrupted
    counts = Journal(path).counts
    command = [sys.executable, "-m", "pairloom", "journal", "prune", str(path), "--before-step", before]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"--before-step {before}: the journal's last step is" in done.stderr
    assert "Traceback" not in done.stderr
    assert Journal(path).counts == counts


@pytest.mark.parametrize("before", ["5", "99999999"])
def test_of_a_run_that_goes_on_nothing_is_pruned_whatever_the_number(tmp_path: Path, before: str) -> None:
    path = tmp_path / "run.db"
    Other.stop_at = 100
    assert run(path).interrupted
    command = [sys.executable, "-m", "pairloom", "journal", "prune", str(path), "--before-step", before]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the run is not finished, and needs all rows to go on" in done.stderr
