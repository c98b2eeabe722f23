"""Strategy bodies written once, for the model and for the package: `define(api)`."""

from __future__ import annotations

from typing import Any


def sma_cross(api: Any, *, fast: int, slow: int, side: str) -> Any:
    """The moving-average cross of the README: long, and close or short."""
    ta = api.indicators
    other = api.Signal.CLOSE if side == "long" else api.Signal.SHORT

    class SmaCross(api.Strategy):  # type: ignore[misc]
        def setup(self, ctx: Any) -> None:
            self.f = ctx.indicator(ta.Sma(fast))
            self.s = ctx.indicator(ta.Sma(slow))

        def generate_signal(self, ctx: Any) -> Any:
            return api.Signal.LONG if self.f.value > self.s.value else other

    return SmaCross
