"""Signals in compiled strategies: kept, chosen, handed on and compared, each is what it was made as."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

import pairloom
from compiled_files import imported
from pairloom import compiled, uncompiled

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("compiled_cache")

HEAD = """
from pairloom import Signal, Strategy

def same(signal):
    return signal

def chosen(first, a, b):
    return a if first else b

class S(Strategy):
    def setup(self, ctx):
        self.k = 0

    def generate_signal(self, ctx):
        self.k += 1
"""


def strategy(tmp_path: Path, body: str) -> Any:
    return compiled(imported(tmp_path, HEAD + textwrap.indent(body, " " * 8) + "\n").S)


def backtest(traded: Any) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 10**7}, account="margin")
    engine.trade("S0001/USD", traded, size=0.1)
    engine.trade("S0001/USD", "sma_cross", size=0.1, name="beside it")
    return engine.backtest(pairloom.synthetic(1, rows=200, seed=3), progress=False)


SAME = [
    "small = Signal.long(size=0.1)\nlarge = Signal.long(size=0.4)\nreturn small",
    "a = Signal.long(0.1, limit=ctx.candle.close * 0.999)\nb = Signal.target(0.3)\nreturn a if self.k < 99 else b",
    "a = [Signal.LONG, Signal.long(0.2), Signal.target(-0.1), Signal.CLOSE]\nreturn a[self.k % 4]",
    "a = (Signal.LONG, Signal.long(0.2), Signal.CLOSE)\nreturn a[self.k % 3]",
    "return same(chosen(self.k % 2 == 0, Signal.long(0.3), Signal.short(0.2)))",
    "def made(k):\n    return Signal.long(0.1) if k % 2 else Signal.CLOSE\nreturn made(self.k)",
    "s = Signal.long(0.1) if self.k % 3 else None\nif s:\n    return s\nreturn Signal.CLOSE",
    "s = Signal.long(0.1) if self.k % 3 else None\nreturn s or Signal.CLOSE",
    "s = Signal.LONG\nfor i in range(3):\n    if i == self.k % 4:\n        s = Signal.target(i * 0.1)\nreturn s",
    "size = 0.1 if self.k % 2 else None\nreturn Signal.long(size) if self.k % 3 else Signal.CLOSE",
    "return Signal.long({'equity': 0.1}) if self.k % 3 else Signal.target({'quote': 50})",
    "return Signal.long(self.k) if self.k % 5 else Signal.short(size=1, limit=99)",
]

COMPARED = [
    "Signal.long(0.1 * (self.k % 3)) == Signal.long(0.2)",
    "Signal.long(0.1 * (self.k % 3), limit=5) != Signal.long(0.1, limit=5.0)",
    "Signal.long(limit=self.k) == Signal.long(limit=3.0)",
    "Signal.long() == (Signal.LONG if self.k % 2 else Signal.SHORT)",
    "(Signal.LONG if self.k % 2 else Signal.long(0.1)) in (Signal.CLOSE, Signal.LONG)",
    "(Signal.LONG if self.k % 2 else None) == Signal.LONG",
    "Signal.LONG != (Signal.LONG if self.k % 2 else None)",
    "(Signal.LONG if self.k % 2 else None) == (Signal.LONG if self.k % 3 else None)",
    "(Signal.LONG if self.k % 2 else Signal.long()) is Signal.LONG",
    "Signal.LONG is not (Signal.LONG if self.k % 2 else None)",
    "Signal.long(float('nan')) == Signal.long(float('inf')) and self.k % 2 == 0",
]


@pytest.mark.parametrize("body", [*SAME, *(f"return Signal.CLOSE if {said} else Signal.LONG" for said in COMPARED)])
def test_a_signal_is_what_it_was_made_as(tmp_path: Path, body: str) -> None:
    found = strategy(tmp_path, body)
    result, plain = backtest(found), backtest(uncompiled(found))
    assert not result.quarantined
    assert not plain.quarantined
    assert result.lanes["compiled"] == 1
    assert result.digest == plain.digest
    assert len({order["trader"] for order in result.orders}) == 2


REFUSED = [
    ("Signal.target(0.1 if self.k % 2 else None)", "its size may be None here, and None cannot be a size"),
    ("Signal.long({'base': None})", "its size may be None here"),
    ("Signal.long(True)", "the size and the limit of a signal cannot be"),
    ("Signal.LONG if Signal.long(0.1) is same(Signal.LONG) else None", "compared with is: write == or !="),
    ("Signal.LONG if self.k is Signal.LONG is True else None", "compare with is apart from others"),
    ("Signal.LONG if Signal.LONG == 3 else None", "cannot be compared with"),
    ("Signal.LONG if Signal.LONG[0] else None", "numba cannot compile it"),
    ("Signal.LONG if len(Signal.long(0.1)) else None", "numba cannot compile it"),
]


@pytest.mark.parametrize(("expression", "said"), REFUSED)
def test_what_no_signal_can_is_refused_with_its_line(tmp_path: Path, expression: str, said: str) -> None:
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(strategy(tmp_path, f"return {expression}"))
    assert said in str(caught.value)
    assert f"return {expression}" in str(caught.value)
