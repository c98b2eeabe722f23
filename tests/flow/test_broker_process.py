"""The paper broker in a process of its own: nothing else changes, and where it is gone nothing leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pairloom
from journals import books_of, data, portfolio, rows_of
from pairloom import BrokerError, ConfigError, Engine, Faults, Signal, Strategy, SyntheticFeed

CRASH_LOOP = Path(__file__).resolve().parents[2] / "scripts" / "crash_loop"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the broker process needs Linux"),
    pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning"),
]


class Process:
    """`pairloom broker`, and what it says."""

    def __init__(self, folder: Path, books: Path) -> None:
        self.socket, self.books = folder / "b.sock", books
        command = [sys.executable, "-m", "pairloom", "broker", "--socket", str(self.socket), "--books", str(books)]
        self.child = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event:
                return said
        raise AssertionError(f"it ended without saying {event!r}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.child.send_signal(how)
        self.child.communicate()
        return self.child.returncode


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder with a short path, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="pl-b-") as folder:
        yield Path(folder)


@pytest.fixture
def broker(room: Path) -> Iterator[Process]:
    process = Process(room, room / "books.db")
    process.wait_for("listening")
    yield process
    if process.child.poll() is None:
        process.end(signal.SIGKILL)


@pytest.mark.parametrize("kind", ["candle", "quote", "trade"])
def test_a_recorded_run_has_one_digest_wherever_its_broker_lives(broker: Process, kind: Any) -> None:
    feed = pairloom.synthetic(4, rows=300, seed=2, kind=kind, volatility=0.01, missing=0.1)

    def run(**settings: Any) -> pairloom.Result:
        engine = Engine(cash={"USD": 2_000}, account="margin", slippage_bps=3, **settings)
        engine.trade("*", "sma_cross", size={"quote": 200}, fast=3, slow=8)
        engine.trade("*", Limits(), size=1)
        return engine.paper(feed, progress=False)

    here, there = run(), run(broker_socket=broker.socket)
    assert len(here.fills) > 50
    assert there.digest == here.digest
    assert run(broker_socket=broker.socket).digest == here.digest


class Limits(Strategy):
    """Limit orders that rest, and are cancelled."""

    def setup(self, ctx: Any) -> None:
        self.n = 0
        self.id: int | None = None

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n % 9 == 1:
            self.id = ctx.buy(0.5, limit=99.5)
        elif self.n % 9 == 7 and self.id is not None:
            ctx.cancel(self.id)


def test_journal_and_books_are_those_of_a_run_in_one_process(broker: Process, tmp_path: Path) -> None:
    here, there = tmp_path / "here.db", tmp_path / "there.db"
    wanted = portfolio(here).paper(data(), progress=False)
    found = portfolio(there, broker_socket=broker.socket).paper(data(), progress=False)
    assert found.digest == wanted.digest
    assert rows_of(there) == rows_of(here)
    assert not (tmp_path / "there.broker.db").exists()
    assert broker.end() == 0
    books = tmp_path / "there.broker.db"
    for file in broker.books.parent.glob("books.db*"):
        file.rename(tmp_path / file.name.replace("books.db", books.name))
    assert books_of(there) == books_of(here)


class Kills(Limits):
    """Kills the broker's process at one of its events."""

    victim: ClassVar[int | None] = None

    def generate_signal(self, ctx: Any) -> None:
        super().generate_signal(ctx)
        if self.n == 40 and Kills.victim is not None:
            os.kill(Kills.victim, signal.SIGKILL)


def test_where_it_is_gone_nothing_leaves_and_the_same_run_goes_on_later(
    broker: Process, room: Path, tmp_path: Path
) -> None:
    def engine(name: str, **settings: Any) -> Engine:
        made = Engine(cash={"USD": 2_000}, journal=tmp_path / name, **settings)
        made.trade("*", Kills())
        return made

    wanted = engine("here.db").paper(data(), progress=False)
    Kills.victim = broker.child.pid
    try:
        with pytest.raises(BrokerError, match="has gone") as caught:
            engine("there.db", broker_socket=broker.socket).paper(data(), progress=False)
    finally:
        Kills.victim = None
    assert caught.value.code == "broker.gone"
    with pytest.raises(ConfigError, match="start it with pairloom broker") as unreachable:
        engine("there.db", broker_socket=broker.socket).paper(data(), progress=False)
    assert unreachable.value.code == "broker.unreachable"
    again = Process(room, broker.books)
    again.wait_for("listening")
    try:
        found = engine("there.db", broker_socket=again.socket).paper(data(), progress=False)
    finally:
        assert again.end() == 0
    assert found.resumed_at_step > 0
    assert found.digest == wanted.digest
    assert rows_of(tmp_path / "there.db") == rows_of(tmp_path / "here.db")


class Fills(Strategy):
    """Turns at each event, and says when it has traded often enough."""

    enough: ClassVar[threading.Event] = threading.Event()

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.CLOSE if ctx.position.size > 0 else Signal.LONG

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.n += 1
        if self.n == 20:
            Fills.enough.set()


