"""What a worker process runs: ``python -m pairloom._worker``, started by an engine.

It never imports the program that the engine runs in, so that a script needs no guard.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import importlib.util
import io
import logging
import os
import pickle
import signal
import sys
from functools import partial, wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._inside import loading, refused_run
from pairloom._outline import code_that_differs, outline, values_that_differ
from pairloom._program import set_again
from pairloom._show.numbers import described
from pairloom._travel import DIFFERENT, pack_error, pack_record, unpack_strategies
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from pairloom._modules import Place
    from pairloom._outline import Outline

DESCRIPTORS = 4
# The functions themselves, which are noted when strategies call them.
_SETTRACE, _SETPROFILE, _SETITIMER = sys.settrace, sys.setprofile, signal.setitimer


class _Places(MetaPathFinder):
    """Finds modules of the engine's process that a worker would not find, or of which it would find another."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        """Take their names, files and folders."""
        self.places = places

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (the import system gives it)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Find such a module, or a package that has no file."""
        if fullname not in self.places:
            return None
        file, folders = self.places[fullname]
        if file is not None:
            return importlib.util.spec_from_file_location(fullname, file, submodule_search_locations=folders)
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec


class _Forward(logging.Handler):
    """Keeps records, as bytes, until the engine takes them."""

    def __init__(self, records: list[bytes]) -> None:
        """Put them there."""
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one. Its text is made now, by code of the strategy's whose call this is."""
        try:
            self.records.append(pack_record(record))
        except Exception:
            self.handleError(record)


class Inside:
    """What the compiled part of a worker asks of Python."""

    def __init__(self) -> None:
        """Begin without strategies."""
        self.records: list[bytes] = []
        # What takes away timers and functions that trace, by built-in functions alone.
        self.undo: list[partial[Any]] = []

    def load(self, payload: bytes) -> list[Callable[[], Any]]:
        """Return what makes the strategies; raises ``ConfigError`` where they cannot be loaded."""
        # What the first call of a strategy may need is loaded before it: an import is no part of its time.
        for name in ("numpy", "random"):
            importlib.import_module(name)
        note_what_is_set()
        start = pickle.loads(payload)
        sys.path[:] = start["path"]
        # It stands before the paths, where there may be another module of the same name.
        sys.meta_path.insert(0, _Places(start["places"]))
        for name, level in start["levels"].items():
            logging.getLogger(name or None).setLevel(level)
        logging.disable(start["disabled"])
        forward = _Forward(self.records)
        logging.getLogger().addHandler(forward)
        try:
            with loading():
                templates = unpack_strategies(start["strategies"])
        except BaseException as error:
            refused = refused_run()
            if refused is not None:
                raise refused from error
            raise ConfigError(
                f"workers: a worker process cannot load the strategies: {described(error)}; they must be in modules "
                "that Python finds by sys.path, or travel by cloudpickle (pip install 'pairloom[workers]')",
                code="config.workers",
            ) from error
        finally:
            self.undo[:] = undoing()
        compare(start["outline"], outline(templates), forward)
        # Behind the modules, which may have set it when they were imported.
        set_again(start["program"])
        return [template.fresh for template in templates]

    def pack_error(self, error: BaseException) -> bytes:
        """Return an error as bytes, and let go of what it holds."""
        packed = pack_error(error)
        if isinstance(error, MemoryError):
            gc.collect()
        return packed

    def packed_records(self) -> list[bytes]:
        """Return the records that were logged, and forget them."""
        records = self.records[:]
        del self.records[: len(records)]
        return records


def compare(there: Outline, here: Outline, forward: logging.Handler) -> None:
    """Tell the engine where strategies are other ones here than there; raises ``ConfigError`` where their code is."""
    name = code_that_differs(there, here)
    if name is not None:
        raise ConfigError(
            f"workers: {name} is not in a worker process what it is here, since that imports its module anew: the file "
            "was edited after it was imported here, or the program has replaced it; run the edited file in a new "
            "process, or let the module travel as it is now: cloudpickle.register_pickle_by_value(module); or use "
            "workers=0",
            code="config.workers",
        )
    for where, (value, other) in values_that_differ(there, here).items():
        # Whatever level the program logs from, this is a warning of the engine's.
        said = (
            "workers: %s is %.80s here and %.80s in a worker process, which imports its module anew; give it to the "
            "strategy as a parameter, or let this module and the strategy's travel as they are now: "
            "cloudpickle.register_pickle_by_value(module)"
        )
        level, own = logging.WARNING, __file__
        forward.emit(logging.LogRecord(DIFFERENT, level, own, 0, said, (where, value, other), None))


def note_what_is_set() -> None:
    """Have timers and functions that trace noted when they are set: whoever is called next is somebody else."""
    for module, name in ((signal, "setitimer"), (signal, "alarm"), (sys, "settrace"), (sys, "setprofile")):
        setattr(module, name, _noting(getattr(module, name)))


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def noting(*args: Any, **keywords: Any) -> Any:
        _native.worker_set()
        return function(*args, **keywords)

    return noting


def undoing() -> list[partial[Any]]:
    """Return what takes away timers, and functions that trace other than those there are now."""
    clear = [partial(_SETTRACE, sys.gettrace()), partial(_SETPROFILE, sys.getprofile())]
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return [*clear, *(partial(_SETITIMER, timer, 0) for timer in timers)]


def main() -> None:
    """Serve the engine that started this process until it ends it."""
    # The engine is who hears Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    os.register_at_fork(after_in_child=_native.worker_forked)
    # Line by line: the lines of several workers stay whole, and are there even if a worker dies just after.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, write_through=False)
    _native.serve_worker([int(number) for number in sys.argv[-DESCRIPTORS:]], Inside())


if __name__ == "__main__":
    main()
