"""``pairloom kill``: sets the kill switch of the run that writes a journal."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, FAILED, print_json
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom kill run.db                             of the run that writes run.db now
  pairloom journal clear-kill run.db --by NAME     let it trade again when it goes on

exit status: 0 the journal has it; 1 it was told, and the journal does not have it yet; 2 nobody there can be told
"""

# How often the journal, or its lock, is looked at until it says what is waited for.
LOOK_S = 0.005
# How long a process that has just taken the lock may take to say who it is.
STARTING_S = 1.0
# What a lock says, behind the process's number, of one that listens to the signal.
LISTENS = "SIGUSR1"


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "kill",
        help="set the kill switch of a run",
        description="Set the kill switch of the run that writes this journal, by SIGUSR1 to its process: all orders "
        "are cancelled and no new one leaves, also after a restart. It ends when the journal has it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="JOURNAL", help="the journal of a run of pairloom paper")
    parser.add_argument("--wait", metavar="S", type=float, default=10, help="wait so long for the journal; default 10")
    parser.add_argument("--json", action="store_true", help="print one JSON document to standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if sys.platform != "linux":
        raise ConfigError(f"pairloom kill needs Linux so far, and this is {sys.platform}", code="config.platform")
    path = Path(options.file).expanduser()
    path = path.resolve() if path.is_symlink() else path
    pid = _writer(path)
    sent = time.time_ns()
    try:
        os.kill(pid, signal.SIGUSR1)
    except ProcessLookupError:
        raise _nobody(path) from None
    except PermissionError:
        raise _foreign(path, pid) from None
    kept = _kept(path, time.monotonic() + options.wait)
    if options.json:
        print_json({"file": options.file, "pid": pid, "sent_ns": sent, "killed": kept})
    elif kept:
        print(f"pairloom kill: the kill switch of process {pid} is set")
    else:
        print(
            f"pairloom kill: process {pid} was told, but {path} does not say so after {options.wait:g} s",
            file=sys.stderr,
        )
    return DONE if kept else FAILED


def _writer(path: Path) -> int:
    """The process that writes a journal and listens to the signal; raises ``ConfigError`` where there is none."""
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such journal", code="kill.nobody")
    until = time.monotonic() + STARTING_S
    while (told := _told(path)) is None:
        if time.monotonic() > until:
            raise ConfigError(
                f"{path}: a process has taken its lock and does not say who it is; it was not told. Try again, "
                f"and see with fuser {path}.lock who it is",
                code="kill.starting",
            )
        time.sleep(LOOK_S)
    pid, says = told
    # What the lock says was true when the run began; the process may have given the signal back since.
    if says != LISTENS or not _catches(pid):
        raise ConfigError(
            f"{path}: process {pid} does not listen to SIGUSR1 for its runs, and may end by it; "
            "only pairloom paper does: in your own program call run.kill(). One that an earlier Pairloom began "
            f"listens and does not say so: kill -USR1 {pid}",
            code="kill.deaf",
        )
    return pid


def _told(path: Path) -> tuple[int, str] | None:
    """What the lock of a journal says of the process that has it: its number, and what it listens to.

    ``None`` while that process has not written it yet: what stands there then is of one before, or nothing.
    """
    import fcntl

    try:
        with Path(f"{path}.lock").open("rb") as lock:
            try:
                # It is let go of at once, since the file is closed.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                number, _, says = lock.read().decode(errors="replace").partition("\n")
                file = os.fstat(lock.fileno())
            else:
                raise _nobody(path)
    except FileNotFoundError:
        raise _nobody(path) from None
    except PermissionError:
        raise ConfigError(
            f"{path}.lock is another user's, and so is the run that has it; let that one kill it", code="kill.foreign"
        ) from None
    if not number.isdecimal() or not _has_open(path, int(number), file):
        return None
    return int(number), says.strip()


def _has_open(path: Path, pid: int, file: os.stat_result) -> bool:
    """Whether a process has a file open: the number in a lock may be of one that died, and of another one since."""
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                # Of what lies on a file system that fails, or is nobody's business, nothing needs to be known.
                with contextlib.suppress(OSError):
                    if os.path.samestat(entry.stat(), file):
                        return True
    except (FileNotFoundError, ProcessLookupError):
        pass
    except PermissionError:
        raise _foreign(path, pid) from None
    return False


def _catches(pid: int) -> bool:
    """Whether a process catches the signal: one that does not would be ended by it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = [line.partition(":")[2] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(caught) and bool(int(caught[0], 16) >> (signal.SIGUSR1 - 1) & 1)


def _kept(path: Path, until: float) -> bool:
    """Wait until the journal has the command; whether it has."""
    from pairloom.journal import Journal

    journal = Journal(path)
    while not journal.killed:
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    return True


def _foreign(path: Path, pid: int) -> ConfigError:
    return ConfigError(f"{path}: process {pid} is another user's; let that one kill it", code="kill.foreign")


def _nobody(path: Path) -> ConfigError:
    return ConfigError(f"{path}: no process writes to it, so there is none to stop", code="kill.nobody")
