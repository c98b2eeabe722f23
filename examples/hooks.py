"""Hooks: act when an order fills, once a day, and at the end.

The strategy buys after a rise and puts its own exit into the market as soon as the entry has filled: a limit order
that can only reduce the position.  Once a day it gives up a position that has gone nowhere.
"""

import pairloom
from pairloom import Engine, Signal, Strategy


class TakeProfit(Strategy):
    """Buy a rise of some candles in a row, sell at a target, give up after a day."""

    rises: int = 4
    target: float = 0.01  # sell this much above the entry, a fraction

    schedule = "1d"  # on_time runs at each UTC midnight
    window = 10  # ctx.close holds the last ten closes

    def setup(self, ctx):
        self.waiting = None  # the id of the order at the target
        self.targets_hit = 0
        self.given_up = 0

    def generate_signal(self, ctx):
        last = ctx.close[-self.rises - 1 :]
        if not ctx.position and (last[1:] > last[:-1]).all():
            return Signal.LONG
        return None

    def on_fill(self, ctx, fill):
        if fill.side == "buy":
            price = fill.price * (1 + self.target)
            self.waiting = ctx.sell(fill.quantity, limit=price, reduce_only=True, tag="target")
        elif fill.id == self.waiting:
            self.targets_hit += 1

    def on_time(self, ctx, event):
        if ctx.position and ctx.position.unrealized_pnl < 0:
            self.given_up += 1
            ctx.cancel(self.waiting)
            return Signal.CLOSE
        return None

    def on_stop(self, ctx):
        print(f"{ctx.pair}: {self.targets_hit} targets hit, {self.given_up} times given up")


def main():
    data = pairloom.synthetic(["ADA/USD", "XLM/USD"], rows=10_000, interval="5m", volatility=0.002, seed=5)
    engine = Engine(cash={"USD": 5_000}, fee=0.0005)
    engine.trade(["ADA/USD", "XLM/USD"], TakeProfit(rises=4), size={"quote": 1_000})
    print(engine.backtest(data))


if __name__ == "__main__":
    main()
