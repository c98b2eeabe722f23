"""One strategy in every lane: the same source as a Python class, compiled, in worker processes and without the GIL,
ahead and step by step, on any number of threads. One digest, and the same rows in every table.

Worker processes are skipped where this build has none; without a GIL ordinary classes run in the free-threaded lane.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pyarrow as pa
import pytest

import pairloom
from actors import Actor, Answering, CompiledActor
from pairloom import Engine
from plugin_build import build, functions

TABLES = ("orders", "fills", "refusals", "trades", "equity_curve")
THREADS = range(1, 9)
WORKERS = range(4)
BLOCKS = (0, 1, 7, 64, 1_000, None)
HAS_WORKERS = "workers" in inspect.signature(Engine).parameters
HAS_GIL = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
# Where ordinary classes run in this interpreter.
ORDINARY = "python" if HAS_GIL else "free-threaded"

pytestmark = [
    pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning"),
    pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of the tests' own for what numba compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def data() -> Any:
    """Thirty markets with missing rows."""
    return pairloom.synthetic(30, rows=250, seed=21, volatility=0.02, missing=0.05)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build("actor", tmp_path_factory.mktemp("plugin"))


def run(strategy: Any, data: Any, driver: str = "backtest", **settings: Any) -> pairloom.Result:
    """Thirty traders of one strategy with scripts of their own, some of whom fail, and cash for a few of them."""
    if strategy is CompiledActor:
        pytest.importorskip("numba", reason="numba, which compiles the strategy of this test, is not installed")
    engine = Engine(cash={"USD": 300}, account="margin", leverage=30, **settings)
    for number, pair in enumerate(sorted(data)):
        engine.trade(
            pair,
            strategy,
            size={"quote": 800},
            name=f"t{number}",
            script=number + 1,
            rate=(1, 3, 8, 20)[number % 4],
            errs=60 + number if number % 7 == 3 else 0,
            money=160.0,
        )
    result: pairloom.Result = getattr(engine, driver)(data, progress=False)
    return result


@pytest.fixture(scope="module")
def reference(data: Any) -> pairloom.Result:
    """Ordinary Python, event by event, on one thread."""
    found = run(Actor, data, num_threads=1, block=0)
    assert found.lanes == {ORDINARY: 30}
    assert {"margin"} <= set(found.refusals.column("check"))
    assert "liquidation" in set(found.orders.column("reason"))
    assert len(found.quarantined) == 4 and len(found.fills) > 300
    return found


def assert_same(got: pairloom.Result, wanted: pairloom.Result) -> None:
    for name in TABLES:
        assert pa.table(getattr(got, name)).equals(pa.table(getattr(wanted, name))), name
    mine, theirs = ([(each.trader, each.ts, each.kind) for each in result.quarantined] for result in (got, wanted))
    assert mine == theirs
    assert got.digest == wanted.digest


@pytest.mark.parametrize("threads", THREADS)
def test_python_classes(data: Any, reference: pairloom.Result, threads: int) -> None:
    found = run(Actor, data, num_threads=threads)
    assert found.lanes == {ORDINARY: 30}
    assert_same(found, reference)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("block", BLOCKS)
def test_compiled_ahead_and_step_by_step(data: Any, reference: pairloom.Result, threads: int, block: Any) -> None:
    found = run(CompiledActor, data, num_threads=threads, block=block)
    assert found.lanes == {"compiled": 30}
    assert (found.lanes.blocks > 0) == (block != 0)
    assert_same(found, reference)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_same_words_in_c(data: Any, reference: pairloom.Result, plugin: Any, block: Any) -> None:
    for threads in (1, 2, 8):
        found = run(functions(plugin, "actor_functions"), data, num_threads=threads, block=block)
        assert found.lanes == {"native": 30}
        assert_same(found, reference)


@pytest.mark.parametrize("block", BLOCKS)
def test_with_hooks(data: Any, plugin: Any, block: Any) -> None:
    wanted = run(Answering, data, num_threads=1, block=0)
    assert wanted.digest == run(Answering, data, num_threads=4).digest
    for threads in (1, 2, 8):
        assert_same(run(functions(plugin, "actor_with_hooks"), data, num_threads=threads, block=block), wanted)


@pytest.mark.parametrize("strategy", [CompiledActor, Actor], ids=["compiled", "python"])
def test_through_the_live_driver(data: Any, reference: pairloom.Result, strategy: Any) -> None:
    for threads in (1, 2):
        assert run(strategy, data, "paper", num_threads=threads).digest == reference.digest


@pytest.mark.skipif(not HAS_WORKERS, reason="this version has no worker processes")
@pytest.mark.parametrize("workers", WORKERS)
def test_worker_processes(data: Any, reference: pairloom.Result, workers: int) -> None:
    found = run(Actor, data, workers=workers)
    assert found.lanes == ({"process": 30} if workers else {ORDINARY: 30})
    assert_same(found, reference)
    # Compiled ones stay where they are, beside the workers.
    assert run(CompiledActor, data, workers=workers).digest == reference.digest


@pytest.mark.parametrize("block", [0, None])
def test_lanes_mixed(data: Any, reference: pairloom.Result, plugin: Any, block: Any) -> None:
    """Each trader in another lane than its neighbour; what happens is the same."""
    pytest.importorskip("numba", reason="numba, which compiles a strategy of this test, is not installed")
    lanes = (CompiledActor, Actor, functions(plugin, "actor_functions"))

    class Mixed(Engine):
        """Gives every trader the next lane."""

        def trade(self, pairs: Any, strategy: Any, **options: Any) -> None:
            super().trade(pairs, lanes[int(options["name"][1:]) % len(lanes)], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(run.__globals__, "Engine", Mixed)
        for threads in (1, 2, 5):
            found = run(None, data, num_threads=threads, block=block)
            assert found.lanes == {"compiled": 10, "native": 10, ORDINARY: 10}
            assert_same(found, reference)
