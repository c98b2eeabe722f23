"""ctx: what a strategy sees, read straight from the model's state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .api import check_number
from .exact import ATTO
from .market import Row

if TYPE_CHECKING:
    from .engine import Model
    from .orders import Order
    from .trader import Trader


@dataclass(frozen=True)
class TimeEvent:
    """A boundary of a trader's schedule."""

    ts: int
    name: str


@dataclass(frozen=True)
class PositionView:
    """A trader's own position, in floats."""

    size: float
    entry_price: float
    unrealized_pnl: float

    @property
    def side(self) -> str:
        return "long" if self.size > 0 else "short" if self.size < 0 else "flat"

    def __bool__(self) -> bool:
        return self.size != 0


class Indicator:
    """An indicator recomputed from its whole window at every event."""

    def __init__(self, spec: Any, scale: int) -> None:
        self.kind = spec.kind
        self.period = int(next(iter(spec.parameters.values())))
        self.on = getattr(spec, "on", None)
        self.scale = scale
        self.window: list[Any] = []
        self.values: list[float] = []

    def feed(self, row: Row) -> None:
        """Take one event of the kind that fills this trader's windows."""
        column = self.on
        if column is None:
            column = {"candle": "close", "quote": "mid", "trade": "price"}[row.kind]
        if column == "mid" and self.kind != "sma":
            entry: Any = (row.values["bid"] + row.values["ask"]) / 2
        elif column == "mid":
            # Twice the mid, so that the sum stays an integer; compute() halves it.
            entry = row.ints["bid"] + row.ints["ask"]
        elif self.kind == "sma" and column in row.ints:
            entry = row.ints[column]
        else:
            entry = row.values[column]
        self.window.append(entry)
        del self.window[: -self.period]
        if len(self.window) == self.period:
            self.values.append(self.compute(column))

    def compute(self, column: str) -> float:
        """The value of a full window."""
        if self.kind == "min":
            return float(min(self.window))
        if self.kind == "max":
            return float(max(self.window))
        if self.kind != "sma":
            raise ValueError(f"the model has no {self.kind}")
        if isinstance(self.window[0], float):
            return float(sum(map(Fraction, self.window)) / self.period)
        # Python divides integers with one correct rounding, so equal means are equal floats.
        parts = self.period * (2 if column == "mid" else 1)
        if self.scale >= 0:
            return float(sum(self.window) / (parts * 10**self.scale))
        return float(sum(self.window) * 10**-self.scale / parts)

    @property
    def ready(self) -> bool:
        return bool(self.values)

    @property
    def value(self) -> float:
        return self.values[-1] if self.values else math.nan

    def __getitem__(self, at: int) -> float:
        return self.values[at]

    def crossed_above(self, other: Indicator) -> bool:
        return len(self.values) > 1 and self[-2] <= other[-2] and self[-1] > other[-1]

    def crossed_below(self, other: Indicator) -> bool:
        return len(self.values) > 1 and self[-2] >= other[-2] and self[-1] < other[-1]


class Context:
    """The same names as the engine's ctx, as far as the tests use them."""

    def __init__(self, model: Model, trader: Trader) -> None:
        self._model = model
        self._trader = trader
        self._next_id = 1
        self.pair = trader.pair
        self.ts = 0
        self.event: Any = None
        self.candle: Row | None = None
        self.quote: Row | None = None
        self.trade: Row | None = None

    # What the portfolio looks like, as of phase 3.

    @property
    def position(self) -> PositionView:
        return self._model.ledger.view(self._trader, self._model.markets[self.pair].last)

    @property
    def equity(self) -> float:
        return float(self._model.ledger.equity(self._model.markets))

    @property
    def cash(self) -> float:
        return self._model.ledger.free() / ATTO

    @property
    def orders(self) -> list[Order]:
        return [o for o in self._model.working if o.trader is self._trader]

    # What this trader has seen of its market.

    def _column(self, name: str) -> list[float]:
        rows = self._trader.window_rows
        if name == "close" and self._trader.primary == "quote":
            return [(r.values["bid"] + r.values["ask"]) / 2 for r in rows]
        if name == "close" and self._trader.primary == "trade":
            return [r.values["price"] for r in rows]
        return [r.values[name] for r in rows]

    @property
    def open(self) -> list[float]:
        return self._column("open")

    @property
    def high(self) -> list[float]:
        return self._column("high")

    @property
    def low(self) -> list[float]:
        return self._column("low")

    @property
    def close(self) -> list[float]:
        return self._column("close")

    @property
    def volume(self) -> list[float]:
        return self._column("volume")

    def indicator(self, spec: Any, *, required: bool = True) -> Indicator:
        made = Indicator(spec, self._model.markets[self.pair].scale)
        self._trader.indicators.append((made, required))
        return made

    # What it asks for: intents, in order, decided on in phase 4.

    def buy(self, quantity: Any, **options: Any) -> int:
        return self._order(1, quantity, options)

    def sell(self, quantity: Any, **options: Any) -> int:
        return self._order(-1, quantity, options)

    def _order(self, side: int, quantity: Any, options: dict[str, Any]) -> int:
        check_number(quantity)
        if options.get("limit") is not None:
            check_number(options["limit"])
        client_id = self._next_id
        self._next_id += 1
        asked = {
            "limit": None,
            "reduce_only": False,
            "tif": "GTC",
            "tag": None,
            **options,
        }
        self._trader.intents.append(("order", {"client_id": client_id, "side": side, "quantity": quantity, **asked}))
        return client_id

    def replace(self, client_id: int, *, quantity: Any = None, limit: Any = None) -> None:
        self._trader.intents.append(("replace", {"client_id": client_id, "quantity": quantity, "limit": limit}))

    def cancel(self, client_id: int | None = None) -> None:
        self._trader.intents.append(("cancel", {"client_id": client_id}))
