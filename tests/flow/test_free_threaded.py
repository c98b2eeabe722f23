"""Ordinary classes on an interpreter without a global lock: on the pool, with the same result, and as well guarded."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import pairloom
from lanes import FREE_THREADED
from pairloom import Engine, Signal, Strategy, StrategyError, _native
from pairloom import indicators as ta

pytestmark = pytest.mark.skipif(
    not FREE_THREADED,
    reason="this interpreter has a global lock; scripts/check_free_threaded runs this on one without",
)


class Cross(Strategy):
    """Indicators, arrays, hooks, orders, random numbers and the log: all that a strategy may touch."""

    fast: int = 3
    slow: int = 8
    window: int = 5

    def setup(self, ctx: Any) -> None:
        self.f, self.s = ctx.indicator(ta.Sma(self.fast)), ctx.indicator(ta.Macd(4, self.slow, 3))
        self.fills: list[float] = []
        self.seen: list[Any] = []

    def generate_signal(self, ctx: Any) -> Any:
        self.seen.append((ctx.close, ctx.candle, ctx.position))
        ctx.log.debug("step")
        if ctx.random.random() < 0.1:
            ctx.buy(1, limit=ctx.candle.close * 0.999, tag="dip")
        above = self.f.value > float(ctx.close.mean()) and self.s.signal.crossed_below(self.f)
        return Signal.LONG if above or self.f.value > ctx.close[0] else Signal.CLOSE

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.fills.append(fill.price)


@pytest.fixture(scope="module")
def data() -> Any:
    return pairloom.synthetic(60, rows=150, seed=3, volatility=0.01, missing=0.05)


def portfolio(data: Any, threads: int) -> Engine:
    engine = Engine(cash={"USD": 4_000}, num_threads=threads)
    pairs = sorted(data)
    engine.trade(pairs, Cross(), size={"quote": 150})
    engine.trade(pairs[::2], "sma_cross", size={"quote": 150}, side="long", fast=3, slow=8)
    return engine


def handed_over(monkeypatch: pytest.MonkeyPatch, seed: int | None = None) -> None:
    real = _native.backtest

    def forced(config: Any, traders: Any, market: Any, run: Any, progress: Any) -> Any:
        return real(config, traders, market, {**run, "_handover": "always", "_shuffle_seed": seed}, progress)

    monkeypatch.setattr(_native, "backtest", forced)


def test_importing_leaves_the_global_lock_off() -> None:
    program = "import sys, warnings; warnings.simplefilter('error'); import pairloom; print(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_one_digest_inline_handed_over_shuffled_and_live(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = portfolio(data, 1).backtest(data, progress=False)
    assert reference.lanes == {"free-threaded": 60, "native": 30}
    assert len(reference.fills) > 200
    for threads in range(1, 9):
        assert portfolio(data, threads).backtest(data, progress=False).digest == reference.digest
        assert portfolio(data, threads).paper(data, progress=False).digest == reference.digest
    for threads in range(1, 9):
        for seed in (None, random.SystemRandom().randrange(2**32)):
            with monkeypatch.context() as patch:
                handed_over(patch, seed)
                result = portfolio(data, threads).backtest(data, progress=False)
            assert result.digest == reference.digest, f"{threads} threads, shuffle seed {seed}"
            assert result.counters["steps_handed_over"] > 0
            used = [result.counters[f"evaluations_on_thread_{thread}"] for thread in range(threads)]
            assert seed is None or all(used), f"{threads} threads, shuffle seed {seed}: {used}"


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_other_threads_collect_garbage_and_run_engines_meanwhile(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of all threads, as the collector needs, finds every thread of the engine able to pause."""
    handed_over(monkeypatch)
    reference = portfolio(data, 2).backtest(data, progress=False).digest
    over = threading.Event()

    def collect() -> None:
        while not over.is_set():
            gc.collect()

    digests: list[str] = []

    def run() -> None:
        digests.append(portfolio(data, 2).backtest(data, progress=False).digest)

    collector = threading.Thread(target=collect)
    runs = [threading.Thread(target=run) for _ in range(4)]
    collector.start()
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    over.set()
    collector.join()
    assert digests == [reference] * 4


