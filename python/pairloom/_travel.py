"""What travels between an engine and its worker processes: strategies, errors, log records.

A class that a worker can import travels by its name. One that it cannot (from ``__main__``, a
notebook, a module without a file, or inside a function) travels whole, which takes cloudpickle.
"""

from __future__ import annotations

import io
import marshal
import pickle
import sys
import threading
import traceback
import warnings
from collections import ChainMap
from contextlib import ExitStack
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from pairloom._modules import MAIN, importable
from pairloom._show.numbers import described
from pairloom.errors import ConfigError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pairloom.strategy import Strategy

__all__ = [
    "DIFFERENT",
    "WorkerTraceback",
    "handle_records",
    "pack_error",
    "pack_record",
    "pack_strategies",
    "unpack_error",
    "unpack_strategies",
]

# The logger of what a worker has other than the engine's process.
DIFFERENT = "pairloom.workers"
# What cloudpickle is told to take whole holds for the whole process, so that one thread packs at a time.
_PACKING = threading.RLock()
_INSTALL = "install cloudpickle (pip install 'pairloom[workers]'), or define the class at the top level of a module"


class WorkerTraceback(Exception):
    """The traceback of an error that was raised in a worker, as the cause of that error."""

    def __str__(self) -> str:
        """The text, set off as Python sets off the tracebacks of other processes."""
        return f'\n"""\n{self.args[0]}"""'


# Strategies, from the engine to a worker.


