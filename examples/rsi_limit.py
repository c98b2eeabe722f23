"""Buy dips with a limit order: when the RSI is low, wait a little below the market for someone to sell.

A limit order meets only what happens after its decision, and is a maker, so it pays the maker's fee.
"""

import pairloom
from pairloom import Engine, Fees, Signal, Strategy
from pairloom import indicators as ta


class PatientRsi(Strategy):
    """Buy below the market when the RSI is low; sell at the market when it is high."""

    period: int = 14
    low: float = 30.0
    high: float = 65.0
    discount: float = 0.001  # how far below the close the order waits, a fraction

    def setup(self, ctx):
        self.rsi = ctx.indicator(ta.Rsi(self.period))

    def generate_signal(self, ctx):
        if self.rsi.crossed_below(self.low):
            return Signal.long(limit=ctx.candle.close * (1 - self.discount))
        if self.rsi.value > self.high:
            return Signal.CLOSE  # also cancels an order that still waits
        return None  # leave everything as it is


def main():
    data = pairloom.synthetic(["SOL/USD"], rows=20_000, interval="5m", volatility=0.002, seed=3)
    engine = Engine(cash={"USD": 10_000}, fee=Fees(maker=0.0002, taker=0.001))
    engine.trade("SOL/USD", PatientRsi(period=14), size={"quote": 2_000})
    result = engine.backtest(data)
    print(result)

    orders = result.orders.to_pandas()
    print("\nWhat became of the limit orders:")
    print(orders[orders["type"] == "limit"]["status"].value_counts().to_string())


if __name__ == "__main__":
    main()
