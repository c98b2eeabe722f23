"""An event run again uncompiled, to have the exception and its line."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

from pairloom._compiled.layout import Indicator, Word, unpack
from pairloom.errors import StrategyError

if TYPE_CHECKING:
    from pairloom._compiled.build import Built
    from pairloom.strategy import Strategy

__all__ = ["rerun"]

COLUMNS = ("open", "high", "low", "close", "volume")
FIELDS = {
    0: ("candle", COLUMNS),
    1: ("quote", ("bid", "ask", "bid_size", "ask_size")),
    2: ("trade", ("price", "quantity")),
}


class _Plain:
    """Named values, as they were at the event."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class _Position(_Plain):
    def __bool__(self) -> bool:
        return bool(self.__dict__["size"])


class _Line(float):
    """An output of an indicator."""

    before: float = float("nan")

    def crossed_above(self, other: Any) -> bool:
        """Whether it rose above the other with the last update."""
        before, now = _two(other)
        return self.before <= before and float(self) > now

    def crossed_below(self, other: Any) -> bool:
        """Whether it fell below the other with the last update."""
        before, now = _two(other)
        return self.before >= before and float(self) < now


class _Indicator:
    """An indicator with the values that the code reads of it."""

    def __init__(self, values: dict[tuple[str | None, int], float]) -> None:
        self._values = values

    @property
    def value(self) -> float:
        """The current value."""
        return self._values.get((None, 0), float("nan"))

    @property
    def ready(self) -> bool:
        """Whether there is one."""
        return self.value == self.value

    def __getitem__(self, index: int) -> float:
        """The value of so many events ago."""
        return self._values[None, -index - 1]

    def __float__(self) -> float:
        """The current value."""
        return self.value

    def __getattr__(self, name: str) -> _Line:
        """One of its outputs."""
        line = _Line(self._values[name, 0])
        line.before = self._values.get((name, 1), float("nan"))
        return line

    def crossed_above(self, other: Any) -> bool:
        """Whether it rose above the other with the last update."""
        before, now = _two(other)
        return self[-2] <= before and self.value > now

    def crossed_below(self, other: Any) -> bool:
        """Whether it fell below the other with the last update."""
        before, now = _two(other)
        return self[-2] >= before and self.value < now


def _two(level: Any) -> tuple[float, float]:
    if isinstance(level, _Indicator):
        return level[-2], level.value
    return getattr(level, "before", float(level)), float(level)


class _Ctx:
    """The context as it was at the event; orders go nowhere."""

    def __init__(self, raw: dict[str, Any], window: int) -> None:
        import numpy as np

        self._kind = raw["kind"]
        name, fields = FIELDS.get(raw["kind"], ("candle", ()))
        setattr(self, name, _Plain(**dict(zip(fields, raw["event"], strict=False))))
        self.event = getattr(self, name)
        self.ts = raw["now"]
        size = raw["position"]
        side = "long" if size > 0 else "short" if size < 0 else "flat"
        self.position = _Position(
            size=size, side=side, entry_price=raw["entry_price"], unrealized_pnl=raw["unrealized_pnl"]
        )
        self.equity, self.cash = raw["equity"], raw["cash"]
        self.orders = [None] * raw["order_count"]
        for column, values in zip(COLUMNS, raw["window"], strict=True):
            if window and values is not None:
                array = np.array(values)
                array.flags.writeable = False
                setattr(self, column, array)
        self._next = raw["next_id"]
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        """Say what the event is, where another kind is read."""
        if name in ("candle", "quote", "trade"):
            kind = FIELDS.get(self.__dict__["_kind"], ("candle",))[0]
            raise StrategyError(
                f"it reads ctx.{name}, but this event is a {kind}: use ctx.{kind}", code="strategy.event"
            )
        raise AttributeError(f"ctx.{name} is not there in compiled code")

    def buy(self, *_: Any, **__: Any) -> int:
        """Count the order."""
        self._next += 1
        self.asked += 1
        return int(self._next - 1)

    sell = buy

    def cancel(self, id: int | None = None) -> None:
        """Count what is asked for."""
        if id is not None:
            _check_order(id)
        self.asked += 1

    def replace(self, id: int, quantity: Any = None, limit: Any = None) -> None:
        """Count what is asked for."""
        del quantity, limit
        _check_order(id)
        self.asked += 1


def _check_order(order: int) -> None:
    """Refuse what is no number of an order, as the context itself does."""
    if order < 0:
        raise TypeError(f"id is {order}, an int; give the number that ctx.buy or ctx.sell returned")


def rerun(strategy: Strategy, built: Built, state: bytes, values: list[float], raw: dict[str, Any]) -> BaseException:
    """Call ``generate_signal`` as Python with the state before the event; gives what it raised."""
    plain = object.__new__(type(strategy))
    plain.__dict__.update(strategy.__dict__)
    plain.__dict__.update(unpack(built.layout, state))
    for name, field in built.layout.fields.items():
        if isinstance(field, Indicator):
            own = {(output, back): values[at] for at, (key, output, back) in enumerate(built.slots) if key == name}
            plain.__dict__[name] = _Indicator(own)
    ctx = _Ctx(raw, strategy.window)
    try:
        plain.generate_signal(ctx)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error
    return StrategyError(
        f"{type(strategy).__name__}.generate_signal failed where it is compiled, but not as ordinary Python; "
        f"{_why(plain, built, ctx)}",
        code="strategy.raised",
    )


def _why(plain: Strategy, built: Built, ctx: _Ctx) -> str:
    """What compiled code refuses and Python does not, and the way out."""
    from pairloom._compiled.helpers import ROOM

    if ctx.asked > ROOM:
        return (
            f"one call may ask for {ROOM} orders at most, cancellations and replacements counted, and this one asked "
            f"for {ctx.asked}: spread them over several events, or leave it uncompiled"
        )
    for name, field in built.layout.fields.items():
        value = plain.__dict__.get(name)
        if isinstance(field, Word) and field.kind == "f" and isinstance(value, Integral) and abs(int(value)) > 2**53:
            return (
                f"{name} began as a float and was given the integer {value}, of more than the 53 bits that a float "
                "holds: begin it as an integer in setup, with 0 and not 0.0, or write float(...)"
            )
    return (
        "what NumPy only warns of can be why, as a division by zero or the root of a negative number, an integer of "
        "more than 64 bits, or one of more than 53 that becomes a float in max, min, a field or the size of a signal"
    )
