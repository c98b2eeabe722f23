"""The kill switch thrown in the moment in which a run ends, or before it goes on: what it held back never leaves.

Each run is a process of its own, on recorded data with a journal, and is continued by the same command.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_broker_process import Process

import pairloom
from pairloom import BrokerError, Engine, Journal, Strategy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the signal needs Linux")

PATIENCE_S = 120.0
# The events at which orders are sent; at the first one something happens to the run, too.
FIRST, SECOND = 9, 18
RUN: list[Any] = []
KNOWN = threading.Event()
DOES: list[str] = []
# The event at which something happens to the run, in the process that makes it.
AT = [FIRST]
CALLED = threading.Event()
# A broker in a process of its own, where there is one: its socket and its number.
BROKER: dict[str, Any] = {}


class Buys(Strategy):
    """Sends two orders, and has something done to its run with the first."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n == AT[0] and DOES:
            # However slow the machine is: the run is known, so that things can be done to it.
            assert KNOWN.wait(PATIENCE_S)
            for what in DOES:
                done(what)
        if self.n in (FIRST, SECOND):
            ctx.buy(1)


def done(what: str) -> None:
    """What people and other processes do while a strategy is called."""
    if what == "throw":
        os.kill(os.getpid(), signal.SIGUSR1)
    elif what == "end":
        RUN[0].abandon()
    elif what == "gone":
        os.kill(BROKER["pid"], signal.SIGKILL)
    elif what == "hang":
        CALLED.set()
        threading.Event().wait()


def program(folder: str, how: str, before: str, at: int, broker: dict[str, Any]) -> None:
    """One run; says what became of its orders."""
    pairloom._native.kill_on_signal()
    AT[0] = at
    BROKER.update(broker)
    if before:
        done(before)
    engine = Engine(cash={"USD": 1_000_000}, journal=f"{folder}/run.db", broker_socket=broker.get("socket"))
    engine.trade("*", Buys())
    data = pairloom.synthetic(1, rows=40, kind="quote", interval="1s", seed=3)
    DOES.extend(how.split())
    run = engine.start(data, speed="max")
    RUN.append(run)
    KNOWN.set()
    if "hang" in how:
        assert CALLED.wait(PATIENCE_S)
        result = run.stop()
    else:
        try:
            result = run.wait()
        except BrokerError as gone:
            print(json.dumps([["failed", gone.code]]), flush=True)
            os._exit(0)
    orders = result.orders
    print(json.dumps(list(zip(map(str, orders["status"]), map(str, orders["reason"]), strict=True))), flush=True)
    # A call that hangs is not waited for.
    os._exit(0)


def ran(
    folder: Path, how: str = "", before: str = "", at: int = FIRST, broker: dict[str, Any] | None = None
) -> list[list[str]]:
    told = (str(folder), how, before, at, broker or {})
    code = f"from tests.flow import test_kill_lasts as t; t.program(*{told!r})"
    command = [sys.executable, "-W", "ignore", "-c", code]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=paths, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    orders: list[list[str]] = json.loads(done.stdout)
    return orders


def at_the_broker(folder: Path) -> list[int]:
    connection = sqlite3.connect(folder / "run.broker.db")
    try:
        return [row[0] for row in connection.execute("SELECT order_id FROM accepted ORDER BY order_id")]
    finally:
        connection.close()


def test_a_switch_thrown_as_the_run_ends_is_in_its_journal_with_what_it_held_back(tmp_path: Path) -> None:
    assert ran(tmp_path, how="throw end") == [["refused", "killed"]]
    assert Journal(tmp_path / "run.db").killed
    assert list(Journal(tmp_path / "run.db").orders["status"]) == ["refused"]
    assert ran(tmp_path) == [["refused", "killed"]] * 2
    assert at_the_broker(tmp_path) == []


def test_nor_is_it_lost_where_the_last_step_is_given_up(tmp_path: Path) -> None:
    assert ran(tmp_path, how="throw hang") == []
    journal = Journal(tmp_path / "run.db")
    assert journal.killed
    assert list(journal.runs["event"]) == ["begun", "kill"]
    assert ran(tmp_path) == [["refused", "killed"]] * 2
    assert at_the_broker(tmp_path) == []
    assert journal.killed
    # It is let go by a person, as any other.
    command = [sys.executable, "-m", "pairloom", "journal", "clear-kill", str(tmp_path / "run.db"), "--by", "Ada"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2, "the run is finished"


def test_who_clears_a_switch_that_no_step_took_in_lets_the_run_trade(tmp_path: Path) -> None:
    ran(tmp_path, how="throw hang")
    command = [sys.executable, "-m", "pairloom", "journal", "clear-kill", str(tmp_path / "run.db"), "--by", "Ada"]
    for said in ("cleared", "not set"):
        assert Journal(tmp_path / "run.db").killed == (said == "cleared")
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        assert said in shown.stdout
    assert [status for status, _ in ran(tmp_path)] == ["filled"] * 2
    assert not Journal(tmp_path / "run.db").killed
    said = Journal(tmp_path / "run.db").inputs
    assert list(zip(said["command"], said["author"], strict=True)) == [("kill", "signal"), ("clear_kill", "Ada")]


def test_an_order_of_which_nobody_knows_whether_it_left_does_not_leave_behind_the_switch(tmp_path: Path) -> None:
    """The engine died between its journal and the broker, and is killed before it is there again."""
    assert [status for status, _ in ran(tmp_path, how="end")] == ["filled"]
    assert at_the_broker(tmp_path) == [1]
    # As if it had died before the broker had the order.
    forgotten = sqlite3.connect(tmp_path / "run.broker.db")
    with forgotten:
        for table in ("accepted", "executions", "cancels"):
            forgotten.execute(f"DELETE FROM {table}")
    forgotten.close()
    assert ran(tmp_path, before="throw") == [["refused", "killed"]] * 2
    assert at_the_broker(tmp_path) == []


def test_an_older_switch_that_was_cleared_takes_nothing_from_a_new_one(tmp_path: Path) -> None:
    def clear() -> None:
        command = [sys.executable, "-m", "pairloom", "journal", "clear-kill", str(tmp_path / "run.db"), "--by", "Ada"]
        subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S)

    assert ran(tmp_path, how="throw end") == [["refused", "killed"]]
    clear()
    # The second order is in the journal when the call behind it hangs.
    assert [status for status, _ in ran(tmp_path, how="throw hang", at=SECOND + 1)] == ["refused", "filled"]
    forgotten = sqlite3.connect(tmp_path / "run.broker.db")
    with forgotten:
        for table in ("accepted", "executions", "cancels"):
            forgotten.execute(f"DELETE FROM {table}")
    forgotten.close()
    assert [status for status, _ in ran(tmp_path)] == ["refused", "refused"]
    assert at_the_broker(tmp_path) == []


def test_nor_is_it_lost_where_the_run_fails(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pl-k-") as room:
        books = tmp_path / "books.db"

        def start() -> dict[str, Any]:
            processes.append(Process(Path(room), books))
            processes[-1].wait_for("listening")
            return {"socket": str(processes[-1].socket), "pid": processes[-1].child.pid}

        processes: list[Process] = []
        try:
            assert ran(tmp_path, how="throw gone", broker=start()) == [["failed", "broker.gone"]]
            assert Journal(tmp_path / "run.db").killed
            assert ran(tmp_path, broker=start()) == [["refused", "killed"]] * 2
        finally:
            for process in processes:
                if process.child.poll() is None:
                    process.end()
                process.child.communicate()
