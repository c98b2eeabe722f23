"""Ctrl-C in runs that last: it is heard soon however slow the strategies are, and the result says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy, SyntheticFeed

# Looks at the clock come every few steps, and the interrupt is asked for twenty times a second.
MOST_CALLS_AFTER = 40


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    # A shell lets a program in the background ignore the signal; these tests are about one that does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class SlowLater(Strategy):
    """Fast for some hundred calls, and slow from the one on in which Ctrl-C comes."""

    calls = 0
    at: int = 600

    def generate_signal(self, ctx: Any) -> Signal:
        SlowLater.calls += 1
        if SlowLater.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        if SlowLater.calls >= self.at:
            time.sleep(0.02)
        return Signal.LONG if SlowLater.calls % 2 else Signal.CLOSE


def engine(at: int) -> Engine:
    SlowLater.calls = 0
    made = Engine(cash={"USD": 1_000_000})
    made.trade("A/USD", SlowLater, at=at, size={"base": 1})
    return made


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_an_interrupt_is_heard_soon_where_each_step_takes_long(driver: str) -> None:
    data = pairloom.synthetic(["A/USD"], rows=2_000)
    result = getattr(engine(600), driver)(data, progress=False)
    assert result.interrupted
    assert SlowLater.calls <= 600 + MOST_CALLS_AFTER
    assert any("interrupted" in text for text in result.assumptions)


@pytest.mark.parametrize("waits", [False, True])
def test_an_interrupted_run_in_real_time_says_so(waits: bool) -> None:
    feed = SyntheticFeed("A/USD", rate=500)
    made = engine(20)
    result = made.start(feed, duration=60).wait() if waits else made.paper(feed, duration=60)
    assert result.interrupted
    assert any("interrupted" in text for text in result.assumptions)
    # It ended in order: nothing works any more.
    assert not set(result.orders.column("status").tolist()) & {"working"}


def test_a_run_in_real_time_that_nobody_interrupts_does_not_say_so() -> None:
    result = engine(1_000_000).paper(SyntheticFeed("A/USD", rate=500), duration=0.2)
    assert not result.interrupted
    assert not any("interrupted" in text for text in result.assumptions)


class Swallows(Strategy):
    """Hears of Ctrl-C, and goes on as if nothing had been."""

    calls = 0
    number: int = 1

    def generate_signal(self, ctx: Any) -> Signal | None:
        Swallows.calls += 1
        try:
            if Swallows.calls == 100:
                signal.raise_signal(signal.SIGINT)
        except:  # noqa: E722 - this is what it is about
            return None
        if Swallows.calls > 100:
            time.sleep(0.001)
        return None


@pytest.mark.parametrize("driver", ["backtest", "sweep"])
def test_an_interrupt_that_a_strategy_swallows_ends_the_run(driver: str) -> None:
    Swallows.calls = 0
    made = Engine(cash={"USD": 1_000})
    made.trade("A/USD", Swallows, size=1)
    data = pairloom.synthetic(["A/USD"], rows=20_000)
    if driver == "backtest":
        assert made.backtest(data, progress=False).interrupted
    else:
        assert made.sweep(data, number=[1, 2, 3], progress=False).interrupted
    assert Swallows.calls < 20_000
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # The next run begins anew.
    assert not made.backtest({"A/USD": first_rows(data)}, progress=False).interrupted


def first_rows(data: Any) -> Any:
    return {name: values[:200] for name, values in data["A/USD"].items()}


def own_handler(number: int, frame: Any) -> None:
    raise AssertionError


class Sets(Strategy):
    def generate_signal(self, ctx: Any) -> Signal | None:
        signal.signal(signal.SIGINT, own_handler)
        return None


def test_a_handler_that_a_strategy_sets_stays() -> None:
    made = Engine(cash={"USD": 1_000})
    made.trade("A/USD", Sets, size=1)
    made.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert signal.getsignal(signal.SIGINT) is own_handler


def test_an_interrupt_is_for_the_runs_of_the_main_thread() -> None:
    """Python tells no other thread of signals, and neither do runs on the main one."""
    data = pairloom.synthetic(["A/USD"], rows=20_000)
    begun, over = threading.Event(), threading.Event()

    class Beside(Strategy):
        def generate_signal(self, ctx: Any) -> Signal | None:
            if not begun.is_set():
                begun.set()
                assert over.wait(60)
            return None

    results = []

    def beside() -> None:
        made = Engine(cash={"USD": 1_000})
        made.trade("A/USD", Beside, size=1)
        results.append(made.backtest(data, progress=False))

    thread = threading.Thread(target=beside)
    thread.start()
    assert begun.wait(60)
    Swallows.calls = 0
    made = Engine(cash={"USD": 1_000})
    made.trade("A/USD", Swallows, size=1)
    assert made.backtest(data, progress=False).interrupted
    over.set()
    thread.join()
    assert not results[0].interrupted


NUMPY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import pairloom

class Presses:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy.linalg" and self in sys.meta_path:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Presses())
engine = pairloom.Engine(cash={"USD": 1_000})
engine.trade("A/USD", "sma_cross", side="long", size=1)
rows = {name: [1.0] * 50 for name in ("open", "high", "low", "close")}
rows["ts"] = [1_700_000_040 + 60 * n for n in range(50)]
try:
    FIRST
except KeyboardInterrupt:
    print("interrupted")
print(engine.backtest({"A/USD": rows}, interval="1m", progress=False).events)
"""


FIRST = ['engine.backtest({"A/USD": rows}, interval="1m", progress=False)', 'pairloom.synthetic(["A/USD"], rows=10)']


@pytest.mark.parametrize("first", FIRST)
def test_an_interrupt_while_numpy_is_imported_leaves_nothing_broken(first: str) -> None:
    code = NUMPY.replace("FIRST", first)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split() == ["interrupted", "50"]
