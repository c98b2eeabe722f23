"""What travels between an engine and its worker processes: strategies, errors, log records.

A class that a worker can import travels by its name. One that it cannot (from ``__main__``, a
notebook, or inside a function) travels whole, which takes cloudpickle.
"""

from __future__ import annotations

import io
import marshal
import pickle
import sys
import traceback
from collections import ChainMap
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from pairloom._show.numbers import described
from pairloom.errors import ConfigError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pairloom.strategy import Strategy

__all__ = [
    "WorkerTraceback",
    "handle_records",
    "pack_error",
    "pack_record",
    "pack_strategies",
    "unpack_error",
    "unpack_strategies",
]

MAIN = "__main__"
_INSTALL = "install cloudpickle (pip install 'pairloom[workers]'), or define the class at the top level of a module"


class WorkerTraceback(Exception):
    """The traceback of an error that was raised in a worker, as the cause of that error."""

    def __str__(self) -> str:
        """The text, set off as Python sets off the tracebacks of other processes."""
        return f'\n"""\n{self.args[0]}"""'


# Strategies, from the engine to a worker.


class _ByName(pickle.Pickler):
    """Pickles, and notes what stands in ``__main__``, which is another module in a worker."""

    main = False

    def persistent_id(self, item: Any) -> None:
        """Look at every object on its way; none is replaced."""
        if isinstance(item, type | FunctionType) and item.__module__ == MAIN:
            self.main = True


def pack_strategies(templates: Sequence[Strategy]) -> bytes:
    """Return the templates as bytes for `unpack_strategies`; raises ``ConfigError`` where they cannot travel."""
    buffer = io.BytesIO()
    pickler = _ByName(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    problem: Exception | None = None
    try:
        pickler.dump(list(templates))
    except Exception as error:
        problem = error
    if problem is None and not pickler.main:
        return buffer.getvalue()
    try:
        import cloudpickle  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise _cannot_travel(templates, None) from problem
    try:
        return _whole(cloudpickle, list(templates))
    except Exception as error:
        raise _cannot_travel(templates, partial(_whole, cloudpickle)) from error


def _whole(cloudpickle: Any, item: Any) -> bytes:
    """Pickle by value; code keeps the name of its file, so that tracebacks show its lines."""

    class Whole(cloudpickle.CloudPickler):  # type: ignore[misc, name-defined, unused-ignore]
        dispatch_table: ClassVar[Any] = ChainMap({CodeType: _packed_code}, cloudpickle.CloudPickler.dispatch_table)

    buffer = io.BytesIO()
    Whole(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(item)
    return buffer.getvalue()


def _packed_code(code: CodeType) -> tuple[Any, ...]:
    # A worker is the same interpreter, so its own form of code will do.
    return marshal.loads, (marshal.dumps(code),)


def unpack_strategies(packed: bytes) -> list[Strategy]:
    """Return the templates in a worker; bytes of cloudpickle need it here, too."""
    templates: list[Strategy] = pickle.loads(packed)
    return templates


def _cannot_travel(templates: Iterable[Strategy], dumps: Any) -> ConfigError:
    """Say which strategy it is, why, and what to do."""
    for template in templates:
        owner = type(template)
        pickler = _ByName(io.BytesIO(), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            pickler.dump(template)
            if dumps is not None:
                dumps(template)
        except Exception as error:
            if dumps is None and "<locals>" in owner.__qualname__:
                return _refused(f"{owner.__qualname__} is defined inside a function, where {_NOBODY}; {_INSTALL}")
            if dumps is None and owner.__module__ == MAIN:
                break
            return _refused(
                f"{owner.__name__} cannot travel to a worker process: {described(error)}; give parameters that pickle "
                "takes, and open files, locks and connections in setup(self, ctx)"
            )
        if pickler.main and dumps is None:
            break
    return _refused(f"{owner.__name__} needs what is defined in __main__, which {_NOBODY}; {_INSTALL}")


_NOBODY = "a worker process does not import"


def _refused(message: str) -> ConfigError:
    return ConfigError(f"workers: {message}; or use workers=0", code="config.workers")


# Errors, from a worker to the engine.


class _ErrorPickler(pickle.Pickler):
    """Pickles an error whose class may stand in the engine's ``__main__``, which the worker has a copy of."""

    def persistent_id(self, item: Any) -> str | None:
        """Name the classes of ``__main__`` instead of looking them up here."""
        if isinstance(item, type) and item.__module__ == MAIN:
            return item.__qualname__
        return None


class _ErrorUnpickler(pickle.Unpickler):
    def persistent_load(self, name: str) -> Any:
        """Find a class of ``__main__``."""
        found: Any = sys.modules[MAIN]
        for step in name.split("."):
            found = getattr(found, step)
        return found


def pack_error(error: BaseException) -> bytes:
    """Return an error and its traceback as bytes, and let go of what its frames hold."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    said = described(error)
    traceback.clear_frames(error.__traceback__)
    buffer = io.BytesIO()
    try:
        _ErrorPickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(error)
        packed = buffer.getvalue()
    except Exception:
        packed = b""
    return pickle.dumps((said, text, packed))


def unpack_error(data: bytes) -> BaseException:
    """Return the error of `pack_error`; one that cannot be made here is described by a ``StrategyError``."""
    said, text, packed = pickle.loads(data)
    error: object = None
    if packed:
        try:
            error = _ErrorUnpickler(io.BytesIO(packed)).load()
        except Exception:
            error = None
    if not isinstance(error, BaseException):
        error = StrategyError(said, code="strategy.raised")
    error.__cause__ = WorkerTraceback(text)
    return error


# Log records, from a worker to the engine.


def pack_record(record: Any) -> bytes:
    """Return a log record as bytes, its text made."""
    values = dict(record.__dict__)
    values["msg"], values["args"] = record.getMessage(), None
    if record.exc_info:
        values["exc_text"] = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        values["exc_info"] = None
    try:
        return pickle.dumps(values)
    except Exception:
        # What was added to the record cannot travel; its text can.
        plain = {key: value for key, value in values.items() if isinstance(value, str | int | float | None)}
        return pickle.dumps(plain)


def handle_records(records: Iterable[bytes]) -> None:
    """Hand records of workers to the loggers of this process."""
    import logging

    for packed in records:
        record = logging.makeLogRecord(pickle.loads(packed))
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
