"""The synthetic walk once more, in plain Python, from its description: what the compiled one is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

MASK = (1 << 64) - 1


def split_mix(state: int) -> tuple[int, int]:
    """One step of SplitMix64: the next state, and the number drawn."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


class Random:
    """xoshiro256++, seeded by SplitMix64 from a seed, a purpose and an index."""

    def __init__(self, seed: int, purpose: int, index: int) -> None:
        mixer = seed
        for part in (purpose, index):
            mixer, drawn = split_mix(mixer)
            mixer = drawn ^ part
        self.s: list[int] = []
        for _ in range(4):
            mixer, drawn = split_mix(mixer)
            self.s.append(drawn)
        self.spare: float | None = None

    def bits(self) -> int:
        s0, s1, s2, s3 = self.s
        total = (s0 + s3) & MASK
        result = (((total << 23) | (total >> 41)) + s0) & MASK
        s2 ^= s0
        s3 ^= s1
        self.s = [s0 ^ s3, s1 ^ s2, s2 ^ ((s1 << 17) & MASK), ((s3 << 45) | (s3 >> 19)) & MASK]
        return result

    def unit(self) -> float:
        return (self.bits() >> 11) * 2.0**-53

    def below(self, bound: int) -> int:
        return (self.bits() * bound) >> 64

    def normal(self) -> float:
        if self.spare is not None:
            spare, self.spare = self.spare, None
            return spare
        while True:
            x, y = 2 * self.unit() - 1, 2 * self.unit() - 1
            square = x * x + y * y
            if 0 < square < 1:
                stretch = math.sqrt(-2 * math.log(square) / square)
                self.spare = y * stretch
                return x * stretch


@dataclass
class Walk:
    """One market. The price is kept in ticks, and its logarithm is not rounded."""

    seed: int
    index: int
    price: float
    digits: int
    volatility: float
    correlation: float
    missing: float
    interval: int
    ts: int

    def __post_init__(self) -> None:
        self.factor = Random(self.seed, 1, 0)
        self.own = Random(self.seed, 2, self.index)
        self.details = Random(self.seed, 3, self.index)
        self.left_out = Random(self.seed, 4, self.index)
        self.log = math.log(self.price * 10**self.digits)
        self.ticks = round(self.price * 10**self.digits)

    def _move(self) -> None:
        shared = math.sqrt(self.correlation) * self.factor.normal()
        own = math.sqrt(1 - self.correlation) * self.own.normal()
        self.log += self.volatility * (shared + own)
        self.ticks = round(math.exp(self.log))

    def _value(self, ticks: float) -> float:
        return float(f"{ticks / 10**self.digits:.{self.digits}f}")

    def _quantity(self, hundredths: int) -> float:
        return (1 + self.details.below(hundredths)) / 100

    def _gap(self) -> None:
        shortest = self.interval // 10
        self.ts += max(1, shortest + self.details.below(2 * (self.interval - shortest)))

    def candle(self) -> tuple[float, ...]:
        """ts, open, high, low, close, volume."""
        before = self.ticks
        self._move()
        above = 1 + abs(self.details.normal() * self.volatility / 2)
        below = 1 - abs(self.details.normal() * self.volatility / 2)
        high, low = max(before, self.ticks) * above, min(before, self.ticks) * below
        prices = [self._value(ticks) for ticks in (before, round(high), round(low), self.ticks)]
        row = (self.ts, *prices, self._quantity(100_000))
        self.ts += self.interval
        return row

    def quote(self) -> tuple[float, ...]:
        """ts, bid, ask, bid_size, ask_size."""
        self._move()
        self._gap()
        bid = self.ticks - 1 - self.details.below(3)
        ask = self.ticks + 1 + self.details.below(3)
        return (self.ts, self._value(bid), self._value(ask), self._quantity(10_000), self._quantity(10_000))

    def trade(self) -> tuple[float, ...]:
        """ts, price, quantity, side."""
        self._move()
        self._gap()
        side = 1 if self.details.below(2) == 0 else -1
        return (self.ts, self._value(self.ticks), self._quantity(10_000), side)

    def rows(self, kind: str, count: int) -> Iterator[tuple[float, ...]]:
        """The rows of a kind among the first `count` that are not left out."""
        for number in range(count):
            row = {"candle": self.candle, "quote": self.quote, "trade": self.trade}[kind]()
            if self.left_out.unit() >= self.missing or number == 0:
                yield row
