"""Values in words by which a journal knows whether they are the same: in every process alike, with nothing left out.

A ``repr`` alone will not do: that of a long array leaves its middle out and rounds the rest, that of a set depends on
the process, and that of many an object says where it lies and not what is in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
from typing import Any

__all__ = ["text"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Digits of a fingerprint, as people are shown them.
_SHOWN = 16
# What lies deeper, or in itself, is told by its kind.
_DEEPEST = 8


def text(value: object) -> str:
    """Return a text that is the same for the same value in every process."""
    return value if isinstance(value, str) else _told(value, 0)


def _told(value: Any, depth: int) -> str:
    kind: Any = type(value)
    if depth > _DEEPEST:
        return f"<{kind.__qualname__}>"
    deeper = depth + 1
    if kind is dict:
        return "{" + ", ".join(f"{_told(key, deeper)}: {_told(each, deeper)}" for key, each in value.items()) + "}"
    if kind is list:
        return "[" + ", ".join(_told(each, deeper) for each in value) + "]"
    if kind is tuple:
        return "(" + ", ".join(_told(each, deeper) for each in value) + ("," if len(value) == 1 else "") + ")"
    if kind in (set, frozenset) and value:
        told = "{" + ", ".join(sorted(_told(each, deeper) for each in value)) + "}"
        return told if kind is set else f"frozenset({told})"
    library = kind.__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "tobytes") and getattr(value, "ndim", 0):
        return _array(value, deeper)
    if library == "pandas" and hasattr(value, "memory_usage"):
        return _frame(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f"{each.name}={_told(getattr(value, each.name, None), deeper)}" for each in dataclasses.fields(value))
        return f"{kind.__qualname__}({', '.join(fields)})"
    shown = _ADDRESS.sub("", repr(value))
    if kind.__repr__ is object.__repr__ and getattr(value, "__dict__", None):
        # Whoever has no words of its own is what it holds.
        return f"{shown}{_told(dict(sorted(vars(value).items())), deeper)}"
    return shown


def _array(array: Any, depth: int) -> str:
    kind = f"array of {'x'.join(map(str, array.shape))} {array.dtype}"
    if array.dtype.hasobject:
        return f"{kind} {_fingerprint(_told(array.tolist(), depth).encode())}"
    return f"{kind} {_fingerprint(array.tobytes())}"


def _frame(frame: Any) -> str:
    kind = f"{type(frame).__name__} of {'x'.join(map(str, frame.shape))}"
    names = getattr(frame, "columns", None)
    if names is None:
        names = [getattr(frame, "name", None)]
    pandas: Any = sys.modules["pandas"]
    try:
        content = pandas.util.hash_pandas_object(frame).to_numpy().tobytes()
    except TypeError:
        # Objects that have no hash, such as lists.
        content = frame.to_csv().encode() if hasattr(frame, "to_csv") else repr(list(frame)).encode()
    kinds = getattr(frame, "dtypes", None)
    return f"{kind} {_fingerprint(content + repr(list(names)).encode() + repr(str(kinds)).encode())}"


def _fingerprint(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_SHOWN]
