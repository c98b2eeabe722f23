"""``pairloom.SyntheticFeed``: markets that do not exist, in real time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pairloom import _native
from pairloom import _synthetic as settings
from pairloom._settings import choice
from pairloom.numbers import decimal_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from pairloom.numbers import Number

__all__ = ["SyntheticFeed"]

MOST_RATE = 1_000_000


class SyntheticFeed:
    """A live feed of seeded random-walk markets, for `Engine.start` and `Engine.paper`.

    Each market sends ``rate`` events a second, stamped with the time at which they are
    sent. ``interval`` is a candle's length. The other arguments are those of
    `pairloom.synthetic`: the same seed gives the same prices, whatever the rate.

    Raises ``ConfigError``.
    """

    def __init__(
        self,
        pairs: int | str | Iterable[str],
        *,
        rate: Number = 1,
        kind: Literal["candle", "quote", "trade"] = "quote",
        interval: str | Number | timedelta = "1s",
        seed: int = 0,
        price: Number | Mapping[str, Number] = 100,
        digits: int | Mapping[str, int] = 2,
        volatility: Number | Mapping[str, Number] = 0.001,
        correlation: Number = 0.3,
    ) -> None:
        """Check the settings; events begin with the run."""
        names = settings._names(pairs)
        choice("kind", kind, settings.KINDS)
        walks = settings._walks(names, price, digits, volatility)
        self._pairs = names
        self._kind = kind
        self._native = _native.SyntheticFeed(
            kind,
            [(name, *walk) for name, walk in zip(names, walks, strict=True)],
            rate=float(decimal_text(rate, "rate", above=0, below=MOST_RATE)),
            interval=settings._interval_ns(interval),
            seed=whole_number(seed, "seed", least=0, most=settings.MOST_SEED),
            correlation=settings._number("correlation", correlation),
        )

    @property
    def pairs(self) -> list[str]:
        """The pairs of the markets, in their order."""
        return list(self._pairs)

    @property
    def kind(self) -> str:
        """What the events are: "candle", "quote" or "trade"."""
        return self._kind
