"""What loading gives: one series per pair and kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Array = NDArray[Any]

Kind = Literal["candle", "quote", "trade"]

#: The columns that a kind has; all others are extra.
STANDARD: dict[str, tuple[str, ...]] = {
    "candle": ("open", "high", "low", "close", "volume"),
    "quote": ("bid", "ask", "bid_size", "ask_size"),
    "trade": ("price", "quantity", "side"),
}


@dataclass
class Series:
    """The rows of one kind of one pair, checked and in order of time."""

    pair: str
    kind: Kind
    #: The file, or ``data['ETH/BTC']``, for messages.
    origin: str
    #: The kind's own columns (``STANDARD``) and the extra ones, float64; ``side`` is int8.
    columns: dict[str, Array]
    #: Nanoseconds UTC; of candles the opening times.
    ts: Ints
    #: When each candle is known, if the data say so; else ``interval`` does.
    close_ts: Ints | None = None
    interval: int | None = None
    #: Rows that ``repair="drop"`` left out.
    dropped: int = 0
    #: The first of them: the row of the input, its column, and what is wrong there.
    first_dropped: tuple[int, str, str] | None = None
    #: The unit of times that were given as numbers; ``None`` for others.
    unit: str | None = None
    #: Which rows of the input these are, where not all of them, for messages.
    rows: Ints | None = None

    @property
    def extra(self) -> dict[str, Array]:
        """The columns that are not the kind's own."""
        own = STANDARD[self.kind]
        return {name: values for name, values in self.columns.items() if name not in own}


@dataclass
class Loaded:
    """All series of a run and what had to be assumed to read them."""

    series: list[Series] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    #: All pairs that the data hold, those that nobody trades among them.
    available: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> list[str]:
        """The pairs in alphabetical order."""
        return sorted({series.pair for series in self.series})

    @property
    def rows(self) -> int:
        """Rows of all series."""
        return sum(len(series.ts) for series in self.series)
