"""Values in words by which a journal knows whether they are the same, in every process alike.

A ``repr`` alone will not do: that of an array or of a frame leaves the middle out and rounds the rest, and that of a
set depends on the process. What a ``repr`` does not show otherwise is not told either: it may be secret.
"""

from __future__ import annotations

import re
import sys
from typing import Any

__all__ = ["text"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Digits of a fingerprint, as people are shown them.
_SHOWN = 16
# Floats all of whose bytes are their value's.
_GAPLESS = {("f", 2), ("f", 4), ("f", 8), ("c", 8), ("c", 16)}


def text(value: object) -> str:
    """Return a text that is the same for the same value in every process."""
    if isinstance(value, str):
        return value
    if type(value) in (set, frozenset) and value:
        shown = "{" + ", ".join(sorted(_shown(each) for each in value)) + "}"  # type: ignore[attr-defined]
    else:
        shown = _shown(value)
    # Without either library nothing can be of theirs.
    if not sys.modules.keys().isdisjoint(("numpy", "pandas")):
        shown += "".join(f" ({content})" for content in _contents(value))
    return shown


def _shown(value: object) -> str:
    return _ADDRESS.sub("", repr(value))


def _contents(value: object) -> list[str]:
    """The fingerprints of all arrays and frames in a value, in the order in which they are met."""
    numpy, pandas, dataclasses = (sys.modules.get(name) for name in ("numpy", "pandas", "dataclasses"))
    arrays: Any = () if numpy is None else numpy.ndarray
    frames: Any = () if pandas is None else (pandas.DataFrame, pandas.Series, pandas.Index)
    found: list[str] = []
    met: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        kind: Any = type(each)
        if each is None or isinstance(each, str | bytes | int | float) or id(each) in met:
            continue
        met.add(id(each))
        if isinstance(each, arrays):
            found.append(_fingerprint(_of_array(each)))
        elif isinstance(each, frames):
            found.append(_fingerprint(_of_frame(each)))
        elif isinstance(each, dict):
            waiting.extend(reversed(each.values()))
        elif isinstance(each, list | tuple):
            waiting.extend(reversed(each))
        elif dataclasses is not None and dataclasses.is_dataclass(each) and not isinstance(each, type):
            waiting.extend(getattr(each, field.name, None) for field in reversed(dataclasses.fields(each)))
        elif kind.__repr__ is object.__repr__:
            waiting.extend(reversed(getattr(each, "__dict__", {}).values()))
    return found


def _of_array(array: Any) -> bytes:
    kind = f"{array.dtype} {array.shape} "
    if (array.dtype.kind, array.dtype.itemsize) in _GAPLESS or array.dtype.kind in "biumMSU":
        return kind.encode() + bytes(array.tobytes())
    # Bytes of objects are addresses, and those of wide floats and of records have gaps.
    return (kind + _shown(array.tolist())).encode()


def _of_frame(frame: Any) -> bytes:
    columns = [frame] if frame.ndim == 1 else [frame.iloc[:, at] for at in range(frame.shape[1])]
    parts = [f"{type(frame).__name__} {getattr(frame, 'columns', frame).dtype} ".encode()]
    parts.append(_shown([str(column.name) for column in columns]).encode())
    if hasattr(frame, "index"):
        parts.append(_of_column(frame.index))
    parts.extend(_of_column(column) for column in columns)
    return b"|".join(parts)


def _of_column(column: Any) -> bytes:
    return f"{column.dtype} ".encode() + _of_array(column.to_numpy())


def _fingerprint(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()[:_SHOWN]
