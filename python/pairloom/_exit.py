"""The end of the process: live runs are stopped, and calls that are still out are asked to end.

A thread that is inside a strategy when the interpreter is torn down would abort the process.
"""

from __future__ import annotations

import atexit
import os
import sys

# This module takes the thread that imports it first for the main one, and waits for that one at the end: it must not be
# a lane's thread, whose strategy may never return.
import threading  # noqa: F401

__all__ = ["end_live_runs_with_the_process"]

# Longer than any call that a strategy should make, short enough for who waits at a prompt.
PATIENCE_S = 5.0
_registered = False


def end_live_runs_with_the_process() -> None:
    """See to it, once, that the process ends in order even where a live strategy never returns."""
    global _registered
    if not _registered:
        _registered = True
        atexit.register(_end)


def _end() -> None:
    from pairloom import _native
    from pairloom.run import RUNNING

    for run in list(RUNNING):
        run.abandon()
    if _native.end_calls(PATIENCE_S):
        return
    sys.stderr.write(
        f"pairloom: a strategy's call did not end within {PATIENCE_S:g} s of the process's end; it is left behind\n"
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
