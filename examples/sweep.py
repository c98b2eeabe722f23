"""Sweep: which parameters are good, how they do on other times than they were chosen on, and classes on all cores."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pairloom
from pairloom import Engine, Signal, Strategy
from pairloom import indicators as ta


class Breakout(Strategy):
    """Long above the highest close of some hours, out below the mean."""

    hours: int = 24
    margin: float = 0.0

    def setup(self, ctx):
        self.highest = ctx.indicator(ta.Max(self.hours))
        self.mean = ctx.indicator(ta.Sma(self.hours))

    def generate_signal(self, ctx):
        if ctx.candle.close >= self.highest[-2] * (1 + self.margin):
            return Signal.LONG
        return Signal.CLOSE if ctx.candle.close < self.mean.value else None


def main():
    data = pairloom.synthetic(["ETH/USD", "LTC/USD", "XRP/USD"], rows=6_000, interval="1h", volatility=0.004, seed=8)

    # A built-in strategy: its combinations run on all threads, and the data are read once.
    engine = Engine(cash={"USD": 10_000})
    engine.trade("*", "sma_cross", size={"quote": 1_000}, side="long")
    asked = {"fast": range(5, 30, 5), "slow": range(20, 120, 20)}
    sweep = engine.sweep(data, **asked, where=lambda fast, slow: fast < slow)
    print(sweep)
    print()
    print(sweep.heat_map())

    # What is best on the past need not be so afterwards: choose on one part of the time, prove on the next.
    walk = engine.sweep(data, **asked, where=lambda fast, slow: fast < slow, folds=4)
    print()
    print(walk)

    # A class of one's own runs on one core, or through an executor on all. Its processes import this file, so what
    # shall run once stands in main().
    mine = Engine(cash={"USD": 10_000})
    mine.trade("*", Breakout(), size={"quote": 1_000})
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        own = mine.sweep(data, hours=[12, 24, 48, 96], margin=[0.0, 0.001], maximize="calmar", executor=executor)
    print()
    print(own)
    print()
    print(own.best().backtest())


if __name__ == "__main__":
    main()
