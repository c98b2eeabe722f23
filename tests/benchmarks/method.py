"""What an ordinary Python method costs when no engine is there: the ceiling of the python lane on quotes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import loops
from .contenders import loop
from .scaling import Alternately
from .strategies import EveryNth
from .workloads import EVERY, W2, Outcome

# Objects made beforehand; the method goes over them again and again, so that they fit into a cache.
QUOTES = 20_000


@dataclass(slots=True)
class Quote:
    """What the method reads of a quote."""

    bid: float
    ask: float


class Ctx:
    """What the method reads of its context, and what it orders through."""

    __slots__ = ("orders", "quote")

    def __init__(self) -> None:
        self.orders = 0

    def buy(self, quantity: float) -> None:
        self.orders += 1

    sell = buy


def method_alone(rounds: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """W2's method called by a plain loop for every quote, beside the loop that does the whole of W2."""
    data = W2.data()
    bids, asks = loops.columns(data, "bid")[0], loops.columns(data, "ask")[0]
    made = [Quote(bid, ask) for bid, ask in zip(bids[:QUOTES], asks[:QUOTES], strict=True)]

    def whole() -> float:
        return loop(lambda: loops.quotes(bids, asks)).run_s

    def alone() -> float:
        return loop(lambda: _calls(made)).run_s

    settings = {"the whole loop": whole, "the method alone": alone}
    return Alternately(settings, rounds, progress, "method").figures("the whole loop")


def _calls(quotes: list[Quote]) -> Outcome:
    ctx: Any = Ctx()
    strategy: Any = object.__new__(EveryNth)
    strategy.setup(ctx)
    decide = strategy.generate_signal
    for _ in range(W2.events // len(quotes)):
        for quote in quotes:
            ctx.quote = quote
            decide(ctx)
    assert ctx.orders == W2.events // EVERY
    return Outcome(ctx.orders, 0.0)
