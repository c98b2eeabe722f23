"""Commands that are a process of their own, such as ``pairloom risk``: how they end, and what they say."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, print_json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Says", "killable", "serve"]


class Says:
    """Prints what befalls the process."""

    def __init__(self, command: str, path: str, *, as_json: bool) -> None:
        """Of ``pairloom COMMAND``, which listens at ``path``; with ``as_json`` it prints lines of JSON."""
        self._command = command
        self._path = path
        self._as_json = as_json

    def __call__(self, event: str, detail: str) -> None:
        """Print one event."""
        if self._as_json:
            print_json_line({"event": event, "detail": detail, "socket": self._path, "pid": os.getpid()})
            return
        where = f" on {self._path}, process {os.getpid()}" if event == "listening" else ""
        print(f"pairloom {self._command}: {event}{where}{': ' if detail else ''}{detail}", flush=True)


@contextmanager
def killable() -> Iterator[None]:
    """Let SIGUSR1 set the kill switch of the process inside (Linux); behind it the signal is whose it was before."""
    if sys.platform != "linux":
        yield
        return
    from pairloom import _native

    _native.kill_on_signal()
    try:
        yield
    finally:
        _native.kill_no_more()


def serve(run: Callable[[], None]) -> int:
    """Run a process until SIGTERM or SIGINT ends it; returns the exit status."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        run()
    except KeyboardInterrupt:
        # SIGINT and SIGTERM are how it ends; it has said so itself.
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
    return DONE


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
