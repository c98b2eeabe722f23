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
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._show.numbers import described
from pairloom._travel import pack_error, pack_record, unpack_strategies
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

DESCRIPTORS = 4


class _Files(MetaPathFinder):
    """Finds modules that the engine's process had loaded from files, though no path leads to them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Take their names and files."""
        self.files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (the import system gives it)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Find such a module, or make an empty package around one."""
        if fullname in self.files:
            return importlib.util.spec_from_file_location(fullname, self.files[fullname])
        if any(name.startswith(f"{fullname}.") for name in self.files):
            return ModuleSpec(fullname, None, is_package=True)
        return None


class _Forward(logging.Handler):
    """Keeps records until the engine takes them."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        """Put them there."""
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.records.append(record)


class Inside:
    """What the compiled part of a worker asks of Python."""

    def __init__(self) -> None:
        """Begin without strategies."""
        self.records: list[logging.LogRecord] = []

    def load(self, payload: bytes) -> list[Callable[[], Any]]:
        """Return what makes the strategies; raises ``ConfigError`` where they cannot be loaded."""
        # What the first call of a strategy may need is loaded before it: an import is no part of its time.
        for name in ("numpy", "random"):
            importlib.import_module(name)
        start = pickle.loads(payload)
        sys.path[:] = start["path"]
        sys.meta_path.append(_Files(start["files"]))
        for name, level in start["levels"].items():
            logging.getLogger(name or None).setLevel(level)
        logging.disable(start["disabled"])
        logging.getLogger().addHandler(_Forward(self.records))
        try:
            templates = unpack_strategies(start["strategies"])
        except BaseException as error:
            raise ConfigError(
                f"workers: a worker process cannot load the strategies: {described(error)}; they must be in modules "
                "that Python finds by sys.path, or travel by cloudpickle (pip install 'pairloom[workers]')",
                code="config.workers",
            ) from error
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
        self.records.clear()
        return [pack_record(record) for record in records]


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
