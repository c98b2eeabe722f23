"""The workloads whose results are known to the digit, and the plain Python loop that is their floor.

The data are geometric random walks of one-minute bars, sigma 0.05% a bar, from 1000, rounded to six decimals; a
bar opens exactly where the last one closed, so filling at a close and at the next open are the same price. The account
has 10,000,000 and pays 0.1% on every fill. The rule: from the first bar at which the mean of 30 closes exists,
be long one unit if the mean of 10 closes is above it, else short one unit. W4 tries 100 pairs of other lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import pairloom
from pairloom import Signal, Strategy, SystemCtx
from pairloom import indicators as ta

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

MINUTE = 60_000_000_000
FIRST_OPEN = 1_577_836_800_000_000_000  # 2020-01-01T00:00:00Z
CASH = 10_000_000
FEE = 0.001
FAST, SLOW = 10, 30
GRID: dict[str, Any] = {"fast": range(5, 55, 5), "slow": range(60, 160, 10)}


@dataclass(frozen=True)
class Workload:
    """One of the workloads: its markets' seeds, its length, and what has to come out."""

    name: str
    title: str
    seeds: range
    bars: int
    orders: int
    equity: str
    runs: int = 1

    @property
    def events(self) -> int:
        """Bars of all markets, in all runs."""
        return len(self.seeds) * self.bars * self.runs

    def data(self) -> dict[str, Columns]:
        """The bars of every market, made anew."""
        return {f"M{number:03}/USD": bars(seed, self.bars) for number, seed in enumerate(self.seeds)}

    def agrees(self, outcome: Outcome) -> bool:
        """Whether the number of orders and the final equity are the known ones, to the digit."""
        digits = len(self.equity.partition(".")[2])
        return outcome.orders == self.orders and f"{outcome.equity:,.{digits}f}" == self.equity


W1 = Workload("W1", "one market, 1,000,000 bars", range(42, 43), 1_000_000, 39_171, "9,932,401.5845")
W3 = Workload("W3", "500 markets x 4,000 bars, one account", range(1000, 1500), 4_000, 77_786, "9,844,988.2272")
W4 = Workload("W4", "100 pairs of parameters on 100,000 bars", range(42, 43), 100_000, 145_215, "999,734,128.164", 100)

# The beginning of W1, small enough for every run of the tests.
W1_SHORT = Workload("W1", "one market, 100,000 bars", range(42, 43), 100_000, 3_874, "9,992,347.6842")


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    orders: int
    equity: float


def bars(seed: int, count: int) -> Columns:
    """One market. The draws depend on `count`, so a shorter market is cut from the million that it begins."""
    drawn = max(count, W1.bars) if seed in W1.seeds else count
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


class Cross(Strategy):
    """The rule as a Python class."""

    fast: int = FAST
    slow: int = SLOW

    def setup(self, ctx: SystemCtx) -> None:
        self.quick = ctx.indicator(ta.Sma(self.fast))
        self.steady = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx: SystemCtx) -> Signal:
        return Signal.LONG if self.quick.value > self.steady.value else Signal.SHORT


def engine(strategy: type[Strategy] | str, parameters: dict[str, Any] | None = None) -> pairloom.Engine:
    """An engine with the workloads' account, and the strategy on every market."""
    made = pairloom.Engine(cash={"USD": CASH}, fee=FEE, account="margin", fill="close")
    made.trade("*", strategy, size={"base": 1}, **(parameters or {"fast": FAST, "slow": SLOW}))
    return made


def one_market_loop(closes: list[float], fast: int = FAST, slow: int = SLOW) -> Outcome:
    """W1 as a person would write it by hand for this one rule: no engine, nothing that could be asked for later."""
    cash, held, orders = float(CASH), 0, 0
    quick = steady = 0.0
    for row, close in enumerate(closes):
        quick += close
        steady += close
        if row >= fast:
            quick -= closes[row - fast]
        if row >= slow:
            steady -= closes[row - slow]
        if row >= slow - 1:
            wanted = 1 if quick / fast > steady / slow else -1
            if wanted != held:
                traded = wanted - held
                cash -= traded * close + abs(traded) * close * FEE
                held = wanted
                orders += 1
    return Outcome(orders, cash + held * closes[-1])


def many_markets_loop(markets: list[list[float]]) -> Outcome:
    """W3 by hand: one account, bar by bar over all markets, as a shared account needs it."""
    cash, orders = float(CASH), 0
    held = [0] * len(markets)
    quick, steady = [0.0] * len(markets), [0.0] * len(markets)
    for row in range(len(markets[0])):
        for index, closes in enumerate(markets):
            close = closes[row]
            q = quick[index] + close
            s = steady[index] + close
            if row >= FAST:
                q -= closes[row - FAST]
            if row >= SLOW:
                s -= closes[row - SLOW]
            quick[index] = q
            steady[index] = s
            if row >= SLOW - 1:
                wanted = 1 if q / FAST > s / SLOW else -1
                if wanted != held[index]:
                    traded = wanted - held[index]
                    cash -= traded * close + abs(traded) * close * FEE
                    held[index] = wanted
                    orders += 1
    return Outcome(orders, cash + sum(held[index] * closes[-1] for index, closes in enumerate(markets)))


def loop_over_pairs(closes: list[float]) -> Outcome:
    """W4 by hand: the loop for one market, once for each pair."""
    outcomes = [one_market_loop(closes, fast, slow) for fast in GRID["fast"] for slow in GRID["slow"]]
    return Outcome(sum(each.orders for each in outcomes), sum(each.equity for each in outcomes))


def plain_loop(closes: list[list[float]]) -> Outcome:
    """The floor that fits the number of markets."""
    return one_market_loop(closes[0]) if len(closes) == 1 else many_markets_loop(closes)
