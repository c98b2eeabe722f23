"""Compiled strategies: the same source compiled and as ordinary Python, what goes wrong in it, and what is refused."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import subprocess
import sys
import textwrap
import threading
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pairloom
import pairloom.indicators as ta
from pairloom import Signal, Strategy, SystemCtx, compiled, uncompiled

LEVEL = 1.5
COUNT = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def backtest(
    *traded: Any, block: int | None = None, threads: int = 2, kind: str = "candle", **options: Any
) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 30_000}, account="margin", block=block, num_threads=threads)
    for number, strategy in enumerate(traded):
        engine.trade("*", strategy, size=1, name=f"T{number}", **options)
    data = pairloom.synthetic(6, rows=700, seed=3, kind=kind)
    return engine.backtest(data, progress=False)


def scaled(x: float) -> float:
    return x * 2.0 + LEVEL


@compiled
class Everything(Strategy):
    """Every form of state, parameter, indicator and order."""

    fast: int = 4
    factor: float = 0.1
    eager: bool = True
    side: str = "both"
    window = 6

    def setup(self, ctx: SystemCtx) -> None:
        self.a = ctx.indicator(ta.Sma(self.fast))
        self.b = ctx.indicator(ta.Ema(9, of=self.a))
        self.m = ctx.indicator(ta.Macd(3, 8, 4), required=False)
        self.seen = 0
        self.ema = 0.0
        self.flag = False
        self.last = 0
        self.ring = np.zeros(4)
        self.counts = np.zeros((2, 3), dtype=np.int64)

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        candle = ctx.candle
        position = ctx.position
        self.seen += 1
        self.ema += (candle.close - self.ema) * self.factor
        self.ring[self.seen % 4] = scaled(self.ema) + math.sqrt(candle.volume)
        self.counts[self.seen % 2, self.seen % 3] += 1
        self.flag = not self.flag
        if self.m.ready and self.m.macd.crossed_above(self.m.signal) and self.eager:
            return Signal.long(size={"quote": 150}, limit=round(candle.close * 0.999, 2))
        if self.seen % 11 == 3:
            self.last = ctx.buy(0.5, limit=round(ctx.low.min() * 0.999, 2), tif="GTC")
        elif self.seen % 11 == 5 and len(ctx.orders) > 0:
            ctx.replace(self.last, quantity=0.75)
        elif self.seen % 11 == 7:
            ctx.cancel(self.last)
        elif self.seen % 11 == 9 and position.side == "long":
            ctx.sell(position.size, reduce_only=True)
        elif self.seen % 29 == 0 and ctx.orders:
            ctx.cancel()
        if self.a.crossed_above(self.b) or (self.a[-2] < LEVEL):
            return Signal.LONG
        if self.a.crossed_below(self.b) and self.side == "both":
            return Signal.SHORT if ctx.ts % 2 == 0 else Signal.REVERSE
        if position and position.unrealized_pnl < -3.0 and self.counts[0, 0] > 5:
            return Signal.CLOSE
        return Signal.target(-0.25) if self.seen % 97 == 0 else None


@compiled(window=13, indicators={"deep": lambda p: ta.Sma(p["n"], keep=4)}, state={"seen": 0, "best": np.zeros(2)})
def breakout(ctx: Any, deep: Any, state: Any, n: int = 12) -> Any:
    """A function with all that one can have."""
    state.seen += 1
    state.best[0] = max(state.best[0], ctx.high[:-1].max())
    if ctx.candle.close > ctx.high[:-1].max() and deep.value > deep[-4]:
        return Signal.LONG
    if ctx.candle.close < ctx.low[:n].min() or state.seen % 50 == 0:
        return Signal.CLOSE
    return None


@compiled
class OfEquity(Strategy):
    """Looks at the account, so it is never evaluated ahead."""

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        if ctx.cash < ctx.equity * 0.2:
            return Signal.CLOSE
        return Signal.LONG if ctx.candle.close > ctx.candle.open else Signal.SHORT


@compiled
class OnQuotes(Strategy):
    def setup(self, ctx: SystemCtx) -> None:
        self.seen = 0

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.seen += 1
        quote = ctx.quote
        if self.seen % 20 == 10:
            return Signal.LONG if quote.ask - quote.bid < 0.1 else Signal.SHORT
        return None


@pytest.mark.parametrize("strategy", [Everything, breakout, OfEquity])
def test_the_same_source_gives_the_same_digest_in_every_way(strategy: Any) -> None:
    plain = backtest(uncompiled(strategy))
    assert plain.lanes == {"python": 6}
    assert len(plain.fills) > 50
    for block, threads in [(None, 2), (None, 1), (0, 1), (0, 2), (5, 2)]:
        fast = backtest(strategy, block=block, threads=threads)
        assert fast.lanes == {"compiled": 6}
        assert not fast.quarantined
        assert fast.digest == plain.digest, (block, threads)
        ahead = block != 0 and strategy is not OfEquity
        assert (fast.lanes.blocks > 0) == ahead


def test_parameters_need_no_new_compilation_and_count() -> None:
    from pairloom._compiled.build import _built

    digests = set()
    for fast, side in [(4, "both"), (5, "both"), (9, "both")]:
        digests.add(backtest(Everything, fast=fast, side=side).digest)
        assert digests
    assert len(digests) == 3
    assert len([key for key in _built if key[0] is uncompiled(Everything).generate_signal]) == 1


def test_quotes_and_a_mix_of_lanes() -> None:
    assert backtest(OnQuotes, kind="quote").digest == backtest(uncompiled(OnQuotes), kind="quote").digest
    both = (Everything, uncompiled(breakout), "sma_cross")
    mixed = backtest(*both)
    assert mixed.lanes == {"compiled": 6, "native": 6, "python": 6}
    assert mixed.digest == backtest(uncompiled(Everything), breakout, "sma_cross", block=0, threads=1).digest


def test_paper_gives_the_backtests_digest() -> None:
    engine = pairloom.Engine(cash={"USD": 30_000}, account="margin", num_threads=2)
    engine.trade("*", Everything, size=1)
    data = pairloom.synthetic(4, rows=300, seed=3)
    assert engine.paper(data, progress=False).digest == engine.backtest(data, progress=False).digest


@compiled
class Errs(Strategy):
    """Fails at its sixtieth call in the way it is told."""

    way: int = 0
    window = 5

    def setup(self, ctx: SystemCtx) -> None:
        self.a = ctx.indicator(ta.Sma(3))
        self.seen = 0
        self.ring = np.zeros(3)

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.seen += 1
        if self.seen == 60:
            if self.way == 1:
                return Signal.LONG if ctx.close[self.seen] > 0 else None
            if self.way == 2:
                self.ring[self.way + 1] = 1.0
            if self.way == 3:
                raise ValueError("out of ideas")
            if self.way == 4:
                return Signal.LONG if 1.0 / (self.seen - 60) > 0 else None
            if self.way == 5:
                assert self.a.value < 0, "no"
            if self.way == 6:
                return Signal.LONG if math.sqrt(-self.a.value) > 0 else None
        return Signal.LONG if self.a.value < ctx.candle.close else Signal.CLOSE


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize(
    ("way", "kind", "said", "line"),
    [
        (
            1,
            IndexError,
            "index 60 is out of bounds for axis 0 with size 5",
            "return Signal.LONG if ctx.close[self.seen] > 0",
        ),
        (2, IndexError, "index 3 is out of bounds", "self.ring[self.way + 1] = 1.0"),
        (3, ValueError, "out of ideas", 'raise ValueError("out of ideas")'),
        (4, ZeroDivisionError, "division by zero", "1.0 / (self.seen - 60)"),
        (5, AssertionError, "no", 'assert self.a.value < 0, "no"'),
        (6, ValueError, "math domain error", "math.sqrt(-self.a.value)"),
    ],
)
def test_an_error_inside_is_the_exception_of_its_line_and_stays_alone(
    way: int, kind: type[Exception], said: str, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for block in (None, 0):
        result = mixed(way, block)
        failed = result.quarantined
        assert {each.trader.split()[0] for each in failed} == {"T0"}
        error = failed[0].error
        assert isinstance(error, kind)
        assert said in str(error)
        assert line in "".join(traceback.format_exception(error))
        assert result.digest == mixed(way, block, plain=True).digest
    assert capfd.readouterr().err == ""


@compiled
class ErrsAmongRows(Strategy):
    """Changes its state at every call and once more in the one that fails; many rows are taken in with one call."""

    def setup(self, ctx: SystemCtx) -> None:
        self.a = ctx.indicator(ta.Sma(3))
        self.seen = 0
        self.ring = np.zeros(3)

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        self.seen += 1
        self.ring[self.seen % 3] += self.a.value
        if self.seen == 77:
            self.seen += 5
            self.ring[0] = self.ring[self.seen - 82]
            raise ValueError("out of ideas")
        return Signal.LONG if self.seen % 20 < 10 else Signal.CLOSE


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize("block", [None, 0, 7])
def test_the_call_that_fails_among_many_rows_is_made_again_from_the_state_before_it(block: int | None) -> None:
    # Made again from any other state its seventy-seventh call would not come, and nothing would be raised.
    engine = pairloom.Engine(cash={"USD": 30_000}, account="margin", block=block, num_threads=2)
    engine.trade("*", ErrsAmongRows, size=1)
    engine.trade("*", "sma_cross", size=1, name="T1")
    result = engine.backtest(pairloom.synthetic(3, rows=200, seed=3), progress=False)
    assert [str(each.error) for each in result.quarantined] == ["out of ideas"] * 3
    assert all(isinstance(each.error, ValueError) for each in result.quarantined)
    if block != 0:
        assert result.lanes["blocks"] > 0


def mixed(way: int, block: int | None, *, plain: bool = False) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 30_000}, account="margin", block=block, num_threads=2)
    engine.trade("*", uncompiled(Errs) if plain else Errs, size=1, name="T0", way=way)
    engine.trade("*", "sma_cross", size=1, name="T1")
    return engine.backtest(pairloom.synthetic(6, rows=200, seed=3), progress=False)


def module(tmp_path: Path, body: str, setup: str = "pass", head: str = "@pairloom.compiled") -> ModuleType:
    """A module with one strategy `S` whose methods have these bodies."""
    code = (
        "import pairloom, math\nimport numpy as np\nfrom pairloom import Signal, Strategy\n"
        f"import pairloom.indicators as ta\n\n\n{head}\nclass S(Strategy):\n    def setup(self, ctx):\n"
        f"{textwrap.indent(setup, ' ' * 8)}\n\n    def generate_signal(self, ctx):\n{textwrap.indent(body, ' ' * 8)}\n"
    )
    path = tmp_path / f"written_{next(COUNT)}.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made
    spec.loader.exec_module(made)
    return made


SMA = "self.a = ctx.indicator(ta.Sma(5))"


@pytest.mark.parametrize(
    ("body", "setup", "said"),
    [
        ("self.x = 1.5", "self.x = 0", "an integer field cannot hold float64: start it as a float in setup"),
        ("self.x = 1", "self.x = True", "a field that starts as True or False cannot hold"),
        ("self.y = 1.5", "pass", "y is not set in setup; give it its first value there"),
        ("return self.l[0]", "self.l = []", "l is a list; compiled state holds numbers, bools and NumPy arrays"),
        ("return self.l[0]", "self.l = np.zeros(3, np.float32)", "l is an array of float32; use float64 or int64"),
        ("self.x = 1", "self.x = None", "x is None; start it as a number, as in 0.0"),
        ("self.x = 1", "self.x = np.int8(1)", "x is a number of NumPy's int8, whose arithmetic it would lose"),
        ("self.x = 1", "self.x = 2**70", "does not fit into 64 bits"),
        ("self.l = 3", "self.l = np.zeros(3)", "l is an array: write self.x[:] = ..."),
        ("self.a = 3", SMA, "a is fixed after setup"),
        ("self.x, y = 1, 2", "self.x = 0", "assign one field at a time"),
        ("return 5", "pass", "it returns Literal[int](5), which is no Signal"),
        ("return Signal.LONGG", "pass", "Signal.LONGG is no signal; there are LONG, SHORT, CLOSE, REVERSE"),
        ("return Signal.long", "pass", "Signal.long is read but not called"),
        ("ctx.log.info('x')", "pass", "ctx.log.info is not there in compiled code; there are candle, quote"),
        ("ctx.order(3)", "pass", "ctx.order is not there in compiled code"),
        ("ctx.buy(1, tag='x')", "pass", "compiled, ctx.buy takes quantity, limit, reduce_only, tif"),
        ("ctx.candle.close = 3", "pass", "what ctx shows cannot be changed: ctx.candle.close"),
        ("return ctx.candle", "pass", "read one of open, high, low, close, volume of ctx.candle"),
        ("return help(ctx)", "pass", "ctx can be read from, but not handed on"),
        ("self.go(ctx)", "pass", "go is a method, which is not compiled; make it a function of the module"),
        ("return self.a > 3", SMA, "read a.value, a[-1] or one of its outputs"),
        ("return self.a[0] > 3", SMA, "an indicator is read back with a number: [-1] is the current value"),
        ("return ctx.close[0] > 1", "pass", "it reads the arrays of ctx; declare their length: window: int = 200"),
        ("for order in ctx.orders: pass", "pass", "there are len(ctx.orders) and its truth"),
        ("import os", "pass", "numba cannot compile it"),
        ("with open('x') as f: pass", "pass", "numba cannot compile it"),
    ],
)
def test_what_cannot_be_compiled_is_refused_before_the_run_with_its_line(
    tmp_path: Path, body: str, setup: str, said: str
) -> None:
    made = module(tmp_path, body, setup)
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(made.S)
    assert caught.value.code == "config.compiled"
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{made.__file__}, line ")
    assert f": {body.splitlines()[0]}" in str(caught.value) or "def generate_signal" in str(caught.value)


def test_the_fallback_runs_it_as_python(tmp_path: Path) -> None:
    head = '@pairloom.compiled(fallback="python")'
    made = module(
        tmp_path, "self.l.append(1)\nreturn Signal.LONG if len(self.l) % 9 else Signal.SHORT", "self.l = []", head
    )
    result = backtest(made.S)
    assert result.lanes == {"python": 6}
    assert len(result.fills) > 10


def test_without_numba_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    body = "return Signal.LONG"
    with pytest.raises(pairloom.ConfigError, match=r"needs numba: pip install 'pairloom\[numba\]'"):
        backtest(module(tmp_path, body).S)
    assert backtest(module(tmp_path, body, head='@pairloom.compiled(fallback="python")').S).lanes == {"python": 6}


def test_wrong_marks_say_what_is_right() -> None:
    class Nothing(Strategy):
        pass

    class Hooked(Strategy):
        def generate_signal(self, ctx: SystemCtx) -> Signal | None:
            return None

        def on_fill(self, ctx: SystemCtx, fill: pairloom.Fill) -> Signal | None:
            return None

    def needs(ctx: Any, level: Any) -> None: ...

    wrong: list[tuple[Any, str]] = [
        (lambda: compiled(3), "takes a function or a class derived from pairloom.Strategy, not 3"),  # type: ignore[call-overload]
        (lambda: compiled(Nothing), "Nothing has no generate_signal"),
        (lambda: compiled(Hooked), "on_fill cannot be compiled, only generate_signal is"),
        (lambda: compiled(fallback="c"), "it is 'python' or None"),
        (lambda: compiled(window=3)(Hooked), "compiled\\(window=...\\) is for functions"),
        (lambda: compiled(needs), "level is no indicator and has no default"),
        (lambda: compiled(indicators={"x": ta.Sma(3)})(needs), "indicators names x, which is no argument"),
        (lambda: uncompiled(Nothing), "it is no compiled strategy"),
        (lambda: backtest(compiled(lambda ctx: None)), "only a function written with def can be compiled"),
    ]
    for call, said in wrong:
        with pytest.raises(pairloom.ConfigError, match=said):
            call()


def test_it_is_kept_between_runs_and_made_anew_when_what_it_depends_on_changes(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import json, sys
        import numba, pairloom
        from pairloom import Signal
        LEVEL = {level}

        def helper(x):
            return x + {level}

        @pairloom.compiled
        def rule(ctx):
            return Signal.LONG if helper(ctx.candle.close) > 100.0 + LEVEL else Signal.CLOSE

        engine = pairloom.Engine(cash={{"USD": 1000}}, num_threads=1)
        engine.trade("*", rule, size=1)
        result = engine.backtest(pairloom.synthetic(1, rows=500, seed=2), progress=False)
        from pairloom._compiled.build import _built
        (built,) = _built.values()
        print(json.dumps([built.keep._cache_hits, result.digest]))
    """)
    cache = tmp_path / "cache"

    def run(level: float) -> tuple[int, str]:
        script = tmp_path / "script.py"
        script.write_text(program.format(level=level))
        done = subprocess.run(
            [sys.executable, str(script)],
            env={**__import__("os").environ, "XDG_CACHE_HOME": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        hits, digest = json.loads(done.stdout)
        return hits, digest

    first, again, other = run(1.0), run(1.0), run(1.5)
    assert (first[0], again[0], other[0]) == (0, 1, 0)
    assert first[1] == again[1]


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        ("settings.LEVEL", "LEVEL = 100.0", "LEVEL = 101.0"),
        ("settings.LEVELS[1500]", "LEVELS = numpy.full(3000, 100.0)", "LEVELS = numpy.full(3000, 101.0)"),
        ("settings.level()", "def level(x=100.0): return x", "def level(x=101.0): return x"),
        ("settings.level()", "def make(x):\n    return lambda: x\nlevel = make(100.0)", "level = lambda: 101.0"),
        ("settings.level()", "B = 100.0\ndef level(): return B", "B = 101.0\ndef level(): return B"),
    ],
)
def test_what_it_reads_of_another_module_counts(tmp_path: Path, said: str, before: str, after: str) -> None:
    """In the next process, and in this one."""
    program = textwrap.dedent(f"""
        import json, sys
        import numba, numpy, pairloom, settings
        from pairloom import Signal

        @pairloom.compiled
        def rule(ctx):
            return Signal.LONG if ctx.candle.close > {said} else Signal.CLOSE

        def run(which):
            engine = pairloom.Engine(cash={{"USD": 1000}}, num_threads=1)
            engine.trade("*", which, size=1)
            return engine.backtest(pairloom.synthetic(1, rows=500, seed=2), progress=False).digest

        first = [run(rule), run(pairloom.uncompiled(rule))]
        exec(compile(sys.argv[1], "settings.py", "exec"), vars(settings))
        if hasattr(settings, "level"):
            settings.level = numba.njit(settings.level)
        print(json.dumps([*first, run(rule), run(pairloom.uncompiled(rule))]))
    """)
    (tmp_path / "script.py").write_text(program)

    def run(at_first: str, then: str) -> list[str]:
        wrapped = "level = numba.njit(level)" if "level" in at_first else ""
        (tmp_path / "settings.py").write_text(f"import numba, numpy\n{at_first}\n{wrapped}\n")
        done = subprocess.run(
            [sys.executable, "-B", str(tmp_path / "script.py"), then],
            env={**__import__("os").environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        found: list[str] = json.loads(done.stdout)
        return found

    one, two = run(before, after), run(after, before)
    for digests in (one, two):
        # Compiled and plain, with what was there first and with what came then.
        assert digests[0] == digests[1]
        assert digests[2] == digests[3]
    assert one[0] == two[2] != one[2] == two[0]


def test_a_thread_that_holds_the_interpreter_does_not_stop_it() -> None:
    """Compiled traders need no interpreter: the run ends while another thread never lets it go for long."""
    done = threading.Event()

    def busy() -> None:
        while not done.is_set():
            sum(range(1000))

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert backtest(Everything).lanes == {"compiled": 6}
    finally:
        done.set()
        thread.join()


def test_the_words_are_those_of_the_interface() -> None:
    """Offsets in the Rust source, counted from its text, are those that the rewriting uses."""
    from pairloom._compiled import rewrite

    source = (Path(__file__).resolve().parents[2] / "rust" / "strategy" / "src" / "abi.rs").read_text()
    body = source.split("pub struct Ctx {")[1].split("\n}")[0]
    fields = [line.strip()[4:].rstrip(",").split(": ") for line in body.splitlines() if line.strip().startswith("pub ")]
    offset, places = 0.0, {}
    for name, kind in fields:
        places[name] = offset
        offset += 0.5 if kind == "u32" else 5 if kind.endswith("; 5]") else 1
    known = {
        "now": rewrite.NOW,
        "event": rewrite.EVENT,
        "position": rewrite.POSITION,
        "entry_price": rewrite.ENTRY,
        "unrealized_pnl": rewrite.PNL,
        "equity": rewrite.EQUITY,
        "cash": rewrite.CASH,
        "order_count": rewrite.ORDER_COUNT,
    }
    assert {name: places[name] for name in known} == known
    assert offset == rewrite.CTX_WORDS
