"""What a Python strategy remembers, as bytes: for snapshots in journals.

The bytes are a pickle of what `Strategy.state` returns. What belongs to the run and not to the strategy (its
indicators, ``ctx``, ``ctx.random``) is named in it, and is that of the new run when it is read.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

from pairloom.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from pairloom._native import SystemCtx

__all__ = ["recall", "remember"]

# What an instance has besides its state: how it was made.
_OWN = frozenset({"_Strategy__given"})


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
