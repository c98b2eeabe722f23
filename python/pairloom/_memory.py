"""What a Python strategy remembers, as bytes: for snapshots in journals.

The bytes are a pickle of what `Strategy.state` returns. What belongs to the run and not to the strategy (its
indicators, ``ctx``, ``ctx.random``) is named in it, and is that of the new run when it is read.
"""

from __future__ import annotations

import copy
import io
import pickle
from typing import TYPE_CHECKING, Any

from pairloom.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from pairloom._native import SystemCtx

__all__ = ["held", "recall", "remember"]

# What an instance has besides its state: how it was made.
_OWN = frozenset({"_Strategy__given"})
# Where the classes come from whose objects are their value, if they can be keys at all.
_UNCHANGING = frozenset(
    {"builtins", "datetime", "decimal", "fractions", "numpy", "pairloom", "pathlib", "uuid", "zoneinfo"}
)


class _Pickler(pickle.Pickler):
    """Writes names for what belongs to the run."""

    def __init__(self, file: io.BytesIO, known: dict[int, str | int]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._known = known

    def persistent_id(self, obj: Any) -> str | int | None:
        return self._known.get(id(obj))


class _Unpickler(pickle.Unpickler):
    """Finds them again."""

    def __init__(self, file: io.BytesIO, find: Callable[[str | int], Any]) -> None:
        super().__init__(file)
        self._find = find

    def persistent_load(self, pid: Any) -> Any:
        return self._find(pid)


def remember(strategy: Strategy, handles: Sequence[Any], ctx: SystemCtx, random: Random | None) -> bytes:
    """Return what the strategy remembers; raises what pickling it raises."""
    known: dict[int, str | int] = {id(handle): number for number, handle in enumerate(handles)}
    known[id(ctx)] = "ctx"
    # What an attribute holds of the strategy, a bound method say, is to be of the one that goes on, not of a copy.
    known[id(strategy)] = "self"
    drawn = None
    if random is not None:
        known[id(random)] = "random"
        drawn = random.getstate()
    file = io.BytesIO()
    # Through the class: an attribute of the instance may be called "state".
    _Pickler(file, known).dump((type(strategy).state(strategy), drawn))
    return file.getvalue()


def held(strategy: Strategy) -> list[tuple[int, str]]:
    """Return what a strategy remembers that can change, as ``(id, what it is)``.

    That is what `Strategy.state` returns, and what stands in it at the top, as far as the strategy itself holds it,
    too: where another strategy does so as well, a snapshot would make one for each of them.
    """
    state = type(strategy).state(strategy)
    told = [state]
    if isinstance(state, dict):
        told += state.values()
    elif isinstance(state, list | tuple | set):
        told += state
    # What was only made to be told is gone when the next strategy is asked, and its id may be that of another object.
    names = {id(value): name for name, value in Strategy.state(strategy).items()}
    names.pop(id(strategy), None)
    cls = type(strategy).__name__
    found = {id(value): value for value in told if id(value) in names and _can_change(value)}
    return [(key, f"the {type(value).__name__} {cls}.{names[key]}") for key, value in found.items()]


def _can_change(value: object) -> bool:
    """Whether an object may change, and comes back as another one."""
    if getattr(getattr(value, "flags", None), "writeable", None) is False:
        # An array that is only read.
        return False
    cls = type(value)
    if getattr(cls, "__hash__", None) is None:
        return True
    if cls.__module__.partition(".")[0] in _UNCHANGING and cls.__hash__ is not object.__hash__:
        # What is equal by its value does not change. A class of the user's may say so and change all the same.
        return False
    if getattr(getattr(cls, "__dataclass_params__", None), "frozen", False):
        return False
    try:
        # Classes, functions, enumerations, loggers and the like are known by name, and are not copied.
        return copy.copy(value) is not value
    except Exception:
        return True


def recall(
    strategy: Strategy, memory: bytes, handles: Sequence[Any], ctx: SystemCtx, random: Callable[[], Random]
) -> None:
    """Let a strategy whose ``setup`` has run remember that."""

    def find(name: str | int) -> Any:
        if isinstance(name, int):
            return handles[name]
        if name == "self":
            return strategy
        return ctx if name == "ctx" else random()

    state, drawn = _Unpickler(io.BytesIO(memory), find).load()
    if drawn is not None:
        random().setstate(drawn)
    cls = type(strategy)
    if cls.restore is Strategy.restore and cls.state is Strategy.state:
        # What was deleted since `setup` is to be missing again.
        for name in Strategy.state(strategy).keys() - state.keys() - _OWN:
            object.__delattr__(strategy, name)
    cls.restore(strategy, state)
