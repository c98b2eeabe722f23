"""Where the state of a compiled strategy lies: one word of 8 bytes a number, arrays word after word."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from pairloom._compiled.refused import kind_of_array, lost_width

__all__ = ["Array", "Constant", "Indicator", "Layout", "Word", "overlap", "pack", "unpack"]


# Kinds of indicators that update without a number, as where nothing was traded.
LACKING = ("vwap",)


@dataclass(frozen=True)
class Word:
    """A number of one word: ``kind`` is ``f`` (float), ``i`` (integer) or ``b`` (bool)."""

    kind: str
    at: int


@dataclass(frozen=True)
class Array:
    """An array of floats or integers."""

    kind: str
    at: int
    shape: tuple[int, ...]
    is_shared: bool = False
    """Whether others have it, too, as an array of the class: nothing may be written into it."""

    @property
    def words(self) -> int:
        """How many words it takes."""
        words = 1
        for length in self.shape:
            words *= length
        return words


@dataclass(frozen=True)
class Constant:
    """A text: the same for every event, so it stands in the code."""

    value: str


@dataclass(frozen=True)
class Indicator:
    """An indicator that ``setup`` asked for."""

    name: str
    may_lack: bool = dataclasses.field(default=False, repr=False, compare=False)
    """Whether it may be ready and no number, as far as that is known, which is before the run."""


Field = Word | Array | Constant | Indicator


@dataclass(frozen=True)
class Layout:
    """The fields that the code names, in the order of their names."""

    fields: dict[str, Field]
    words: int

    @classmethod
    def of(cls, values: dict[str, Any], others: Collection[int] = ()) -> tuple[Layout, dict[str, str]]:
        """Lay out these values; what cannot be state comes back with the reason.

        ``others`` are the objects, by their ``id``, that do not belong to this strategy alone.
        """
        fields: dict[str, Field] = {}
        problems: dict[str, str] = {}
        words = 0
        for name in sorted(values):
            found = _field(name, values[name], words)
            if isinstance(found, Array):
                found = _alone(found, values[name], others, [(each, values[each]) for each in fields])
            if isinstance(found, str):
                problems[name] = found
                continue
            fields[name] = found
            words += 1 if isinstance(found, Word) else found.words if isinstance(found, Array) else 0
        return cls(fields, words), problems

    def key(self) -> str:
        """What two layouts must have in common to share one compilation."""
        return repr(sorted(self.fields.items()))


def _field(name: str, value: Any, at: int) -> Field | str:
    import numpy as np

    if isinstance(value, np.generic) and (problem := lost_width(value)):
        return problem
    if isinstance(value, bool | np.bool_):
        return Word("b", at)
    if isinstance(value, int | np.integer):
        if not -(2**63) <= int(value) < 2**63:
            return f"{value} does not fit into 64 bits"
        return Word("i", at)
    if isinstance(value, float | np.floating):
        return Word("f", at)
    if isinstance(value, str):
        return Constant(value)
    if isinstance(value, np.ndarray):
        if problem := kind_of_array(value):
            return problem
        if value.dtype == np.float64:
            return Array("f", at, value.shape)
        if value.dtype == np.int64:
            return Array("i", at, value.shape)
        return f"an array of {value.dtype}; use float64 or int64"
    if type(value).__name__ in ("Indicator", "ProbeIndicator"):
        return Indicator(name, may_lack=getattr(getattr(value, "_spec", None), "kind", "") in LACKING)
    if value is None:
        return "None; start it as a number, as in 0.0"
    return f"a {type(value).__name__}; compiled state holds numbers, bools and NumPy arrays"


def _alone(field: Array, value: Any, others: Collection[int], before: list[tuple[str, Any]]) -> Field | str:
    """An array as Python has it: one that is another's, too, is only read, and no two of them are one."""
    import numpy as np

    owner = value
    while owner is not None and id(owner) not in others:
        owner = getattr(owner, "base", None)
    if owner is not None or not value.flags.writeable:
        return replace(field, is_shared=True)
    for name, other in before:
        if isinstance(other, np.ndarray) and overlap(value, other):
            return f"an array in the memory of {name}, whose changes it would not have; write .copy() in setup"
    return field


def overlap(one: Any, other: Any) -> bool:
    """Whether two arrays have an element in common, or it would take too long to know that."""
    import numpy as np

    shares: Any = np.shares_memory
    try:
        return bool(shares(one, other, max_work=1_000_000))
    except getattr(np, "exceptions", np).TooHardError:
        return True


def pack(layout: Layout, values: dict[str, Any]) -> bytes:
    """The state's first bytes."""
    state = bytearray(8 * layout.words)
    for name, field in layout.fields.items():
        if isinstance(field, Word):
            value = values[name]
            if field.kind == "f":
                struct.pack_into("d", state, 8 * field.at, value)
            else:
                struct.pack_into("q", state, 8 * field.at, int(value))
        elif isinstance(field, Array):
            state[8 * field.at : 8 * (field.at + field.words)] = values[name].tobytes()
    return bytes(state)


def unpack(layout: Layout, state: bytes) -> dict[str, Any]:
    """The values of the state, as Python has them."""
    import numpy as np

    values: dict[str, Any] = {}
    for name, field in layout.fields.items():
        if isinstance(field, Word):
            (value,) = struct.unpack_from("d" if field.kind == "f" else "q", state, 8 * field.at)
            values[name] = bool(value) if field.kind == "b" else value
        elif isinstance(field, Array):
            part = state[8 * field.at : 8 * (field.at + field.words)]
            dtype = np.float64 if field.kind == "f" else np.int64
            values[name] = np.frombuffer(part, dtype).reshape(field.shape).copy()
    return values
