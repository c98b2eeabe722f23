"""Numbers in compiled strategies: the same to the bit as uncompiled, the same exception, or refused with its line."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pairloom
from compiled_files import imported
from pairloom import Signal, Strategy, SystemCtx, compiled, uncompiled

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("compiled_cache")

MINUTE = 60 * 10**9
START = 1_600_000_020 * 10**9
ONES = ("sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "atan", "tanh", "asinh", "erf")


def candles(prices: list[float], step: int = MINUTE) -> dict[str, Any]:
    times = START + np.arange(len(prices)) * step
    return {"ts": times, **{name: np.array(prices) for name in ("open", "high", "low", "close")}}


def quotes(count: int) -> dict[str, Any]:
    """A quote each millisecond, so that no float holds its time."""
    times = START + 123_000 + np.arange(count) * 1_000_000
    return {"ts": times, "bid": np.full(count, 10.0), "ask": np.full(count, 10.1)}


def backtest(strategy: Any, data: dict[str, Any], **parameters: Any) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 10**6}, fee=0, account="margin")
    engine.trade("A/USD", strategy, size=1, name="T", **parameters)
    engine.trade("A/USD", Never, size=1, name="N")
    return engine.backtest({"A/USD": data}, progress=False)


class Never(Strategy):
    """Stands beside what fails, so that the run ends as one."""

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        return None


def written(tmp_path: Path, code: str) -> Any:
    """The strategy `S` of a module with this code."""
    head = "import math\nimport numpy as np\nimport pairloom\nfrom pairloom import Signal, Strategy\n"
    return imported(tmp_path, head + textwrap.dedent(code)).S


# Values against Python's, which setup computes; an order is sent for each that differs.

VALUES = textwrap.dedent("""
    def helper(x, power: float = 2, half=0.5):
        y = x
        y **= power
        return y ** half / 3 + math.exp(-x)

    NUMBERS = {numbers}
    FORMS = [{lambdas}]

    @pairloom.compiled
    class S(Strategy):
        def setup(self, ctx):
            self.numbers = np.array(NUMBERS)
            self.expected = np.array([[form(x) for x in NUMBERS] for form in FORMS])
            self.at = 0

        def generate_signal(self, ctx):
            for at in range(self.numbers.size):
                x = float(self.numbers[at])
    {checks}
