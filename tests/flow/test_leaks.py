"""Many runs in one process leave nothing behind: no memory, no thread, no process, no open file.

Two hundred runs of every kind take the time of a few; ``PAIRLOOM_RUNS=2000`` repeats each that often.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pairloom
from actors import Actor, Answering, CompiledActor
from pairloom import Engine, Signal, Strategy, SystemCtx
from plugin_build import build, functions

RUNS = int(os.environ.get("PAIRLOOM_RUNS", "200"))
# What the interpreter's and the allocator's own arenas may add after the first runs. A result that is kept weighs more
# than this from the 25th run on, a lost trader of Python from the hundredth.
MOST_KIB = 1_024

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="it counts in Linux's /proc")


class Raises(Strategy):
    """Fails, with a traceback that holds its frame."""

    def setup(self, ctx: SystemCtx) -> None:
        self.ballast = bytearray(10_000)

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        if ctx.candle.close > 0:
            raise ValueError("out of ideas")
        return None


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of the tests' own for what numba compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def data() -> Any:
    return pairloom.synthetic(8, rows=300, seed=9)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build("actor", tmp_path_factory.mktemp("plugin"))


def memory_kib() -> int:
    """Resident memory, after everything that can be given back was given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def own_threads() -> int:
    """Threads that the engine made; it names all of them."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # It may end between the listing and the reading.
            names.append((task / "comm").read_text())
    return sum(name.startswith("pairloom") for name in names)


def children() -> int:
    """Processes that this one has started and that are still there, or have ended and were not waited for."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += len((task / "children").read_text().split())
    return found


def held() -> tuple[int, int, int, int]:
    """The engine's threads, when those of ended runs have gone; Python's threads; processes; open files."""
    deadline = time.monotonic() + 10
    while own_threads() and time.monotonic() < deadline:
        os.sched_yield()  # The pool of an ended run ends by itself, a moment later.
    return own_threads(), threading.active_count(), children(), len(os.listdir("/proc/self/fd"))


def assert_nothing_stays(once: Callable[[], object], runs: int) -> None:
    """Repeats it; memory may grow in the first third, where arenas fill, and threads and files never."""
    for _ in range(max(5, runs // 10)):
        once()
    before = held()
    marks = [memory_kib()]
    for _ in range(3):
        for _ in range(max(1, runs // 3)):
            once()
        marks.append(memory_kib())
    # A leak grows in every part alike, and an arena in one of them: so the least of the growths is what counts.
    growths = [after - mark for mark, after in itertools.pairwise(marks)]
    after_all = held()
    print(f"KiB after warm-up and after each third of {runs} runs: {marks}; held {before}, {after_all}")
    assert after_all == before
    assert min(growths) * 3 < MOST_KIB, f"memory grew in every third of {runs} runs: {marks} KiB"


def engine(strategy: Any, *, workers: int = 0, **parameters: Any) -> Engine:
    made = Engine(cash={"USD": 5_000}, account="margin", num_threads=2, workers=workers)
    made.trade("*", strategy, size={"quote": 500}, **parameters)
    return made


def read(result: Any) -> None:
    """What a person looks at, so that what is made when asked for is made too."""
    for name in ("orders", "fills", "trades", "refusals", "equity_curve"):
        getattr(result, name).to_pandas()
    str(result)
    assert result.stats and result.digest


LANES: dict[str, tuple[Any, dict[str, Any]]] = {
    "native": ("sma_cross", {"fast": 3, "slow": 8}),
    "python": (Actor, {"script": 7}),
    "hooks": (Answering, {"script": 7}),
    "compiled": (CompiledActor, {"script": 7}),
}


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("lane", LANES)
def test_backtests(data: Any, lane: str) -> None:
    strategy, parameters = LANES[lane]
    made = engine(strategy, **parameters)
    assert_nothing_stays(lambda: read(made.backtest(data, progress=False)), RUNS // 4 if lane == "hooks" else RUNS)


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_worker_processes(data: Any) -> None:
    made = engine(Actor, workers=2, script=7)
    assert_nothing_stays(lambda: made.backtest(data, progress=False), RUNS // 2)


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_engines_and_plugins_made_anew(data: Any, plugin: Any) -> None:
    def once() -> None:
        engine(functions(plugin, "actor_with_hooks"), script=7).backtest(data, progress=False)

    assert_nothing_stays(once, RUNS)
    gc.collect()
    assert plugin.actors_alive() == 0


def test_errors(data: Any) -> None:
    """An exception holds its frames, those hold the strategy: all of it has to go with the result."""

    def once() -> None:
        made = engine(Raises)
        made.trade("*", "rsi", size=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = made.backtest(data, progress=False)
        assert len(result.quarantined) == 8
        with pytest.raises(pairloom.StrategyError):
            engine(Raises).backtest(data, progress=False)

    assert_nothing_stays(once, RUNS)


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("lane", ["native", "python", "compiled"])
def test_the_live_driver(data: Any, lane: str) -> None:
    strategy, parameters = LANES[lane]
    assert_nothing_stays(lambda: engine(strategy, **parameters).paper(data, progress=False), RUNS // 4)


def test_live_runs_in_the_background() -> None:
    def once() -> None:
        made = Engine(cash={"USD": 5_000}, account="margin", num_threads=2)
        made.trade("*", Actor, size={"quote": 50}, script=3)
        with made.start(pairloom.SyntheticFeed(2, seed=1)) as run:
            run.status()

    assert_nothing_stays(once, RUNS // 10)


@pytest.mark.filterwarnings("ignore::pairloom.SweepWarning")
@pytest.mark.parametrize("lane", ["native", "python", "compiled"])
def test_sweeps(data: Any, lane: str) -> None:
    strategy, _ = LANES[lane]
    asked = {"fast": [3, 4], "slow": [8, 9]} if lane == "native" else {"script": [1, 2], "rate": [3, 5]}

    def once() -> None:
        found = engine(strategy).sweep(data, maximize="equity", progress=False, **asked)
        assert len(found) == 4

    assert_nothing_stays(once, RUNS // 2)


def test_a_result_is_freed_when_nobody_holds_it() -> None:
    engine = pairloom.Engine(cash={"USD": 100_000}, account="margin")
    engine.trade("*", "sma_cross", size=1)
    result = engine.backtest(pairloom.synthetic(2, rows=300, seed=1), progress=False)
    gc.collect()
    gc.disable()
    try:
        assert result.stats["trades"] > 0
        assert result.returns is not None
        stats, held = result.stats, weakref.ref(result)
        del result
        assert held() is None
        assert stats.traders
    finally:
        gc.enable()
