"""Ctrl-C while the engine runs: heard where a strategy swallows it, and never in the middle of NumPy's import."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairloom import _native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["heard", "load_numpy"]


@contextmanager
def heard() -> Iterator[None]:
    """Let runs inside end on Ctrl-C even where a strategy's ``except:`` swallows the ``KeyboardInterrupt``.

    Whoever has a handler of their own keeps it, and Python calls handlers on the main thread alone.
    """
    plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not plain or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        # A handler that a strategy set meanwhile is the user's.
        if signal.getsignal(signal.SIGINT) is _note:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _note(number: int, frame: FrameType | None) -> None:
    """Tell the runs of this process, and raise ``KeyboardInterrupt`` as ever."""
    _native.note_interrupt()
    signal.default_int_handler(number, frame)


def load_numpy() -> None:
    """Import NumPy, if it is not yet, as a whole: an interrupt that comes meanwhile is heard behind it.

    An import that is broken off leaves modules behind with which no later one succeeds, and the core cannot do without.
    """
    if "numpy" in sys.modules:
        return
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        import numpy

        return
    waiting: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: waiting.append((number, frame)))
    try:
        import numpy  # noqa: F401
    finally:
        signal.signal(signal.SIGINT, before)
    for number, frame in waiting[:1]:
        before(number, frame)