""")


def test_values_are_those_of_python_to_the_bit(tmp_path: Path) -> None:
    forms = [f"math.{name}(x)" for name in ONES]
    forms += ["x**2", "x**-1", "x**3", "x**0.5", "2**(x / 9)", "4.0**-x", "x**1.7", "math.pow(x, 2)", "pow(x, 0.5)"]
    forms += ["math.atan2(x, 3.0)", "round(x, 1)", "float(round(x))", "float(math.floor(x))"]
    forms += ["helper(x)", "helper(x, 3.0, 0.25)"]
    draw = random.Random(11)
    # With squares of prices such as 141.73 a product is another number than a power.
    numbers = [141.73, *(draw.randrange(1, 30_000) / 100 for _ in range(1500)), *(draw.random() for _ in range(500))]
    checks = [
        f"{' ' * 12}if {form} != self.expected[{at}, at]:\n{' ' * 16}ctx.buy({at + 1}.0)\n{' ' * 16}return"
        for at, form in enumerate(forms)
    ]
    code = VALUES.format(
        numbers=numbers, lambdas=", ".join(f"lambda x: {form}" for form in forms), checks="\n".join(checks)
    )
    strategy = written(tmp_path, code)
    result = backtest(strategy, candles([10.0, 10.0]))
    assert [forms[int(order.quantity) - 1] for order in result.orders] == []
    assert result.digest == backtest(uncompiled(strategy), candles([10.0, 10.0])).digest


@compiled
class Long(Strategy):
    """Integers of 61 bits, divided and beside floats."""

    def setup(self, ctx: SystemCtx) -> None:
        self.seen = 0
        self.last = 0
        self.ratio = 0.0
        self.counts = np.zeros(2, np.int64)

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.seen += 1
        seconds = ctx.ts
        seconds /= 1_000_000_000
        self.ratio = (ctx.ts / 1_000_000_007) * (self.seen / 3)
        self.counts[0] += 3
        if self.last < float(ctx.ts) and ctx.ts > float(ctx.ts) and self.ratio > seconds:
            self.last = max(ctx.ts, self.last)
            return Signal.LONG
        if float(ctx.ts) >= ctx.ts and self.counts[0] / 7 > 1:
            return Signal.SHORT
        return Signal.CLOSE if float(ctx.ts) == ctx.ts or 0 < ctx.ts - self.last < 3_000_000.5 else None


def test_long_integers_are_divided_and_compared_exactly() -> None:
    result = backtest(Long, quotes(400))
    assert not result.quarantined
    assert len(result.fills) > 50
    assert result.digest == backtest(uncompiled(Long), quotes(400)).digest


def test_a_quotient_of_long_integers_is_rounded_once() -> None:
    @compiled
    class Halves(Strategy):
        def generate_signal(self, ctx: SystemCtx) -> Signal | None:
            return Signal.LONG if (ctx.ts / 1_000_000_000) * 1_000_000_000 == ctx.ts else Signal.SHORT

    for step in (1_000, 999_937):
        data = quotes(300)
        data["ts"] = START + 123 + np.arange(300) * step
        assert backtest(Halves, data).digest == backtest(uncompiled(Halves), data).digest


# Exceptions.


@compiled
class Raises(Strategy):
    """Takes of a value what Python has no number for."""

    way: int = 0
    x: float = math.nan

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        x = self.x
        found = 0.0
        if self.way == 0:
            found = math.floor(x)
        elif self.way == 1:
            found = math.ceil(x)
        elif self.way == 2:
            found = math.trunc(x)
        elif self.way == 3:
            found = round(x)
        elif self.way == 4:
            found = math.sin(x)
        elif self.way == 5:
            found = math.cos(x) + math.tan(x)
        elif self.way == 6:
            found = math.sqrt(x) + math.log1p(x)
        elif self.way == 7:
            found = math.log(x) + math.log2(x) + math.log10(x) + math.acosh(x)
        elif self.way == 8:
            found = math.cosh(x) + math.atanh(x)
        elif self.way == 9:
            found = round(x, 2)
        elif self.way == 10:
            found = 0.0**x
        elif self.way == 11:
            found = int(x)
        return Signal.LONG if found > 1.0 else Signal.SHORT


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_what_is_no_number_raises_or_passes_as_in_python(x: float) -> None:
    for way in range(12):
        both = [backtest(which, candles([10.0, 11.0, 12.0]), way=way, x=x) for which in (Raises, uncompiled(Raises))]
        errors = [[(type(each.error), str(each.error)) for each in result.quarantined] for result in both]
        assert errors[0] == errors[1], way
        assert both[0].digest == both[1].digest, way


# What is refused at compile time.


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return Signal.LONG if math.gamma(x) > 1 else None", "math.gamma is computed differently there"),
        ("return Signal.LONG if math.lgamma(x) > 1 else None", "math.lgamma is computed differently there"),
        (
            "return Signal.LONG if math.hypot(x, x) > 1 else None",
            "write math.sqrt(x * x + y * y), or leave it uncompiled",
        ),
        ("return Signal.LONG if math.ldexp(x, 3) > 1 else None", "write x * 2.0**n, or leave it uncompiled"),
        ("return Signal.LONG if math.log(x, 2) > 1 else None", "write math.log(x) / math.log(base)"),
        ("return Signal.LONG if math.gcd(x, 2) > 1 else None", "math.gcd cannot take a float; write int(...)"),
        (
            "return Signal.LONG if x < sum([x]) < ctx.ts < 5 else None",
            "give what stands between the two comparisons a name",
        ),
        ("return (1,)", "which is no Signal"),
        ("return (1, 2)", "which is no Signal"),
    ],
)
def test_what_would_differ_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    body = f"x = ctx.candle.close\n        {line}"
    strategy = written(
        tmp_path, f"\n@pairloom.compiled\nclass S(Strategy):\n    def generate_signal(self, ctx):\n        {body}\n"
    )
    with pytest.raises(pairloom.ConfigError, match=r"\.py, line \d+: S\.generate_signal: ") as caught:
        backtest(strategy, candles([10.0, 11.0]))
    assert said in str(caught.value)


def test_functions_of_the_module_are_refused_the_same(tmp_path: Path) -> None:
    strategy = written(
        tmp_path,
        """
        from math import hypot as length

        def far(x):
            return length(x, 1.0)

        @pairloom.compiled
        class S(Strategy):
            def generate_signal(self, ctx):
                return Signal.LONG if far(ctx.candle.close) > 3 else None
        """,
    )
    with pytest.raises(pairloom.ConfigError, match=r"line 9: far: math\.hypot is computed differently there"):
        backtest(strategy, candles([10.0, 11.0]))


# What is refused while it runs, and what is said of it.


@compiled
class Lost(Strategy):
    way: int = 0

    def setup(self, ctx: SystemCtx) -> None:
        self.last = 0.0

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        if self.way == 0:
            self.last = ctx.ts
        elif self.way == 1:
            self.last = ctx.ts if ctx.candle.close > 11 else self.last
        elif self.way == 2:
            for _ in range(65):
                ctx.buy(1.0, limit=1.0)
        else:
            self.last = max(self.last, ctx.ts) - 1.0
        return None


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize(
    ("way", "said"),
    [
        (0, f"last began as a float and was given the integer {START + MINUTE}, of more than the 53 bits that a float"),
        (1, f"given the integer {START + 3 * MINUTE}, of more than the 53 bits that a float holds: begin it as an"),
        (
            2,
            "one call may ask for 64 orders at most, cancellations and replacements counted, and this one asked for 65",
        ),
        (3, "or one of more than 53 that becomes a float in max, min, a field or the size of a signal"),
    ],
)
def test_what_only_compiled_code_refuses_is_named_with_the_way_out(way: int, said: str) -> None:
    result = backtest(Lost, candles([10.0, 11.0, 12.0, 13.0]), way=way)
    (failed,) = result.quarantined
    assert isinstance(failed.error, pairloom.StrategyError)
    assert said in str(failed.error)
    assert not backtest(uncompiled(Lost), candles([10.0, 11.0, 12.0, 13.0]), way=way).quarantined


def test_a_field_that_begins_as_an_integer_keeps_the_time() -> None:
    @compiled
    class Every(Strategy):
        def setup(self, ctx: SystemCtx) -> None:
            self.last = 0

        def generate_signal(self, ctx: SystemCtx) -> Signal | None:
            if ctx.ts - self.last >= 3_000_000:
                self.last = ctx.ts
                return Signal.REVERSE if ctx.position else Signal.LONG
            return None

    result = backtest(Every, quotes(60))
    assert len(result.orders) == 20
    assert result.digest == backtest(uncompiled(Every), quotes(60)).digest


def test_signals_can_be_kept_and_compared() -> None:
    @compiled
    class Kept(Strategy):
        def generate_signal(self, ctx: SystemCtx) -> Signal | None:
            signal = Signal.LONG if ctx.candle.close > 11 else None
            if signal is None:
                return Signal.CLOSE
            if signal == Signal.LONG and ctx.candle.close > 12:
                return Signal.SHORT
            return signal

    data = candles([10.0, 12.0, 13.0, 11.5, 10.0, 12.5])
    result = backtest(Kept, data)
    assert len(result.fills) > 2
    assert result.digest == backtest(uncompiled(Kept), data).digest


def test_what_was_kept_finds_the_functions_of_c_in_the_next_process(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import json, math, pairloom
        from pairloom import Signal
        import numpy as np

        @pairloom.compiled
        def rule(ctx, square: float = 141.73**2, sine: float = math.sin(141.73)):
            x = ctx.candle.close
            return Signal.LONG if x**2 == square and math.sin(x) == sine else None

        prices = np.array([140.0, 141.73, 142.0, 143.0])
        data = {name: prices for name in ("open", "high", "low", "close")}
        data["ts"] = 1_600_000_020 * 10**9 + np.arange(4) * 60 * 10**9
        engine = pairloom.Engine(cash={"USD": 1000}, num_threads=1)
        engine.trade("A/USD", rule, size=1)
        result = engine.backtest({"A/USD": data}, progress=False)
        from pairloom._compiled.build import _built
        (built,) = _built.values()
        print(json.dumps([built.keep._cache_hits, len(result.orders)]))
    """)
    (tmp_path / "script.py").write_text(program)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, str(tmp_path / "script.py")],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert found == [[0, 1], [1, 1]]
