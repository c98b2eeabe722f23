"""The strategies that portfolio.toml names."""

from pairloom import Signal, Strategy
from pairloom import indicators as ta


class Breakout(Strategy):
    """Buy when the close is the highest of some days, sell when it is the lowest of half as many."""

    days: float = 2.0
    candles_per_day: int = 96  # of 15 minutes

    def setup(self, ctx):
        length = int(self.days * self.candles_per_day)
        self.highest = ctx.indicator(ta.Max(length))
        self.lowest = ctx.indicator(ta.Min(length // 2))

    def generate_signal(self, ctx):
        if ctx.candle.close >= self.highest.value:
            return Signal.LONG
        if ctx.candle.close <= self.lowest.value:
            return Signal.CLOSE
        return None
