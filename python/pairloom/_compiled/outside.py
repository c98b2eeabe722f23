"""What compiled code depends on outside its own source, as one text: it is compiled anew where that changes.

Numba takes what a function reads from its module, from other modules and from its closure as it is when it compiles,
and never looks again. So all of it is part of the name under which a compilation is kept.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from enum import EnumMeta
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["code_text", "fingerprint", "is_library", "python_of"]

# Libraries, whose names keep their meaning within a version.
_LIBRARIES = {"numba", "numpy", "pairloom"} | set(sys.stdlib_module_names)


def fingerprint(values: Mapping[str, Any], attributes: Iterable[str]) -> str:
    """What code depends on that reads these values, and from modules among them attributes of these names."""
    return _each(values, frozenset(attributes), {})


# What has been described already, and as which one: much is read from many places, and some of it reads itself.
_Known = dict[Any, int]


def _each(values: Mapping[str, Any], attributes: frozenset[str], known: _Known) -> str:
    return "\n".join(f"{name}={_one(values[name], attributes, known)}" for name in sorted(values))


def _one(value: Any, attributes: frozenset[str], known: _Known) -> str:
    if isinstance(value, ModuleType):
        return _module(value, attributes, known)
    function = python_of(value)
    if isinstance(function, FunctionType):
        return _function(function, known) + ("" if function is value else _options(value))
    if isinstance(value, type):
        return _class(value, attributes, known)
    if type(value).__module__ == "numpy" and hasattr(value, "tobytes"):
        # A text of an array leaves out most of a large one, and the last digits of any.
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, list | tuple):
        kind = f"{type(value).__name__} {getattr(value, '_fields', ())}"
        return f"{kind}({', '.join(_one(item, attributes, known) for item in value)})"
    if isinstance(value, dict):
        items = (f"{key!r}: {_one(item, attributes, known)}" for key, item in value.items())
        return f"dict({', '.join(items)})"
    return f"{type(value).__qualname__} {value!r}"


def python_of(value: Any) -> Any:
    """The function that was given to numba's ``njit``, ``vectorize``, ``guvectorize`` or ``cfunc``; else the value."""
    for name in ("py_func", "_pyfunc"):
        found = getattr(value, name, None)
        if isinstance(found, FunctionType):
            return found
    inner = getattr(value, "gufunc_builder", None) or getattr(value, "_dispatcher", None)
    found = getattr(inner, "py_func", None)
    return found if isinstance(found, FunctionType) else value


def held(cell: Any) -> Any:
    """What a variable of an outer function holds; ``None`` where nothing was put into it yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _options(value: Any) -> str:
    """How numba was told to compile it, such as with ``fastmath``."""
    options = getattr(getattr(value, "_dispatcher", value), "targetoptions", None) or {}
    # Of such as ``locals`` and ``error_model`` the text is the same in each process, and the order is not.
    return f" {sorted((name, repr(option)) for name, option in options.items())}"


def _class(value: type, attributes: frozenset[str], known: _Known) -> str:
    """A class; its text is a name alone, and compiled code takes in the values of an enum and a tuple's names."""
    said = f"class {value.__module__}.{value.__qualname__} {getattr(value, '_fields', ())}"
    if not isinstance(value, EnumMeta):
        return said
    members: list[tuple[str, Any]] = list(value.__members__.items())
    bases = [base.__qualname__ for base in value.__mro__[1:]]
    return f"{said} {bases} [{', '.join(f'{name}={_one(each.value, attributes, known)}' for name, each in members)}]"


def is_library(module: str | None) -> bool:
    """Whether a module is of a library that is known by its version."""
    return (module or "").partition(".")[0] in _LIBRARIES


def _module(module: ModuleType, attributes: frozenset[str], known: _Known) -> str:
    said = f"module {module.__name__} {getattr(module, '__version__', '')}"
    # Whoever reads other names of it depends on other things.
    key = (id(module), attributes)
    if is_library(module.__name__) or key in known:
        return said
    known[key] = len(known)
    read = {name: value for name, value in vars(module).items() if name in attributes}
    return f"{said}({_each(read, attributes, known)})"


def _function(function: FunctionType, known: _Known) -> str:
    if is_library(function.__module__):
        return f"function {function.__module__}.{function.__qualname__}"
    if id(function) in known:
        return f"function {known[id(function)]}"
    known[id(function)] = len(known)
    names = frozenset(_names(function.__code__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    given = {
        **{name: value for name, value in function.__globals__.items() if name in names},
        **{name: cell.cell_contents for name, cell in cells},
        "(defaults)": function.__defaults__,
        "(keyword defaults)": function.__kwdefaults__,
    }
    return f"function({code_text(function.__code__)}; {_each(given, names, known)})"


def _names(code: CodeType) -> Iterable[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def code_text(code: CodeType) -> str:
    """All that code does, whatever its lines: two of one text do the same."""
    constants = map(_constant, code.co_consts)
    return f"{code.co_code.hex()} {code.co_names!r} {code.co_varnames!r} [{', '.join(constants)}]"


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        # Its text names a place in memory.
        return code_text(value)
    if isinstance(value, frozenset):
        # In which order a set is shown depends on how it came to be.
        return f"frozenset({', '.join(sorted(map(_constant, value)))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return repr(value)
