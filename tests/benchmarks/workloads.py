"""The workloads whose results are known to the digit: their data, and what has to come out.

Bars are geometric random walks of one-minute bars, sigma 0.05% a bar, from 1000, rounded to six decimals; a
bar opens exactly where the last one closed, so filling at a close and at the next open are the same price. Quotes are a
walk of the mid from 10,000, rounded to 0.01, one to three hundredths to each side, 1 to 200 ms apart. The account has
10,000,000 and pays 0.1% on every fill.

W1, W3 and W4 follow one rule: from the first bar at which the mean of 30 closes exists, be long one unit if the mean of
10 closes is above it, else short one unit. W4 tries 100 pairs of other lengths. W2 keeps an exponential average of the
mid and sends a market order of one unit at every 10,000th quote, buying and selling in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# The arrays of one market by the name of the column, and the markets of a run.
Columns = dict[str, Any]
Data = dict[str, Columns]

MINUTE = 60_000_000_000
FIRST_OPEN = 1_577_836_800_000_000_000  # 2020-01-01T00:00:00Z
CASH = 10_000_000
FEE = 0.001
FAST, SLOW = 10, 30
ALPHA = 2.0 / (50 + 1)
EVERY = 10_000
GRID: dict[str, Any] = {"fast": range(5, 55, 5), "slow": range(60, 160, 10)}


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    orders: int
    equity: float


@dataclass(frozen=True)
class Workload:
    """One of the workloads: its data, how many events it has, and what has to come out."""

    name: str
    title: str
    make: Callable[[], Data]
    events: int
    orders: int
    equity: str

    def data(self) -> Data:
        """The data, made anew."""
        return self.make()

    def agrees(self, outcome: Outcome) -> bool:
        """Whether the number of orders and the final equity are the known ones, to the digit."""
        digits = len(self.equity.partition(".")[2])
        return outcome.orders == self.orders and f"{outcome.equity:,.{digits}f}" == self.equity


def bars(seed: int, count: int, drawn: int | None = None) -> Columns:
    """One market. The draws depend on their number, so a shorter market is cut from the longer one it begins."""
    drawn = drawn or count
    random = np.random.default_rng(seed)
    sigma = 5e-4
    walk = np.round(1000.0 * np.exp(np.cumsum(random.normal(0.0, sigma, drawn + 1))), 6)
    opens, closes = walk[:-1], walk[1:]
    above = 1 + np.abs(random.normal(0, sigma / 2, drawn))
    below = 1 - np.abs(random.normal(0, sigma / 2, drawn))
    columns = {
        "ts": (FIRST_OPEN + MINUTE * np.arange(drawn, dtype=np.int64)).view("datetime64[ns]"),
        "open": opens,
        "high": np.round(np.maximum(opens, closes) * above, 6),
        "low": np.round(np.minimum(opens, closes) * below, 6),
        "close": closes,
        "volume": np.round(random.uniform(1e5, 2e5, drawn), 0),
    }
    return {name: np.ascontiguousarray(column[:count]) for name, column in columns.items()}


def quotes(count: int, drawn: int | None = None) -> Columns:
    """The market of W2, or its beginning."""
    drawn = drawn or count
    random = np.random.default_rng(7)
    mid = np.round(10_000.0 * np.exp(np.cumsum(random.normal(0.0, 2e-5, drawn))), 2)
    half = random.integers(1, 4, drawn) * 0.01
    columns = {
        "ts": (FIRST_OPEN + np.cumsum(random.integers(1_000_000, 200_000_000, drawn))).view("datetime64[ns]"),
        "bid": np.round(mid - half, 2),
        "ask": np.round(mid + half, 2),
        "bid_size": random.integers(5, 100, drawn).astype(float),
        "ask_size": random.integers(5, 100, drawn).astype(float),
    }
    return {name: np.ascontiguousarray(column[:count]) for name, column in columns.items()}


def markets(count: int, rows: int = 4_000) -> Data:
    """The first markets of W3."""
    return {f"M{number:03}/USD": bars(1000 + number, rows) for number in range(count)}


def one_market(rows: int) -> Data:
    """The beginning of W1's market."""
    return {"M000/USD": bars(42, rows, 1_000_000)}


W1 = Workload("W1", "one market, 1,000,000 bars", lambda: one_market(1_000_000), 1_000_000, 39_171, "9,932,401.5845")
W2 = Workload(
    "W2", "one market, 2,000,000 quotes", lambda: {"M000/USD": quotes(2_000_000)}, 2_000_000, 200, "9,997,913.1332"
)
W3 = Workload("W3", "500 markets x 4,000 bars, one account", lambda: markets(500), 2_000_000, 77_786, "9,844,988.2272")
W4 = Workload(
    "W4",
    "100 pairs of parameters on 100,000 bars",
    lambda: one_market(100_000),
    10_000_000,
    145_215,
    "999,734,128.164",
)

# The beginning of W1, small enough for every run of the tests.
W1_SHORT = Workload("W1", "one market, 100,000 bars", lambda: one_market(100_000), 100_000, 3_874, "9,992,347.6842")
