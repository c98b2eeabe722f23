"""Strategies that other wheels bring: found by object or by name, checked before a run.

A wheel announces its strategies as entry points of the group ``pairloom.strategies``;
each is a capsule, or an object whose ``__pairloom_strategy__()`` gives one. The
interface behind the capsule is that of the crate ``pairloom-strategy``.
"""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

from pairloom._versions import plugin_version
from pairloom._words import listing
from pairloom.errors import ConfigError, PairloomError, ParameterError

__all__ = ["Plugin", "announced", "is_plugin", "plugin_named", "plugin_names"]

GROUP = "pairloom.strategies"


class Plugin(NamedTuple):
    """A strategy of another wheel, with parameters that it accepts."""

    strategy: Any
    """The capsule, or the object that makes one."""
    parameters: dict[str, float | str]
    name: str
    events: list[str] | None
    """The kinds of event that wake it; ``None`` for the first that its market has."""
    window: int
    version: str

    @classmethod
    def of(cls, strategy: Any, given: dict[str, Any]) -> Plugin:
        """Ask the plug-in whether it takes these parameters; raises ``ConfigError``."""
        from pairloom._native import plugin_facts

        parameters = {name: _value(name, value) for name, value in given.items()}
        name, events, window = plugin_facts(strategy, parameters)
        return cls(strategy, parameters, name, events, window, plugin_version(strategy))


def is_plugin(strategy: object) -> bool:
    """Whether an object given as a strategy is one of a plug-in."""
    if isinstance(strategy, type):
        return False
    return type(strategy).__name__ == "PyCapsule" or hasattr(strategy, "__pairloom_strategy__")


def plugin_names() -> list[str]:
    """The names of the strategies that the installed wheels announce, sorted."""
    return sorted({entry.name for entry in announced()})


def plugin_named(name: str) -> Any | None:
    """Return the strategy that an installed wheel announces under this name, if one does.

    Raises ``ConfigError`` where two wheels do, or where the one that does cannot be loaded.
    """
    found = {entry.value: entry for entry in announced() if entry.name == name}
    if not found:
        return None
    if len(found) > 1:
        raise ConfigError(
            f"strategy={name!r} is announced by {listing(sorted(found))}; import the one you mean and give the object",
            code="config.plugin",
        )
    ((value, entry),) = found.items()
    try:
        return entry.load()
    except PairloomError:
        raise
    except Exception as error:
        raise ConfigError(
            f"strategy={name!r}: {value} cannot be loaded: {type(error).__name__}: {error}", code="config.plugin"
        ) from error


def announced() -> Any:
    """Return the entry points of all strategies that the installed wheels announce."""
    # Looking through what is installed takes longer than importing all of Pairloom.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _value(name: str, value: object) -> float | str:
    if isinstance(value, str):
        return value
    if isinstance(value, Real | Decimal):
        return float(value)
    raise ParameterError(f"{name}={value!r}: a plug-in takes numbers and texts")
