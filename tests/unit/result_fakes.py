"""A run's output as the core hands it over, made of plain columns, for the tests of results and statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pairloom.result import Result

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START = 1_577_836_800 * SECOND  # 2020-01-01 00:00 UTC

COLUMNS = {
    "orders": ("ts:time order_id:int trader pair side type quantity:money limit_price:money status reason"),
    "fills": "ts:time trader pair side quantity:money price:money fee:money fee_currency order_id:int liquidity",
    "trades": (
        "trader pair entry_ts:time exit_ts:time side quantity:money entry_price:money exit_price:money pnl:money "
        "return:money fees:money exit_reason"
    ),
    "refusals": "ts:time trader pair check reason",
    "equity_curve": "ts:time equity:money",
}
KINDS = {"time": "datetime64[ns]", "money": "float64", "int": "int64", "": "object"}


class FakeTable:
    """A table of NumPy columns that counts how often it is read."""

    def __init__(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.reads = 0
        self._columns: dict[str, np.ndarray] = {}
        for spec in COLUMNS[name].split():
            column, _, kind = spec.partition(":")
            missing: Any = {"time": "NaT", "money": np.nan, "int": 0}.get(kind, "")
            cells = [row.get(column, missing) for row in rows]
            if kind == "time":
                cells = [np.datetime64(c, "ns") for c in cells]
            self._columns[column] = np.array(cells, dtype=KINDS[kind])
        self._rows = len(rows)

    @classmethod
    def of_curve(cls, ts: np.ndarray, equity: np.ndarray) -> FakeTable:
        table = cls("equity_curve", [])
        table._columns = {"ts": ts.view("datetime64[ns]"), "equity": equity}
        table._rows = len(ts)
        return table

    def __len__(self) -> int:
        return self._rows

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> np.ndarray:
        self.reads += 1
        return self._columns[name]

    def to_pandas(self) -> pd.DataFrame:
        return pd.DataFrame(self._columns)


class FakeOutput:
    """What `_native.backtest` returns, with settable parts; equity defaults to the curve's last."""

    def __init__(
        self,
        *,
        start: float = 10.0,
        curve: Sequence[tuple[int, float]] = (),
        traders: Sequence[tuple[str, str]] = (("S ETH/BTC", "ETH/BTC"),),
        tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        **others: Any,
    ) -> None:
        rows = {"equity_curve": [{"ts": ts, "equity": equity} for ts, equity in curve], **(tables or {})}
        self.tables = {name: FakeTable(name, rows.get(name, ())) for name in COLUMNS}
        self.start_equity = repr(start)
        self.equity = repr(curve[-1][1]) if curve else repr(start)
        self.fees = "0.25"
        self.currency = "BTC"
        self.cash = {"BTC": "9.500000000000000001"}
        self.positions = {"ETH/BTC": "-0.5"}
        self.quarantined: Sequence[Mapping[str, Any]] = []
        self.traders = list(traders)
        self.assumptions: list[str] = []
        self.lanes = {"python": len(traders)}
        self.counters = {"threads": 2}
        self.digest = "ab" * 32
        self.events = 1000
        self.steps = 1000
        self.resumed_at_step = None
        self.elapsed = 0.5
        self.setup_s = 0.01
        self.finish_s = 0.002
        self.interrupted = False
        self.cut_at_fill = 0
        self.differences: list[dict[str, Any]] = []
        for name, value in others.items():
            getattr(self, name)  # a misspelt part would otherwise be ignored
            setattr(self, name, value)

    def table(self, name: str) -> FakeTable:
        return self.tables[name]


def result(**parts: Any) -> Result:
    """A `Result` over a `FakeOutput` of these parts."""
    return Result(FakeOutput(**parts))  # type: ignore[arg-type]


def trade(entry: int, leave: int | None, pnl: float | None = None, **others: Any) -> dict[str, Any]:
    """A row of trades; without `leave` it is open."""
    row: dict[str, Any] = {"trader": "S ETH/BTC", "pair": "ETH/BTC", "entry_ts": entry, "side": "long"}
    if leave is not None:
        row |= {"exit_ts": leave, "pnl": pnl, "exit_reason": "signal"}
    return row | others


def fill(quantity: float, price: float, fee: float = 0.0, trader: str = "S ETH/BTC") -> dict[str, Any]:
    """A row of fills."""
    return {"ts": START, "trader": trader, "quantity": quantity, "price": price, "fee": fee}
