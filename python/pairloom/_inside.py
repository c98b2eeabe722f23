"""Whether this process is a worker of an engine, and the runs that are refused there.

A worker imports the modules of its strategies. A run at the top level of one of them would be made again in each
worker, and one with workers would start workers without end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["loading", "refuse_more_workers", "refuse_while_loading", "refused_run"]


class _Here:
    """What this process knows of itself: it belongs to the process, and nothing else changes it."""

    worker = False
    loading = False
    refused: ConfigError | None = None


@contextmanager
def loading() -> Iterator[None]:
    """Note that this process is a worker, and that inside of the block it loads strategies."""
    _Here.worker = _Here.loading = True
    try:
        yield
    finally:
        _Here.loading = False


def refused_run() -> ConfigError | None:
    """The first run that was refused while strategies were loaded."""
    return _Here.refused


def refuse_while_loading() -> None:
    """Refuse any run that is begun while a worker loads its strategies; raises ``ConfigError``."""
    if not _Here.loading:
        return
    error = ConfigError(
        f"workers: {_module_that_runs()} runs an engine when it is imported, and a worker process imports it to load a "
        'strategy; put the run under if __name__ == "__main__": or into a function',
        code="config.workers",
    )
    _Here.refused = _Here.refused or error
    raise error


def refuse_more_workers(count: int) -> None:
    """Refuse workers of a worker; raises ``ConfigError``."""
    if _Here.worker:
        raise ConfigError(
            f"workers={count}: a strategy that is itself in a worker process cannot start others; "
            "use Engine(workers=0) for the run inside of it",
            code="config.workers",
        )


def _module_that_runs() -> str:
    """The module whose top level is being run, and the line where it is."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "<module>" and name.partition(".")[0] != "pairloom" and name != "__main__":
            return f"the module {name} ({frame.f_code.co_filename}, line {frame.f_lineno})"
        frame = frame.f_back
    return "a module"
