"""Arrays, helpers and comparisons in compiled strategies: what they do is what they do uncompiled."""

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

HEAD = "import numpy as np\nfrom pairloom import Signal, Strategy\n"


def module(tmp_path: Path, code: str) -> Any:
    return imported(tmp_path, HEAD + textwrap.dedent(code))


def digest(strategy: Any) -> tuple[int, str]:
    engine = pairloom.Engine(cash={"USD": 10**7}, fee=0, account="margin")
    engine.trade("S0001/USD", strategy, size=1)
    result = engine.backtest(pairloom.synthetic(1, rows=300, seed=3, volatility=0.01), progress=False)
    assert not result.quarantined
    return len(result.orders), result.digest


def same(strategy: Any) -> int:
    """The orders, which are the same compiled and uncompiled."""
    marked = compiled(strategy)
    found = digest(marked)
    assert found == digest(uncompiled(marked))
    return found[0]


IN_PLACE = [
    ("w = self.w; w /= 2", "self.w[0] < 0.9"),
    ("w = self.w; w **= 2; w += 0.5", "self.w[0] > 1.0"),
    ("halve(self.w)", "self.w[0] < 0.9"),
    ("row = self.m[1]; row /= row.sum() + 1.0", "self.m[1, 0] < 0.4"),
    ("a = self.w.copy(); b = a; a /= 4.0", "b[0] < 0.9"),
    ("self.w /= 2", "self.w[0] < 0.9"),
    ("self.w[len(self.w) - 1] /= 2", "self.w[2] < 0.9"),
    ("x = 3.0; x /= 2; x **= 2", "x == 2.25"),
]


@pytest.mark.parametrize(("change", "rule"), IN_PLACE)
def test_arrays_are_changed_in_their_place_and_numbers_replaced(tmp_path: Path, change: str, rule: str) -> None:
    code = f"""
    def halve(a):
        a /= 2.0

    class S(Strategy):
        def setup(self, ctx):
            self.w = np.ones(3)
            self.m = np.ones((2, 3))

        def generate_signal(self, ctx):
            {change}
            return Signal.LONG if {rule} else None
    """
    assert same(module(tmp_path, code).S) == 1


CHAINS = [
    "0 < len(xs) < self.n",
    "self.low < np.mean(ctx.close) < self.high",
    "self.low < ctx.close.min() <= ctx.close.max() < self.high",
    "self.low < middle(ctx.close) <= self.high",
    "self.low < shift(60) < ctx.candle.close",
]


@pytest.mark.parametrize("rule", CHAINS)
def test_comparisons_in_a_chain_may_hold_calls(tmp_path: Path, rule: str) -> None:
    code = f"""
    def middle(values):
        return (values[0] + values[-1]) / 2

    def shift(n):
        return n * 2

    class S(Strategy):
        window = 4

        def setup(self, ctx):
            self.n = 5
            self.low = 50.0
            self.high = 102.0

        def generate_signal(self, ctx):
            xs = np.ones(3)
            return Signal.LONG if {rule} else Signal.CLOSE
    """
    found = module(tmp_path, code)
    if rule.count("<") + rule.count(">") > 2:
        with pytest.raises(pairloom.ConfigError, match="give what stands between"):
            digest(compiled(found.S))
    else:
        assert same(found.S) >= 1


def test_a_local_name_is_no_function_of_the_module(tmp_path: Path) -> None:
    code = """
    def band(x, lo, hi, top):
        return lo < width(x) < hi < top

    def width(x):
        return x

    class S(Strategy):
        def generate_signal(self, ctx):
            band = ctx.candle.high - ctx.candle.low
            return Signal.LONG if band > 0.5 else Signal.CLOSE
    """
    assert same(module(tmp_path, code).S) > 1


HELPED = """
def up(x):
    return x > 100.0

class S(Strategy):
    def generate_signal(self, ctx):
        return Signal.LONG if up(ctx.candle.close) else Signal.CLOSE
"""


def test_a_helper_is_what_was_imported_even_if_its_file_has_changed(tmp_path: Path) -> None:
    found = module(tmp_path, HELPED)
    orders = digest(uncompiled(compiled(found.S)))
    path = Path(found.__file__)
    path.write_text(path.read_text().replace("x > 100.0", "x < 100.0"))
    assert digest(compiled(found.S)) == orders
    # Nor is what the file had meanwhile kept for another process, or another import.
    path.write_text(path.read_text().replace("x < 100.0", "x > 100.0"))
    again = module(tmp_path, HELPED)
    assert digest(compiled(again.S)) == orders


def test_a_closure_is_compiled_as_it_is(tmp_path: Path) -> None:
    code = """
    def made(level):
        def above(x):
            return x ** 2 > level / 3 * 3

        class S(Strategy):
            def generate_signal(self, ctx):
                return Signal.LONG if above(ctx.candle.close) else Signal.CLOSE

        return S

    S = made(10_000)
    """
    assert same(module(tmp_path, code).S) > 1


def test_helpers_may_call_helpers(tmp_path: Path) -> None:
    code = """
    def total(n):
        return sum([each / 7 for each in range(n)])

    def square(x):
        return x ** 2

    def scaled(x, by=3):
        return square(x) / by

    class S(Strategy):
        def setup(self, ctx):
            self.last = 0.0

        def generate_signal(self, ctx):
            now = scaled(ctx.candle.close) + total(5)
            rises = now > self.last
            self.last = now
            return Signal.LONG if rises else Signal.CLOSE
    """
    assert same(module(tmp_path, code).S) > 10


def test_the_window_of_a_subclass_counts(tmp_path: Path) -> None:
    code = """
    class S(Strategy):
        window = 3

        def generate_signal(self, ctx):
            return Signal.LONG if ctx.close[-1] > ctx.close[0] else Signal.CLOSE
    """
    found = module(tmp_path, code)
    three = same(found.S)
    found.Nine = type("Nine", (found.S,), {"window": 9, "__module__": found.__name__})
    assert same(found.Nine) != three
    found.NoWindow = type("NoWindow", (found.S,), {"window": 0, "__module__": found.__name__})
    with pytest.raises(pairloom.ConfigError, match="declare their length"):
        digest(compiled(found.NoWindow))
