"""Random numbers that no seed repeats: compiled code would draw them from a state that numba keeps for each thread."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from pairloom._compiled.outside import held, python_of

__all__ = ["WAY_OUT", "drawn"]

WAY_OUT = (
    "compiled code draws from a state that nothing seeds, so no run would repeat; draw in setup, as in "
    "self.draws = np.array([ctx.random.random() for _ in range(1000)]), or leave it uncompiled and use ctx.random"
)

_MODULES = ("random", "numpy.random")


def drawn(found: Any) -> str | None:
    """What draws when this is called, by the name it has at home; ``None`` where nothing does.

    A function of the author's own is looked into, and those that it calls.
    """
    return _drawn(found, set())


def _drawn(found: Any, seen: set[int]) -> str | None:
    found = python_of(found)  # A function that numba compiled already.
    if _is_of_random(found):
        home = "np.random" if _home(found).startswith("numpy") else "random"
        return f"{home}.{getattr(found, '__name__', 'random')}()"
    if not isinstance(found, FunctionType) or id(found) in seen:
        return None
    seen.add(id(found))
    names = found.__code__.co_names
    closed = [value for cell in found.__closure__ or () if (value := held(cell)) is not None]
    used = [*closed, *(found.__globals__[name] for name in names if name in found.__globals__)]
    for value in used:
        # Of what a module has, the names say what is read; numpy.random is a part of one.
        parts = _parts(value, names) if isinstance(value, ModuleType) else [value]
        parts += [inner for part in parts if isinstance(part, ModuleType) for inner in _parts(part, names)]
        for part in parts:
            inner = _drawn(part, seen)
            if inner is not None:
                return inner
    return None


def _parts(module: ModuleType, names: tuple[str, ...]) -> list[Any]:
    # The module's own name comes last: it led here, and both modules have a function of that name besides.
    own = module.__name__.rpartition(".")[2]
    return [getattr(module, name, None) for name in sorted(names, key=own.__eq__)]


def _is_of_random(found: Any) -> bool:
    return callable(found) and any(_home(found) == name or _home(found).startswith(f"{name}.") for name in _MODULES)


def _home(found: Any) -> str:
    """The module of a function, or of the object that it is a method of."""
    owner = getattr(found, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):
        return str(getattr(found, "__module__", None) or "")
    return type(owner).__module__
