"""The names a strategy uses, in the model's own words, so that one class body runs on both.

A strategy body is written as `def define(api): class S(api.Strategy): ...` and uses nothing but
`api.Strategy`, `api.Signal` and `api.indicators`: this module, or the package under test.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, ClassVar

SIZE_KEYS = ("base", "quote", "equity")


def check_number(value: Any) -> Any:
    """What is no number is a TypeError from the call itself."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        try:
            float(value)
        except (TypeError, ValueError):
            raise TypeError(f"a number was expected, not {value!r}") from None
    return value


def check_size(size: Any) -> tuple[str, Any] | None:
    """A size as (key, number): a bare number is base."""
    if size is None:
        return None
    if isinstance(size, dict):
        ((key, value),) = size.items()
        if key not in SIZE_KEYS:
            raise TypeError(f"a size is one of {SIZE_KEYS}, not {key!r}")
        return key, check_number(value)
    return "base", check_number(size)


@dataclass(frozen=True)
class Signal:
    """What a strategy wants: a side, or a named quantity."""

    action: str
    size: tuple[str, Any] | None = None
    limit: Any = None

    LONG: ClassVar[Signal]
    SHORT: ClassVar[Signal]
    CLOSE: ClassVar[Signal]
    REVERSE: ClassVar[Signal]

    @classmethod
    def long(cls, size: Any = None, limit: Any = None) -> Signal:
        return cls("long", check_size(size), limit)

    @classmethod
    def short(cls, size: Any = None, limit: Any = None) -> Signal:
        return cls("short", check_size(size), limit)

    @classmethod
    def target(cls, size: Any, limit: Any = None) -> Signal:
        return cls("target", check_size(size), limit)


Signal.LONG = Signal("long")
Signal.SHORT = Signal("short")
Signal.CLOSE = Signal("close")
Signal.REVERSE = Signal("reverse")


class Strategy:
    """The hooks with their defaults; parameters are keywords."""

    events: Any = None
    window: int = 0
    schedule: Any = None

    def __init__(self, **parameters: Any) -> None:
        for name, value in parameters.items():
            setattr(self, name, value)

    def setup(self, ctx: Any) -> None: ...

    def generate_signal(self, ctx: Any) -> Any: ...

    def on_start(self, ctx: Any) -> Any: ...

    def on_fill(self, ctx: Any, fill: Any) -> Any: ...

    def on_order(self, ctx: Any, order: Any) -> Any: ...

    def on_time(self, ctx: Any, event: Any) -> Any: ...

    def on_refused(self, ctx: Any, refusal: Any) -> Any: ...

    def on_stop(self, ctx: Any) -> Any: ...


@dataclass
class Spec:
    """An indicator that was asked for."""

    kind: str
    parameters: dict[str, Any]
    on: str | None = None


def _spec(kind: str) -> Any:
    def make(period: int, *, on: str | None = None) -> Spec:
        return Spec(kind, {"period": period}, on)

    return make


indicators = types.SimpleNamespace(Sma=_spec("sma"), Min=_spec("min"), Max=_spec("max"))
