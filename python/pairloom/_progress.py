"""A progress bar for runs that take long enough to wonder."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["Bar", "progress_callback"]

# A run shorter than this is over before a bar would have told anything.
QUIET_S = 0.5
EVERY_S = 0.1
WIDTH = 30


class Bar:
    """A bar on one line of a terminal, redrawn in place; call it with the fraction done."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock; nothing is drawn yet."""
        self._stream = stream
        self._clock = clock
        self._start = clock()
        self._next = self._start + QUIET_S
        self._drawn = False

    def __call__(self, fraction: float) -> None:
        """Draw the bar if it is time to."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_S
        done = min(max(fraction, 0.0), 1.0)
        filled = int(done * WIDTH)
        spent = now - self._start
        left = f", {spent * (1 - done) / done:.0f} s left" if done > 0.01 else ""
        bar = "#" * filled + "-" * (WIDTH - filled)
        self._write(f"\r[{bar}] {done:4.0%} {spent:.0f} s{left}\x1b[K")
        self._drawn = True

    def close(self) -> None:
        """Wipe the bar away."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # A terminal that went away must not end the run; nothing is drawn again.
            self._next = float("inf")


def progress_callback(progress: object) -> Callable[[float], object] | None:
    """Return what the core calls with the fraction done, or ``None``.

    ``None`` means a bar on a terminal, ``False`` none, ``True`` always one; anything
    callable is called itself.
    """
    if progress is False:
        return None
    if progress is None or progress is True:
        stream = sys.stderr
        # Some hosts (notebooks' kernels, services) have no standard error at all.
        if stream is None or not (progress or stream.isatty()):
            return None
        return Bar(stream)
    if callable(progress):
        return progress
    raise ConfigError(
        f"progress={progress!r} must be None, True, False or a function of the fraction done",
        code="config.progress",
    )