class _ByName(pickle.Pickler):
    """Pickles, and notes the modules that are other ones in a worker, or are to travel whole."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        # What a program has registered with cloudpickle is to travel as it is now, not as its file says.
        self.asked: set[str] = set()
        if sys.modules.get("cloudpickle") is not None:
            # Another thread may be importing it: the statement waits until it is whole.
            import cloudpickle  # type: ignore[import-not-found, import-untyped, unused-ignore]

            self.asked = cloudpickle.list_registry_pickle_by_value()
        self.whole: set[str] = set()

    def persistent_id(self, item: Any) -> None:
        """Look at every object on its way; none is replaced."""
        if isinstance(item, type | FunctionType):
            name = getattr(item, "__module__", None)
            if isinstance(name, str) and name not in self.whole and self._travels_whole(name, item):
                self.whole.add(name)

    def _travels_whole(self, name: str, item: type | FunctionType) -> bool:
        if name == MAIN or (self.asked and any(f"{name}.".startswith(f"{each}.") for each in self.asked)):
            return True
        # What is compiled may say that it is of a module that only its library makes.
        written = isinstance(item, FunctionType) or any(isinstance(each, FunctionType) for each in vars(item).values())
        return written and name in sys.modules and not importable(name)


def pack_strategies(templates: Sequence[Strategy]) -> bytes:
    """Return the templates as bytes for `unpack_strategies`; raises ``ConfigError`` where they cannot travel."""
    with _PACKING:
        return _packed(templates)


def _packed(templates: Sequence[Strategy]) -> bytes:
    buffer = io.BytesIO()
    pickler = _ByName(buffer)
    problem: Exception | None = None
    try:
        pickler.dump(list(templates))
    except Exception as error:
        problem = error
    if problem is None and not pickler.whole:
        return buffer.getvalue()
    try:
        import cloudpickle
    except ImportError:
        raise _cannot_travel(templates, None) from problem
    if problem is not None:
        # It has not seen them all.
        for template in templates:
            for owner in type(template).__mro__:
                pickler.persistent_id(owner)
    whole = partial(_whole, cloudpickle, pickler.whole - {MAIN})
    try:
        return whole(list(templates))
    except Exception as error:
        raise _cannot_travel(templates, whole) from error


def _whole(cloudpickle: Any, modules: set[str], item: Any) -> bytes:
    """Pickle by value, also what is of these modules; code keeps the name of its file for the lines of tracebacks."""

    class Whole(cloudpickle.CloudPickler):  # type: ignore[misc, name-defined, unused-ignore]
        dispatch_table: ClassVar[Any] = ChainMap({CodeType: _packed_code}, cloudpickle.CloudPickler.dispatch_table)

    buffer = io.BytesIO()
    mine = [sys.modules[name] for name in sorted(modules - cloudpickle.list_registry_pickle_by_value())]
    with ExitStack() as after:
        for module in mine:
            cloudpickle.register_pickle_by_value(module)
            after.callback(cloudpickle.unregister_pickle_by_value, module)
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
        pickler = _ByName(io.BytesIO())
        try:
            pickler.dump(template)
            if dumps is not None:
                dumps(template)
        except Exception as error:
            if dumps is None and "<locals>" in owner.__qualname__:
                return _refused(f"{owner.__qualname__} is defined inside a function, where {_NOBODY}; {_INSTALL}")
            if dumps is None and owner.__module__ == MAIN:
                break
            held = None if dumps is None else _global_that_cannot(owner, dumps)
            if held is not None:
                where, name, why = held
                return _refused(
                    f"{owner.__name__} cannot travel to a worker process, since its code names {name} of {where}, "
                    f"which cannot: {described(why)}; make it in setup(self, ctx), or move it and the class to a "
                    "module that a worker can import"
                )
            return _refused(
                f"{owner.__name__} cannot travel to a worker process: {described(error)}; give parameters that pickle "
                "takes, and open files, locks and connections in setup(self, ctx)"
            )
        if pickler.whole and dumps is None:
            break
    where = ", ".join(sorted(pickler.whole)) or MAIN
    return _refused(f"{owner.__name__} needs what is defined in {where}, which {_NOBODY}; {_INSTALL}")


def _global_that_cannot(owner: type, dumps: Any) -> tuple[str, str, Exception] | None:
    """Find what a class that travels whole takes along from its module and cannot: where, its name, and why."""
    left: list[Any] = [*owner.__mro__]
    seen: set[int] = set()
    while left:
        item = left.pop()
        if id(item) in seen or not _may_travel(item, dumps):
            continue
        seen.add(id(item))
        if isinstance(item, type):
            parts = (getattr(each, "__func__", each) for each in vars(item).values())
            left += [part for part in parts if isinstance(part, FunctionType)]
            continue
        for name in sorted(_names(item.__code__) & item.__globals__.keys()):
            value = item.__globals__[name]
            if isinstance(value, type | FunctionType):
                left.append(value)
                continue
            try:
                dumps(value)
            except Exception as why:
                return item.__module__, name, why
    return None


def _may_travel(item: Any, dumps: Any) -> bool:
    """Whether it is a class or function of a module that travels whole."""
    whole = {MAIN, *dumps.args[1]}
    return isinstance(item, type | FunctionType) and (item.__module__ in whole or "<locals>" in item.__qualname__)


def _names(code: CodeType) -> set[str]:
    inner = (_names(each) for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*inner)


_NOBODY = "a worker process does not import"


def _refused(message: str) -> ConfigError:
    return ConfigError(f"workers: {message}; or use workers=0", code="config.workers")


# Errors, from a worker to the engine.


class _ErrorPickler(pickle.Pickler):
    """Pickles an error whose class may stand where only the engine can find it, and the worker has a copy."""

    def persistent_id(self, item: Any) -> tuple[str, str] | None:
        """Name the classes of ``__main__`` and of modules that are not here instead of looking them up."""
        if isinstance(item, type) and (item.__module__ == MAIN or item.__module__ not in sys.modules):
            return item.__module__, item.__qualname__
        return None

    def reducer_override(self, item: Any) -> Any:
        """Say how an error is made that has an ``__init__`` of its own, whose arguments nobody kept."""
        if not isinstance(item, BaseException):
            return NotImplemented
        cls, base = type(item), _built_in(type(item))
        kept = cls.__reduce__ is not base.__reduce__ or cls.__reduce_ex__ is not base.__reduce_ex__
        if kept or (cls.__init__ is base.__init__ and cls.__new__ is base.__new__):
            return NotImplemented
        reduced: tuple[Any, ...] = item.__reduce__()  # type: ignore[assignment]
        return _error_again, (cls, *reduced[1]), *reduced[2:]


def _built_in(cls: Any) -> Any:
    """The built-in class that an exception's class is derived from."""
    while cls.__flags__ & _MADE_IN_PYTHON:
        cls = cls.__base__
    return cls


_MADE_IN_PYTHON = 1 << 9


def _error_again(cls: type[BaseException], *arguments: Any) -> BaseException:
    """Make an error as the built-in class would, without running code of its own class."""
    base = _built_in(cls)
    error: BaseException = base.__new__(cls, *arguments)
    base.__init__(error, *arguments)
    return error


class _ErrorUnpickler(pickle.Unpickler):
    def persistent_load(self, where: tuple[str, str]) -> Any:
        """Find a class that was named."""
        module, name = where
        found: Any = sys.modules[module]
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
        if record.name == DIFFERENT:
            # Each worker says it, and a warning is shown once.
            warnings.warn(record.getMessage(), stacklevel=2)
            continue
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
