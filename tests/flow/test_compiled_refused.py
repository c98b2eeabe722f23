"""What compiled code cannot do as Python does is refused before the run, with class, file, line and the way out."""

from __future__ import annotations

import enum
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pairloom
from compiled_files import imported
from pairloom import compiled, uncompiled
from pairloom._compiled.lane import binder

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("compiled_cache")

HEAD = """
import enum
import numpy as np
import compiled_helpers
from pairloom import Signal, Strategy
from pairloom import indicators as ta

class Mode(enum.IntEnum):
    FAST = 1
    SLOW = 2

NARROW, BYTES, PAIR = np.float32(0.1), np.array([200, 100], np.uint8), (1.0, np.int32(7))
MASKED = np.ma.masked_array([1.0, 2.0], [True, False])

def falls(n):
    return 0 if n < 0 else falls(n - 1)

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)

def half(x):
    return x * 0.5

CACHE = {}

class S(Strategy):
    def setup(self, ctx):
        self.n = 0
        self.x = 0.0
        self.mode = Mode.FAST
        self.counts = np.zeros(2, np.int64)
        self.fixed = np.broadcast_to(np.zeros(1), (3,))
        self.masked = np.ma.masked_array([1.0, 2.0], [True, False])
        self.__hidden = 1
        self.table = CACHE.setdefault("table", np.zeros(2))[:1]
        self.vwap = ctx.indicator(ta.Vwap(3), required=False)
        self.sma = ctx.indicator(ta.Sma(3), required=False)
        self.start = ctx.random.random()
        ctx.log.info("begins")

    def generate_signal(self, ctx):
        self.n += 1
"""


def strategy(tmp_path: Path, body: str, **given: Any) -> Any:
    helpers = ModuleType("compiled_helpers")
    exec("def twice(x): return 2 * x", vars(helpers))
    sys.modules["compiled_helpers"] = helpers
    made = imported(tmp_path, HEAD + textwrap.indent(body, " " * 8) + "\n")
    return compiled(**given)(made.S) if given else compiled(made.S)


def backtest(traded: Any) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 10**7}, account="margin")
    engine.trade("S0001/USD", traded, size=0.1)
    engine.trade("S0001/USD", "sma_cross", size=0.1, name="beside it")
    return engine.backtest(pairloom.synthetic(1, rows=120, seed=3), progress=False)