def test_a_context_is_of_no_use_to_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while the call it was lent to is on its way."""
    handed_over(monkeypatch)
    said: list[str] = []

    class Leaks(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            def read() -> None:
                try:
                    said.append(f"read {ctx.position}")
                except StrategyError as error:
                    said.append(error.code)

            other = threading.Thread(target=read)
            other.start()
            other.join()

    engine = Engine(cash={"USD": 1_000}, num_threads=2)
    engine.trade("*", Leaks())
    assert not engine.backtest(pairloom.synthetic(20, rows=5, seed=1), progress=False).quarantined
    assert said == ["strategy.ctx_outside"] * 100


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_errors_on_the_pool_quarantine_their_trader_alone(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Errs(Strategy):
        def setup(self, ctx: Any) -> None:
            self.count = 0

        def generate_signal(self, ctx: Any) -> Any:
            self.count += 1
            if self.count == 40:
                raise ZeroDivisionError(ctx.pair)
            return Signal.LONG if self.count % 7 else Signal.CLOSE

    def run() -> Any:
        engine = Engine(cash={"USD": 1e9}, num_threads=3)
        engine.trade(sorted(data)[::4], Errs(), size=1, name="errs")
        engine.trade("*", Cross(), size=1)
        return engine.backtest(data, progress=False)

    inline = run()
    handed_over(monkeypatch, random.SystemRandom().randrange(2**32))
    pooled = run()
    assert pooled.digest == inline.digest
    assert len(pooled.quarantined) == 15
    for record in pooled.quarantined:
        assert isinstance(record.error, ZeroDivisionError)
        assert record.error.args == (record.pair,)
        assert record.error.__traceback__ is not None


ENDLESS = """
import os, signal, sys, threading
import pairloom
from pairloom import _native

signal.signal(signal.SIGINT, signal.default_int_handler)
real = _native.backtest
_native.backtest = lambda c, t, d, run, p: real(c, t, d, {**run, "_handover": "always"}, p)

class Endless(pairloom.Strategy):
    def setup(self, ctx):
        self.count = 0

    def generate_signal(self, ctx):
        self.count += 1
        if self.count == 30:
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                pass

engine = pairloom.Engine(cash={"USD": 1_000}, num_threads=2)
engine.trade("*", Endless())
result = engine.backtest(pairloom.synthetic(10, rows=50, seed=1), progress=False)
assert result.interrupted and not result.quarantined, result
assert 25 <= result.steps <= 35
assert threading.active_count() == 1
print("done")
"""


def test_an_interrupt_reaches_calls_on_the_pool() -> None:
    done = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "done\n"


def test_threads_are_gone_after_the_run(data: Any) -> None:
    tasks = "/proc/self/task"
    if not os.path.isdir(tasks):
        pytest.skip("the number of threads is read from /proc")
    before = len(os.listdir(tasks))
    for _ in range(5):
        engine = Engine(cash={"USD": 1_000}, num_threads=4)
        engine.trade("*", Cross())
        with pytest.warns(pairloom.RefusalWarning):
            engine.backtest(data, progress=False)
    # A thread that was joined may stand in the list for a moment more.
    began = time.monotonic()
    while len(os.listdir(tasks)) > before:
        assert time.monotonic() < began + 30, "threads of the runs are left"


def test_an_extension_that_needs_the_global_lock_puts_classes_into_the_python_lane() -> None:
    program = """
import sys
import pairloom
engine = pairloom.Engine(cash={"USD": 1_000}, num_threads=2)
class Idle(pairloom.Strategy):
    def generate_signal(self, ctx):
        return None
engine.trade("*", Idle())
print(engine.backtest(pairloom.synthetic(3, rows=5), progress=False).lanes)
"""
    done = subprocess.run(
        [sys.executable, "-X", "gil=1", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "{'python': 3}\n"
