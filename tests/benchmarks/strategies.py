"""The rules of the workloads as strategies of every lane."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal

import pairloom
from pairloom import Signal, Strategy, SystemCtx
from pairloom import indicators as ta

from .workloads import ALPHA, CASH, EVERY, FAST, FEE, SLOW

# The wheel of examples/rust_strategy, built apart; `make bench` builds and installs it.
PLUGIN = "pairloom_example_strategies"


class Cross(Strategy):
    """The rule of W1, W3 and W4."""

    fast: int = FAST
    slow: int = SLOW

    def setup(self, ctx: SystemCtx) -> None:
        self.quick = ctx.indicator(ta.Sma(self.fast))
        self.steady = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx: SystemCtx) -> Signal:
        return Signal.LONG if self.quick.value > self.steady.value else Signal.SHORT


class EveryNth(Strategy):
    """The rule of W2, with its average kept in the method."""

    every: int = EVERY
    alpha: float = ALPHA

    def setup(self, ctx: SystemCtx) -> None:
        self.seen = 0
        self.average = 0.0
        self.buys = True

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        quote = ctx.quote
        mid = (quote.bid + quote.ask) * 0.5
        self.average = mid if self.seen == 0 else self.average + self.alpha * (mid - self.average)
        self.seen += 1
        if self.seen % self.every == 0:
            if self.buys:
                ctx.buy(1)
            else:
                ctx.sell(1)
            self.buys = not self.buys
        return None


@pairloom.compiled
class CompiledCross(Cross):
    """The same, through numba."""


@pairloom.compiled
class CompiledEveryNth(EveryNth):
    """The same, through numba."""


def has_numba() -> bool:
    """Whether the compiled lane can run."""
    return find_spec("numba") is not None


def has_plugin() -> bool:
    """Whether the wheel built apart is installed."""
    return find_spec(PLUGIN) is not None


def engine(strategy: Any, parameters: dict[str, Any] | None = None, **settings: Any) -> pairloom.Engine:
    """An engine with the workloads' account, and the strategy on every market."""
    made = pairloom.Engine(cash={"USD": CASH}, fee=FEE, account="margin", fill="close", **settings)
    made.trade("*", strategy, size={"base": 1}, **(parameters or {}))
    return made


def warm_up(strategy: Any, kind: Literal["candle", "quote"]) -> None:
    """One short run, so that what numba has to compile is compiled before a clock runs."""
    engine(strategy).backtest(pairloom.synthetic(1, rows=100, kind=kind), progress=False)
