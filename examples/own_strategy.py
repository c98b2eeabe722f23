"""Your own strategy on your own candles: a moving-average cross over a folder of CSV files.

Run it with `python examples/own_strategy.py`, or with a folder of yours as the argument: one file a pair, named
`ETH_BTC.csv`, with the columns `ts, open, high, low, close, volume`.
"""

import csv
import sys
import tempfile
from pathlib import Path

import pairloom
from pairloom import Engine, Signal, Strategy
from pairloom import indicators as ta


class SmaCross(Strategy):
    """Hold the pair while its fast average is above its slow one."""

    fast: int = 10  # annotated: a parameter
    slow: int = 30

    def setup(self, ctx):
        self.f = ctx.indicator(ta.Sma(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx):
        return Signal.LONG if self.f.value > self.s.value else Signal.CLOSE


def write_some_candles(folder):
    """Make a CSV file of synthetic candles for each of two pairs, as an exchange's export looks."""
    data = pairloom.synthetic(
        ["ETH/BTC", "LTC/BTC"],
        rows=5000,
        interval="15m",
        price={"ETH/BTC": 0.05, "LTC/BTC": 0.002},
        digits=6,
        volatility=0.004,
        seed=7,
    )
    for pair, columns in data.items():
        columns["ts"] = columns["ts"].astype("datetime64[s]").astype(str)  # 2024-01-31T09:30:00
        with open(Path(folder, pair.replace("/", "_") + ".csv"), "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))


def main(folder):
    engine = Engine(cash={"BTC": 10}, fee=0.001)
    engine.trade("*", SmaCross(fast=20, slow=80), size={"quote": 1})  # each buy is worth 1 BTC
    result = engine.backtest(folder)
    print(result)
    print()
    print(result.trades.to_pandas().tail())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as made:
            write_some_candles(made)
            main(made)
