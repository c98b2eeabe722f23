"""Markets and their rows: what happens when, and which candle opens when."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .exact import exact, price_scale

KINDS = ("candle", "quote", "trade")
DEFAULT_LOT = Fraction(1, 10**8)


@dataclass
class Row:
    """One row of one market.  `ts` is when it is known: a candle's close."""

    kind: str
    ts: int
    open_ts: int
    values: dict[str, float]
    ints: dict[str, int]

    def __getattr__(self, name: str) -> float:
        try:
            value: float = self.__dict__["values"][name]
            return value
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Market:
    """One pair's rows and its numbers."""

    pair: str
    index: int
    scale: int
    rows: list[Row]
    kinds: tuple[str, ...]
    lot: Fraction
    tick: Fraction | None
    min_notional: Fraction | None
    opens: dict[int, Row] = field(default_factory=dict)
    open_times: list[int] = field(default_factory=list)
    last: Fraction | None = None
    last_quote: Row | None = None

    @property
    def unit(self) -> Fraction:
        """One step of the price scale."""
        return Fraction(1) / Fraction(10) ** self.scale

    @property
    def fills_on(self) -> str:
        """Quotes where there are any; candles before trades."""
        if "quote" in self.kinds:
            return "quote"
        return self.kinds[0]

    def price(self, row: Row, column: str) -> Fraction:
        """The exact price behind a row's float."""
        return row.ints[column] * self.unit

    def mark_of(self, row: Row) -> Fraction:
        """The last price that a row leaves behind."""
        if row.kind == "quote":
            return (row.ints["bid"] + row.ints["ask"]) * self.unit / 2
        return row.ints["close" if row.kind == "candle" else "price"] * self.unit

    def first_open_from(self, ts: int) -> int | None:
        """When the first candle opens at or after `ts`."""
        at = bisect.bisect_left(self.open_times, ts)
        return self.open_times[at] if at < len(self.open_times) else None


PRICES = {"candle": ("open", "high", "low", "close"), "quote": ("bid", "ask"), "trade": ("price",)}
OTHERS = {
    "candle": ("volume",),
    "quote": ("bid_size", "ask_size"),
    "trade": ("quantity", "side"),
}


def commonest_gap(times: list[int]) -> int:
    """The most frequent distance between neighbours; a tie takes the smaller."""
    gaps = Counter(b - a for a, b in itertools.pairwise(times))
    return min(gaps, key=lambda gap: (-gaps[gap], gap))


def close_times(table: dict[str, Any]) -> list[int]:
    """When each candle of a table is known."""
    opens = [int(t) for t in table["ts"]]
    if table.get("close_ts") is not None:
        return [int(t) for t in table["close_ts"]]
    interval = table.get("interval")
    step = int(interval) if interval is not None else commonest_gap(opens)
    return [t + step for t in opens]


def build_market(
    pair: str, index: int, tables: dict[str, dict[str, Any]], instrument: dict[str, Any], end: int | None
) -> Market:
    """The rows of one pair in feed order: time, then candle, quote, trade, then row."""
    prices: list[float] = []
    for kind, table in tables.items():
        for column in PRICES[kind]:
            prices.extend(float(x) for x in table[column])
    scale, as_int = price_scale(prices)
    rows: list[Row] = []
    kinds = tuple(kind for kind in KINDS if kind in tables and len(tables[kind]["ts"]) > 0)
    for kind in kinds:
        table = tables[kind]
        opens = [int(t) for t in table["ts"]]
        known = close_times(table) if kind == "candle" else opens
        columns = {
            c: [float(x) if c != "side" else x for x in table[c]]
            for c in PRICES[kind] + OTHERS[kind]
            if table.get(c) is not None
        }
        for i, (open_ts, ts) in enumerate(zip(opens, known, strict=True)):
            if end is not None and open_ts >= end:
                continue
            values = {c: column[i] for c, column in columns.items()}
            ints = {c: as_int[values[c]] for c in PRICES[kind]}
            rows.append(Row(kind, ts, open_ts, values, ints))
    rows.sort(key=lambda row: (row.ts, KINDS.index(row.kind)))
    rules = {name: exact(value) for name, value in instrument.items() if value is not None}
    market = Market(
        pair,
        index,
        scale,
        rows,
        kinds,
        rules.get("lot", DEFAULT_LOT),
        rules.get("tick"),
        rules.get("min_notional"),
    )
    market.opens = {row.open_ts: row for row in rows if row.kind == "candle"}
    market.open_times = sorted(market.opens)
    return market