def test_a_run_in_real_time_has_its_broker_there(broker: Process, tmp_path: Path) -> None:
    engine = Engine(cash={"USD": 100_000}, journal=tmp_path / "run.db", broker_socket=broker.socket)
    engine.trade("*", Fills(), size=1)
    Fills.enough.clear()
    with engine.start(SyntheticFeed(3, rate=200, volatility=0.01)) as run:
        assert Fills.enough.wait(60)
        result = run.stop()
    assert len(result.fills) >= 20
    assert broker.end() == 0
    approved = result.orders.column("order_id")[result.orders.column("status") != "refused"]
    with sqlite3.connect(broker.books) as connection:
        accepted = [row[0] for row in connection.execute("SELECT * FROM accepted")]
        # What the journal had not on disk when the run ended has not left.
        assert len(accepted) >= 20 and set(accepted) <= set(approved.tolist())
        assert connection.execute("SELECT count(*) FROM duplicates").fetchone() == (0,)


def test_books_of_another_run_are_refused(broker: Process, tmp_path: Path) -> None:
    portfolio(tmp_path / "one.db", broker_socket=broker.socket).paper(data(), progress=False)
    with pytest.raises(BrokerError, match="has the orders of another run") as caught:
        portfolio(tmp_path / "two.db", broker_socket=broker.socket).paper(data(), progress=False)
    assert caught.value.code == "broker.other_run"
    # It goes on serving who has the right one.
    portfolio(tmp_path / "one.db", broker_socket=broker.socket).paper(data(), progress=False)


def test_socket_and_books_are_for_one_process_of_one_user(broker: Process, room: Path) -> None:
    assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o600
    # The same books, behind another socket.
    (room / "other").mkdir()
    second = Process(room / "other", broker.books)
    assert second.child.wait() == 2
    assert f"in use by process {broker.child.pid}" in second.child.communicate()[1]
    third = Process(room, room / "other.db")
    assert third.child.wait() == 2
    assert "another process listens there" in third.child.communicate()[1]


def test_books_that_cannot_be_locked_are_no_other_processes(room: Path) -> None:
    # Nobody has them; the lock's place is taken by something else.
    (room / "books.db.lock").mkdir()
    process = Process(room, room / "books.db")
    _, error = process.child.communicate()
    assert process.child.returncode == 2
    assert str(room / "books.db.lock") in error
    assert "must exist and be writable" in error
    assert "in use" not in error
    second = Process(room, room / "nowhere" / "books.db")
    _, error = second.child.communicate()
    assert second.child.returncode == 2
    assert str(room / "nowhere" / "books.db.lock") in error


def test_what_stands_beside_the_socket_and_is_none_stays(room: Path) -> None:
    beside = room / "b.sock.new"
    beside.write_text("mine")
    process = Process(room, room / "books.db")
    _, error = process.child.communicate()
    assert process.child.returncode == 2
    assert f"{beside}: there is something else than a socket" in error
    assert beside.read_text() == "mine"
    # A socket that a process left there is in nobody's way.
    beside.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(beside))
    process = Process(room, room / "books.db")
    process.wait_for("listening")
    assert not beside.exists()
    assert process.end() == 0


def test_a_run_says_that_it_keeps_no_snapshots_and_why(
    broker: Process, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    portfolio(tmp_path / "run.db", broker_socket=broker.socket).paper(data(), progress=False)
    (told,) = [record.getMessage() for record in caplog.records if "no snapshots" in record.getMessage()]
    assert "the paper broker lives in a process of its own" in told


def test_what_is_no_message_ends_the_connection_and_nothing_else(broker: Process) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(broker.socket))
        stranger.sendall(b"\x05\x00\x00\x00hello")
        answered = b""
        while more := stranger.recv(4096):
            answered += more
    assert b"broker.protocol" in answered
    assert "cannot be read" in broker.wait_for("lost")["detail"]
    engine = Engine(cash={"USD": 1_000}, broker_socket=broker.socket)
    engine.trade("*", "simple", size=1)
    assert len(engine.paper(data(), progress=False).fills) > 0


@pytest.mark.parametrize("way", ["backtest", "sweep"])
def test_it_is_refused_where_the_venue_is_a_part_of_the_run(way: str) -> None:
    engine = Engine(cash={"USD": 1_000}, broker_socket="/nowhere/b.sock")
    engine.trade("*", "rsi", size=1)
    given = {"period": [5, 6]} if way == "sweep" else {}
    with pytest.raises(ConfigError, match="broker_socket has no meaning") as caught:
        getattr(engine, way)(data(), **given)
    assert caught.value.code == "config.broker_socket"


def test_it_is_refused_together_with_faults() -> None:
    with pytest.raises(ConfigError, match="give one or the other") as caught:
        Engine(cash={"USD": 1_000}, broker_socket="/nowhere/b.sock", faults=Faults(seed=1))
    assert caught.value.code == "config.broker_socket"


def test_engine_and_broker_are_killed_at_random() -> None:
    command = [sys.executable, str(CRASH_LOOP), "--broker", "--kills", "15", "--days", "1.5", "--limit", "900"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["kills"] == 15
    assert summary["most_steps_resumed"] > 0
    assert sum(summary["killed"].values()) == 15
