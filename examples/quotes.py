"""Quotes: follow the side of the book that shows more size, on best bids and asks, with a delay.

A market order on quotes pays the spread: it fills at the other side's price, after `latency` seconds of simulated
time.  Run with and without them, the example shows what both cost.
"""

import pairloom
from pairloom import Engine, Signal, Strategy


class Imbalance(Strategy):
    """Long while the bid shows much more than the ask, flat when it shows much less."""

    events = ("quote",)  # what wakes it
    enter: float = 0.8  # the bid's share of the size shown
    leave: float = 0.2

    def generate_signal(self, ctx):
        quote = ctx.quote
        share = quote.bid_size / (quote.bid_size + quote.ask_size)
        if share > self.enter:
            return Signal.LONG
        if share < self.leave:
            return Signal.CLOSE
        return None


def run(data, *, fee, latency):
    engine = Engine(cash={"USD": 100_000}, fee=fee, latency=latency)
    engine.trade("BTC/USD", Imbalance(), size={"quote": 10_000})
    return engine.backtest(data)


def main():
    data = pairloom.synthetic(
        ["BTC/USD"], kind="quote", rows=20_000, interval="1s", price=60_000, volatility=0.00002, seed=9
    )
    at_once = run(data, fee=0, latency=0)
    late = run(data, fee=0, latency=2.5)
    costly = run(data, fee=0.0002, latency=2.5)
    print(costly)
    print()
    for name, result in (("spread alone", at_once), ("and 2.5 s late", late), ("and fees", costly)):
        print(f"{name:15} {result.stats.pnl:12,.2f} USD in {len(result.trades):,} trades")


if __name__ == "__main__":
    main()
