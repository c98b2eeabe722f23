"""How speed grows with threads and workers, what a busy interpreter costs native traders, and the number of markets."""

from __future__ import annotations

import gc
import inspect
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pairloom
from pairloom import Signal, Strategy, SystemCtx

from . import strategies
from .strategies import engine
from .workloads import W3, Data

Progress = Callable[[str], None]
# Runs of one figure are repeated until they had this many events, because a run of a thousand lasts no time.
LEAST_EVENTS = 400_000
SHAPES = (10, 100, 1_000, 10_000)
ROWS = 400


class Slow(Strategy):
    """About 20 microseconds of plain Python at each event."""

    turns: int = 780

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        total = 0.0
        for turn in range(self.turns):
            total += turn * 0.5
        return Signal.LONG if total < ctx.candle.close else None


@pairloom.compiled
class SlowCompiled(Strategy):
    """About 5 microseconds of compiled arithmetic at each event, each step of which needs the one before."""

    turns: int = 3_400

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        total = ctx.candle.close
        for _ in range(self.turns):
            total = total * 0.9999 + 1.0
        return Signal.LONG if total < 0.0 else None


class Alternately:
    """Samples of several settings, taken by turns, so that a slow minute slows them all."""

    def __init__(self, settings: dict[str, Callable[[], float]], rounds: int, progress: Progress, what: str) -> None:
        self.samples: dict[str, list[float]] = {name: [] for name in settings}
        for number in range(rounds):
            for name, take in settings.items():
                gc.collect()
                self.samples[name].append(take())
            progress(f"{what}: round {number + 1} of {rounds}")

    def ratio(self, slow: str, fast: str) -> float:
        """How many times as fast the second is: the median over the rounds."""
        pairs = zip(self.samples[slow], self.samples[fast], strict=True)
        return statistics.median(first / second for first, second in pairs)

    def figures(self, first: str, unit: str = "run_s") -> dict[str, Any]:
        """The samples, and each setting's speed as a multiple of the first's."""
        return {unit: self.samples, "speed": {name: self.ratio(first, name) for name in self.samples}}


def has_workers() -> bool:
    """Whether this engine has worker processes."""
    return "workers" in inspect.signature(pairloom.Engine).parameters


def has_gil() -> bool:
    """Whether this interpreter runs one thread of Python at a time."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def timed(data: Data, strategy: Any, parameters: dict[str, Any] | None = None, **settings: Any) -> float:
    """Seconds of the run itself."""
    return float(engine(strategy, parameters, **settings).backtest(data, interval="1m", progress=False).elapsed)


def threads(rounds: int, progress: Progress) -> dict[str, Any]:
    """W3 on one thread and on two: native, and where there is one compiled; and slow strategies, which gain more."""
    data = W3.data()
    slow = pairloom.synthetic(100, rows=500, seed=5)
    found: dict[str, Any] = {}
    kinds: dict[str, tuple[Any, Any]] = {"W3, native": (data, "sma_cross")}
    if strategies.has_numba():
        kinds["W3, compiled"] = (data, strategies.CompiledCross)
        kinds["100 markets, compiled, 5 us an event"] = (slow, SlowCompiled)
    if not has_gil():
        kinds["100 markets, Python class, 20 us an event"] = (slow, Slow)
    for name, (columns, strategy) in kinds.items():
        settings = {f"{number} threads": _on_threads(columns, strategy, number) for number in (1, 2)}
        found[name] = Alternately(settings, rounds, progress, name).figures("1 threads")
    found["cost"] = cost_per_event(slow)
    return found


def _on_threads(data: Data, strategy: Any, number: int) -> Callable[[], float]:
    timed(data, strategy, num_threads=number)
    return lambda: timed(data, strategy, num_threads=number)


def cost_per_event(data: Data) -> dict[str, float]:
    """What the slow strategies take at an event on one thread, in microseconds."""
    kinds: dict[str, Any] = {"Python class": Slow}
    if strategies.has_numba():
        kinds["compiled"] = SlowCompiled
    events = sum(len(columns["close"]) for columns in data.values())
    return {name: timed(data, strategy, num_threads=1) / events * 1e6 for name, strategy in kinds.items()}


def workers(rounds: int, progress: Progress) -> dict[str, Any] | str:
    """Slow Python classes in worker processes; or why not."""
    if not has_workers():
        return "this version has no worker processes"
    slow = pairloom.synthetic(100, rows=500, seed=5)
    settings = {f"{number} workers": _with_workers(slow, number) for number in range(4)}
    return Alternately(settings, rounds, progress, "workers").figures("0 workers")


def _with_workers(data: Data, number: int) -> Callable[[], float]:
    return lambda: timed(data, Slow, workers=number)


@contextmanager
def busy_interpreter() -> Iterator[None]:
    """A thread of plain Python that never waits, so it holds the interpreter whenever nobody takes it away."""
    stop, started = threading.Event(), threading.Event()

    def spin() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            if count == 1:
                started.set()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    started.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that never waits: the same load for the machine, and none for this interpreter."""
    process = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def beside_a_busy_interpreter(rounds: int, progress: Progress) -> dict[str, Any]:
    """W3 native on one thread: alone, and beside a thread of Python and a process that never stop."""
    data = W3.data()

    def idle() -> float:
        return timed(data, "sma_cross", num_threads=1)

    def busy() -> float:
        with busy_interpreter():
            return idle()

    def beside() -> float:
        with busy_process():
            return idle()

    settings = {"idle": idle, "busy": busy, "another process busy": beside}
    return Alternately(settings, rounds, progress, "busy interpreter").figures("idle")


def markets(rounds: int, progress: Progress) -> dict[str, Any]:
    """Nanoseconds an event with ten markets to ten thousand, 400 bars each; short runs many times."""
    found: dict[str, Any] = {}
    for kind, strategy in (("native", "sma_cross"), ("Python class", strategies.Cross)):
        data = {count: pairloom.synthetic(count, rows=ROWS, seed=5) for count in SHAPES}
        settings = {f"{count:,} markets": _many_times(data[count], strategy) for count in SHAPES}
        taken = Alternately(settings, rounds, progress, f"markets, {kind}")
        medians = {name: statistics.median(samples) for name, samples in taken.samples.items()}
        ratios = [max(row) / row[0] for row in zip(*taken.samples.values(), strict=True)]
        found[kind] = {
            "ns_per_event": taken.samples,
            "medians": medians,
            "worst_to_least": statistics.median(ratios),
        }
    return found


def _many_times(data: Data, strategy: Any) -> Callable[[], float]:
    events = len(data) * ROWS
    runs = max(1, LEAST_EVENTS // events)

    def take() -> float:
        return sum(timed(data, strategy) for _ in range(runs)) / (runs * events) * 1e9

    return take
