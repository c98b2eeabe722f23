"""Watching a live run: redraw a table on a terminal, write a line now and then elsewhere."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any, Protocol

from pairloom.demo.table import status_line, table_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["LiveRun", "watch"]

FRAME_S = 0.2
LINE_S = 5.0
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class LiveRun(Protocol):
    """What is watched: a run that tells its status and can be stopped."""

    @property
    def finished(self) -> bool:
        """Whether the run is over."""

    def status(self) -> dict[str, Any]:
        """The present prices, signals, positions and totals."""

    def stop(self) -> None:
        """End the run early."""

    def summary(self) -> dict[str, Any]:
        """Wait for the end and tell what was counted."""


def watch(
    run: LiveRun,
    stream: TextIO,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Show the run until it is over or Ctrl-C ends it; returns its summary."""
    try:
        if stream.isatty():
            _watch_terminal(run, stream, sleep)
        else:
            _watch_log(run, stream, sleep, clock)
    except KeyboardInterrupt:
        run.stop()
    except BaseException:
        # Nobody watches any more (a closed pipe, say), so nothing may go on behind.
        run.stop()
        raise
    return run.summary()


def _watch_terminal(run: LiveRun, stream: TextIO, sleep: Callable[[float], object]) -> None:
    color = "NO_COLOR" not in os.environ
    drawn = 0
    stream.write(HIDE_CURSOR)
    try:
        while True:
            finished = run.finished
            size = shutil.get_terminal_size()
            lines = table_lines(run.status(), width=size.columns - 1, height=size.lines - 1, color=color)
            # Up to where the table began, then each line wiped to its end: no flicker.
            up = f"\x1b[{drawn}F" if drawn else ""
            stream.write(up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
            stream.flush()
            drawn = len(lines)
            if finished:
                return
            sleep(FRAME_S)
    finally:
        stream.write(SHOW_CURSOR)
        stream.flush()


def _watch_log(run: LiveRun, stream: TextIO, sleep: Callable[[float], object], clock: Callable[[], float]) -> None:
    due = clock() + LINE_S
    while not run.finished:
        if clock() >= due:
            stream.write(status_line(run.status()) + "\n")
            stream.flush()
            due += LINE_S
        sleep(FRAME_S)
