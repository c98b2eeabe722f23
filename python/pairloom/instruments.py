"""What a venue asks of an order: fee rates, and the steps of prices and quantities."""

from __future__ import annotations

from pairloom.numbers import FINEST_MONEY, Number, decimal_text

__all__ = ["Fees", "Instrument"]


class _Record:
    """An immutable record of decimal texts, compared by value."""

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> dict[str, str | None]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; make a new one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), *self._fields().values()))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self._fields()))

    def __repr__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self._fields().items() if value)
        return f"{type(self).__name__}({given})"


def _rebuild(cls: type[_Record], fields: dict[str, str | None]) -> _Record:
    return cls(**fields)


class Fees(_Record):
    """Fee rates as fractions of the notional: ``Fees(maker=0.0002, taker=0.0005)``.

    A maker's order waited in the book, a taker's met it. What a limit order finds in candles after its decision is a
    maker's fill, also at an open that was through its limit already: what stood in the book then, no candle tells. Each
    rate is 0 or more and less than 1; rebates are not modelled. Raises ``ConfigError``.
    """

    __slots__ = ("maker", "taker")
    maker: str
    taker: str

    def __init__(self, *, maker: Number, taker: Number) -> None:
        """Make the pair of rates; both are needed."""
        object.__setattr__(self, "maker", decimal_text(maker, "fee.maker", at_least=0, below=1))
        object.__setattr__(self, "taker", decimal_text(taker, "fee.taker", at_least=0, below=1))


class Instrument(_Record):
    """The rules of a pair on a venue.

    ``tick`` is the step of order prices (none: the last digit that prices of the pair's data have), ``lot`` the
    step of quantities (none: 10^-8), ``min_notional`` the least price times quantity (none: no least). A limit price
    between two steps is rounded, a purchase's down and a sale's up. All are more than 0; raises ``ConfigError``.
    """

    __slots__ = ("lot", "min_notional", "tick")
    tick: str | None
    lot: str | None
    min_notional: str | None

    def __init__(
        self,
        tick: Number | None = None,
        lot: Number | None = None,
        min_notional: Number | None = None,
    ) -> None:
        """Make the rules; what is not given has none."""
        for key, value in (("tick", tick), ("lot", lot), ("min_notional", min_notional)):
            text = None
            if value is not None:
                text = decimal_text(value, key, above=0, places=FINEST_MONEY)
            object.__setattr__(self, key, text)