LONG = "return Signal.LONG if {} else Signal.CLOSE"
REFUSED = [
    (LONG.format("self.mode is Mode.FAST"), "a member of an enum and a number cannot be compared with is: write =="),
    (LONG.format("self.n is self.mode"), "numbers cannot be compared with is: write =="),
    (LONG.format("self.n is 3"), "numbers and texts cannot be compared with is: write =="),
    *(
        (LONG.format(asked), "ctx.position itself is not there in compiled code; there are its truth")
        for asked in (
            "ctx.position == 0",
            "ctx.position > 0",
            "abs(ctx.position)",
            "3 + ctx.position",
            "ctx.position == False",
            "half(ctx.position)",
            "(ctx.position or self.n) > 3",
        )
    ),
    ("held = ctx.position\nheld = self.n > 3\n" + LONG.format("held"), "a name of your own for it may be bound once"),
    (LONG.format("ctx.orders == 0"), "ctx.orders itself is not there in compiled code; there are len(ctx.orders)"),
    ("for order in ctx.orders:\n    self.n += 1", "there are len(ctx.orders) and its truth"),
    (LONG.format("self.n * NARROW > 1"), "NARROW cannot be used: it is a number of NumPy's float32, whose arithmetic"),
    (LONG.format("BYTES[0] + BYTES[1] > 250"), "BYTES cannot be used: it is an array of uint8; use float64 or int64"),
    (LONG.format("PAIR[1] > 1"), "PAIR cannot be used: it is a number of NumPy's int32"),
    (LONG.format("MASKED[0] > 1"), "MASKED cannot be used: it is an array of the class MaskedArray"),
    (LONG.format("self.masked[0] > 1"), "masked is an array of the class MaskedArray, which would be a plain one"),
    ("self.fixed[0] = 1.0", "cannot be changed; change a copy"),
    (LONG.format("~(self.n > 3)"), "~ of True or False cannot be compiled, which in Python is -2 or -1: write not"),
    (LONG.format("falls(self.n) > 3"), "falls calls itself"),
    (LONG.format("even(self.n)"), "even calls itself"),
    ("match Signal.LONG:\n    case Signal.LONG:\n        return Signal.CLOSE", "a pattern is a number or a text"),
    ("match self.n:\n    case self.n:\n        return Signal.CLOSE", "a pattern is a number or a text"),
    ("ctx.cancel(1.5)", "the number of an order cannot be float64; give what buy or sell returned"),
    (LONG.format("self.__hidden"), "a name of two underscores, which Python changes and compiled code does not"),
    ("self.counts += 0.5", "an array of integers cannot hold floats in its place: start it as floats in setup"),
    ("self.counts /= 2", "an array of integers cannot hold floats in its place"),
    ("self.table[0] += 1.0", "an array of ctx, of the class, of the parameters, of the module or of a cache"),
    (LONG.format("self.vwap.ready"), "vwap may be ready without a number, which compiled code cannot tell: write"),
    ("average = self.vwap\n" + LONG.format("average.ready"), "vwap may be ready without a number"),
    (LONG.format("compiled_helpers.twice(self.n) > 3"), "write from compiled_helpers import twice"),
    (LONG.format("round(self.x, 23) > 3"), "compiled, round takes 22 digits at most"),
    (LONG.format("1000 < half(self.n) < 1 / (self.n % 5)"), "give what stands between the two comparisons a name"),
    ("self.n = Mode.SLOW", "write int(...) of the member"),
]


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=range(len(REFUSED)))
def test_it_is_refused_before_the_run(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(strategy(tmp_path, body))
    assert said in str(caught.value)
    lines = range(1 + HEAD.count("\n"), 2 + HEAD.count("\n") + body.count("\n"))
    assert any(f".py, line {line}: S.generate_signal: " in str(caught.value) for line in lines), caught.value
    assert backtest(strategy(tmp_path, body, fallback="python")).lanes == {"python": 1, "native": 1}


SAME = [
    LONG.format("self.mode == Mode.FAST and self.n % 3"),
    LONG.format("not ctx.position or self.n % 4"),
    LONG.format("ctx.position is not None and bool(ctx.position) == (self.n % 3 > 0)"),
    LONG.format("self.fixed[0] == 0.0 and self.n % 3"),
    LONG.format("~self.n % 3"),
    "held = ctx.position\n" + LONG.format("not held or held.size > 0 and self.n % 5"),
    "self.n = int(Mode.SLOW) if self.n == 1 else self.n\n" + LONG.format("self.n % 4 == Mode.SLOW"),
    LONG.format("self.x < half(self.n) <= 1 + self.n * self.mode or self.n % 3"),
    "middle = half(self.n)\n" + LONG.format("1000 < middle < 1 / (self.n % 5) or self.n % 3"),
    LONG.format("self.table[0] == 0.0 and self.n % 3"),
    LONG.format("self.vwap.value == self.vwap.value and self.sma.ready and self.n % 3"),
    LONG.format("self.start < 2.0 and self.n % 3"),
    "self.counts[0] += 2.5\nself.counts[1] = self.n * 0.7\n" + LONG.format("(self.counts[0] + self.counts[1]) % 3"),
    "match self.n % 3:\n    case 1:\n        return Signal.LONG\n    case 2:\n        return Signal.CLOSE",
]


@pytest.mark.parametrize("body", SAME, ids=range(len(SAME)))
def test_what_is_beside_it_is_the_same(tmp_path: Path, body: str) -> None:
    marked = strategy(tmp_path, body)
    result = backtest(marked)
    assert result.lanes["compiled"] == 1
    assert result.orders
    assert result.digest == backtest(uncompiled(marked)).digest


@pytest.mark.parametrize("call", ["ctx.cancel(3 - self.n)", "ctx.replace(3 - self.n, quantity=1)"])
def test_a_negative_number_of_an_order_is_a_type_error(tmp_path: Path, call: str) -> None:
    marked = strategy(tmp_path, f"if self.n == 5:\n    {call}\nreturn Signal.LONG")
    for traded in (marked, uncompiled(marked)):
        (fault,) = backtest(traded).quarantined
        assert isinstance(fault.error, TypeError)
        assert str(fault.error) == "id is -2, an int; give the number that ctx.buy or ctx.sell returned"


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_what_no_integer_is_fails_as_an_element_of_integers(tmp_path: Path, value: str) -> None:
    marked = strategy(tmp_path, f"if self.n == 5:\n    self.counts[0] = {value}\nreturn Signal.LONG")
    of_compiled, of_python = (backtest(traded).quarantined[0].error for traded in (marked, uncompiled(marked)))
    assert type(of_compiled) is type(of_python)
    assert str(of_compiled) == str(of_python)


def test_an_enum_that_is_defined_anew_is_what_counts(tmp_path: Path) -> None:
    marked = strategy(tmp_path, LONG.format("self.n % Mode.SLOW"))
    before = backtest(marked)
    module = sys.modules[marked.__module__]
    module.__dict__["Mode"] = enum.IntEnum("Mode", {"FAST": 1, "SLOW": 7})
    after = backtest(marked)
    assert after.digest == backtest(uncompiled(marked)).digest
    assert after.digest != before.digest


def test_products_of_arrays_need_scipy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(pairloom.ConfigError, match=r"line \d+: S.generate_signal: .* needs SciPy there: pip install"):
        backtest(strategy(tmp_path, LONG.format("np.ones(3) @ np.ones(3) > 1")))


def test_a_window_where_no_candle_can_come_is_refused_before_the_run(tmp_path: Path) -> None:
    body = LONG.format("ctx.close[-1] > 1")
    code = HEAD.replace("class S(Strategy):", "class S(Strategy):\n    window = 5\n    events = 'quote'")
    made = imported(tmp_path, code + textwrap.indent(body, " " * 8) + "\n").S
    with pytest.raises(pairloom.ConfigError, match="reads the columns of candles, but it waits for 'quote'"):
        binder(compiled(made)(), "S0001/USD")
    assert binder(compiled(fallback="python")(made)(), "S0001/USD") is None
