"""The kill switch, thrown in each way under load: no new order is approved, all are cancelled, and it stays set."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Strategy
from pairloom.cli import kill as kill_command
from pairloom.cli import main
from pairloom.cli.process import killable

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_switch_loop"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the signal needs Linux")


def test_each_way_stops_all_orders_and_lasts() -> None:
    # The first of each way is on recorded data and restarted, the second in real time. How long it takes is no matter.
    command = [
        sys.executable,
        str(SCRIPT),
        "--tries",
        "6",
        "--traders",
        "20",
        "--orders",
        "50",
        "--recorded-every",
        "2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tries"] == 6


def kill(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairloom", "kill", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Waits(Strategy):
    """Looks from outside what the command says to a run of a program that does not listen."""

    def setup(self, ctx: Any) -> None:
        self.said: subprocess.CompletedProcess[str] | None = None

    def generate_signal(self, ctx: Any) -> None:
        if self.said is None:
            self.said = kill(SEEN[0])
            SEEN.append(self.said)


SEEN: list[Any] = []


def test_a_process_that_does_not_listen_is_not_ended(tmp_path: Path) -> None:
    SEEN[:] = [tmp_path / "run.db"]
    engine = Engine(cash={"USD": 1_000}, journal=SEEN[0])
    engine.trade("*", Waits())
    result = engine.paper(pairloom.synthetic(1, rows=3), progress=False)
    assert not result.quarantined
    assert SEEN[1].returncode == 2
    assert "does not listen to SIGUSR1" in SEEN[1].stderr
    link = tmp_path / "latest.db"
    link.symlink_to(SEEN[0])
    SEEN[:] = [link]
    engine.paper(pairloom.synthetic(1, rows=3), progress=False)
    assert "does not listen to SIGUSR1" in SEEN[1].stderr, "by whichever name it is asked for"
    # And when it is over there is nobody.
    assert "no process writes to it" in kill(SEEN[0]).stderr
    assert "there is no such journal" in kill(tmp_path / "other.db").stderr


@pytest.fixture
def own_handler() -> Iterator[list[int]]:
    """A program that uses the signal for something of its own; what it heard."""
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGUSR1, before)


def test_a_process_with_a_handler_of_its_own_is_not_told(tmp_path: Path, own_handler: list[int]) -> None:
    SEEN[:] = [tmp_path / "run.db"]
    engine = Engine(cash={"USD": 1_000}, journal=SEEN[0])
    engine.trade("*", Waits())
    engine.paper(pairloom.synthetic(1, rows=3), progress=False)
    assert SEEN[1].returncode == 2
    assert "does not listen to SIGUSR1" in SEEN[1].stderr
    assert own_handler == []


def test_a_run_that_listens_says_so_in_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 1_000}, journal=path)
    engine.trade("*", Waits())
    SEEN[:] = ["said"]
    with killable():
        lock = Path(f"{path}.lock")
        with engine.start(pairloom.synthetic(1, rows=3), speed=1):
            assert lock.read_text() == f"{os.getpid()}\nSIGUSR1\n"
    with engine.start(pairloom.synthetic(1, rows=3), speed=1):
        assert lock.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("there", ["", "{own}\nSIGUSR1\n", "no number\n"])
def test_a_process_that_has_not_said_who_it_is_is_not_told(tmp_path: Path, own_handler: list[int], there: str) -> None:
    # What stands in the lock is of a process that died, and this one has its number now; it catches the signal.
    path = tmp_path / "run.db"
    path.touch()
    lock = Path(f"{path}.lock")
    lock.write_text(there.format(own=os.getpid()))
    holder = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-c", holder, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdout.readline()
        done = kill(path)
        child.stdin.write("\n")
    assert done.returncode == 2
    assert "does not say who it is" in done.stderr
    assert own_handler == []


def test_a_run_of_another_user_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.db"
    path.touch()
    opened = Path.open

    def closed(self: Path, *args: Any, **named: Any) -> Any:
        # As for anybody but its owner: the mode is 0600. The tests may be run by root, whom no mode stops.
        if self.name == "run.db.lock":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **named)

    monkeypatch.setattr(Path, "open", closed)
    assert main(["kill", str(path)]) == 2
    assert "run.db.lock is another user's" in capsys.readouterr().err


def test_a_process_that_says_who_it_is_a_moment_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.db"
    path.touch()
    lock = Path(f"{path}.lock")
    lock.touch()
    waits: list[float] = []
    with lock.open("r+") as held, killable(), monkeypatch.context() as patch:
        fcntl.flock(held, fcntl.LOCK_EX)

        def write(seconds: float) -> None:
            waits.append(seconds)
            held.write(f"{os.getpid()}\nSIGUSR1\n")
            held.flush()

        patch.setattr(kill_command.time, "sleep", write)
        assert kill_command._writer(path) == os.getpid()
    assert len(waits) == 1


def handler_of(number: int) -> bool:
    """Whether the process catches a signal."""
    lines = Path("/proc/self/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.partition(":")[2], 16) >> (number - 1) & 1)


# In a process of its own, since the switch stays set.
GIVEN_BACK = """
import os, signal
from pairloom import _native
from pairloom.cli.process import killable

heard = []
signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))

def press():
    os.kill(os.getpid(), signal.SIGUSR1)
    return len(heard)

assert press() == 1
with killable():
    assert press() == 1
    with killable():
        assert press() == 1
    assert press() == 1
assert press() == 2
# Two that overlap: the one that began first ends first.
_native.kill_on_signal()
_native.kill_on_signal()
_native.kill_no_more()
assert press() == 2
_native.kill_no_more()
assert press() == 3
# Once more than it was asked for is nothing.
_native.kill_no_more()
assert press() == 4
print("held")
"""


def test_the_signal_is_given_back_by_the_last_that_listened() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=False)
    assert done.stdout == "held\n", done.stderr


def test_who_takes_the_signal_meanwhile_keeps_it(own_handler: list[int]) -> None:
    mine: list[int] = []
    with killable():
        signal.signal(signal.SIGUSR1, lambda number, frame: mine.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert (mine, own_handler) == ([signal.SIGUSR1], [])


def test_the_command_line_gives_the_signal_back(tmp_path: Path) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    (tmp_path / "A_USD.csv").write_text("ts,price,quantity\n1735689600000000000,100,1\n1735689601000000000,101,1\n")
    command = ["paper", "simple", "--data", str(tmp_path / "A_USD.csv"), "--cash", "USD=100", "--json"]
    assert main(command) == 0
    assert not handler_of(signal.SIGUSR1)
