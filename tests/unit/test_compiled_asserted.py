"""A compiled strategy in a test file: pytest writes its assertions anew, and it is compiled all the same."""

from __future__ import annotations

from typing import Any

import pytest

import pairloom
from pairloom import Signal, Strategy, uncompiled

pytest.importorskip("numba")


@pairloom.compiled
class Asserts(Strategy):
    def setup(self, ctx: Any) -> None:
        self.k = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.k += 1
        # Python computes these constants before it runs, which pytest's form of an assertion keeps it from.
        assert -1 < self.k < 10**9 + 7
        assert self.k > 0 and self.k < 10**6, "so many"
        return Signal.LONG if self.k % 3 else Signal.CLOSE


def test_its_assertions_make_it_no_other_one() -> None:
    data = pairloom.synthetic(1, rows=60, seed=4)
    digests = []
    for traded in (Asserts, uncompiled(Asserts)):
        engine = pairloom.Engine(cash={"USD": 100_000})
        engine.trade("*", traded, size=1)
        result = engine.backtest(data, progress=False)
        assert result.orders and not result.quarantined
        digests.append(result.digest)
    assert digests[0] == digests[1]
