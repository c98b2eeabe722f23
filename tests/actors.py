"""Strategies that do whatever their script says, written once and run in every lane.

`Actor` is an ordinary Python class, `CompiledActor` the same through numba, and ``tests/plugins/actor.c`` says
the same in C. So one script can be played by any of the three, and all that comes of it has to be the same. What it
does depends on its indicators, its position and its own state, so a state that is not restored exactly shows.
"""

from __future__ import annotations

from typing import Any

import pairloom.indicators as ta
from pairloom import Fill, Signal, Strategy, SystemCtx, compiled


def drawn(x: int) -> int:
    """The next number of a script; it stays below 2**31, so every lane computes it without overflow."""
    return (x * 1103515245 + 12345) % 2147483648


def below(x: int, bound: int) -> int:
    """A number below the bound, of the bits that are random."""
    return x // 65536 % bound


class Actor(Strategy):
    """Acts at one event in `rate`: signals of every kind, and with `orders` orders, replacements and cancels."""

    script: int = 1
    rate: int = 3
    errs: int = 0  # the call that fails; 0 for none
    orders: bool = True
    money: float = 50.0

    def setup(self, ctx: SystemCtx) -> None:
        self.price = ctx.indicator(ta.Sma(1))
        self.slow = ctx.indicator(ta.Ema(5))
        self.x = self.script
        self.calls = 0
        self.last = 0

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.calls += 1
        if self.calls == self.errs:
            raise ValueError("out of ideas")
        self.x = drawn(self.x)
        if below(self.x, self.rate) > 0:
            return None
        self.x = drawn(self.x)
        roll = below(self.x, 21 if self.orders else 13)
        self.x = drawn(self.x)
        near = 0.97 + 0.01 * below(self.x, 7)
        quantity = 0.25 + 0.25 * below(self.x, 9)
        price = self.price.value
        if roll < 3:
            return Signal.LONG if price > self.slow.value else Signal.SHORT
        if roll == 3:
            return Signal.CLOSE
        if roll == 4:
            return Signal.REVERSE
        if roll == 5:
            return Signal.long(size=quantity)
        if roll == 6:
            return Signal.short(size={"quote": self.money * quantity})
        if roll == 7:
            return Signal.target(quantity - 1.25)
        if roll == 8:
            return Signal.long(limit=price * near)
        if roll == 9:
            return Signal.short(size=quantity, limit=price * near)
        if roll == 10:
            return Signal.long(size={"equity": quantity * 0.5})
        if roll == 11:
            return Signal.CLOSE if ctx.position.unrealized_pnl < 0.0 else Signal.LONG
        if roll == 12:
            return Signal.target(ctx.position.size * 0.5) if ctx.position.size != 0.0 else Signal.LONG
        if roll == 13:
            self.last = ctx.buy(quantity)
        elif roll == 14:
            self.last = ctx.sell(quantity)
        elif roll == 15:
            self.last = ctx.buy(quantity, limit=price * near)
        elif roll == 16:
            self.last = ctx.sell(quantity, limit=price * near)
            return Signal.LONG if len(ctx.orders) > 1 else None
        elif roll == 17:
            self.last = ctx.sell(quantity, reduce_only=True)
        elif roll == 18 and self.last > 0:
            ctx.replace(self.last, quantity=quantity, limit=price * near)
        elif roll == 19 and self.last > 0:
            ctx.cancel(self.last)
        elif roll == 20:
            ctx.cancel()
        return None


@compiled
class CompiledActor(Actor):
    """The same source through numba."""


@compiled
class Window(Strategy):
    """Reads the arrays of its last candles, so a block has to show it the right ones at each of its events."""

    window = 5
    errs: int = 0

    def setup(self, ctx: SystemCtx) -> None:
        self.calls = 0

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.calls += 1
        if self.calls == self.errs:
            return Signal.LONG if ctx.close[self.calls + 5] > 0.0 else None
        if ctx.candle.close > ctx.high[:-1].max():
            return Signal.LONG
        return Signal.CLOSE if ctx.candle.close < ctx.low[:-1].min() else None


@compiled
class Wary(Strategy):
    """Looks at the account, so it is never evaluated ahead, and what all others did by its step shows in it."""

    share: float = 0.5

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        if ctx.cash < ctx.equity * self.share:
            return Signal.CLOSE
        return Signal.long(size={"equity": 0.1}) if ctx.position.size <= 0.0 else None


class Answering(Actor):
    """An actor that acts on its fills and refusals too; in C it is the table ``actor_with_hooks``."""

    def on_fill(self, ctx: SystemCtx, fill: Fill) -> Signal | None:
        self.x = drawn(self.x)
        roll = below(self.x, 4)
        if roll == 0:
            self.last = ctx.sell(0.5, limit=fill.price * 1.01)
        return Signal.CLOSE if roll == 1 else None

    def on_refused(self, ctx: SystemCtx, order: Any) -> None:
        self.x = drawn(self.x)
        if below(self.x, 3) == 0:
            ctx.cancel()
