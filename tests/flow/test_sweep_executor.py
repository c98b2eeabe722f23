"""Sweeps through executors: small batches, what Ctrl-C leaves, what cannot travel, and executors that misbehave."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

import pairloom
from pairloom import ConfigError, Engine, Signal, Strategy
from pairloom._sweep.remote import next_size
from plugin_build import build, functions

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.SweepWarning", "ignore::pairloom.RefusalWarning")


class Every(Strategy):
    n: int = 2
    kept: Any = None

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        return Signal.LONG if self.seen % self.n else Signal.CLOSE


@pytest.fixture(scope="module")
def data() -> Any:
    return pairloom.synthetic(1, rows=100, interval="1h", seed=4)


def swept(data: Any, executor: Any, **asked: Any) -> Any:
    engine = Engine(cash={"USD": 10_000})
    engine.trade("*", Every(), size={"quote": 100})
    return engine.sweep(data, executor=executor, maximize="equity", **{"progress": False, **asked})


class Inline(Executor):
    """Works as it is given work, and remembers how much that was at a time."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self._max_workers = 2

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.batches.append(len(args[2]))
        return self.answer(call, args)

    def answer(self, call: Any, args: Any) -> Any:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        future.set_result(call(*args))
        return future


def test_batches_begin_small_and_are_all_that_there_is(data: Any) -> None:
    executor = Inline()
    told: list[float] = []
    there = swept(data, executor, n=range(2, 60), progress=told.append)
    here = swept(data, None, n=range(2, 60))
    assert [each.digest for each in there] == [each.digest for each in here]
    assert sum(executor.batches) == 58
    assert executor.batches[:2] == [1, 1], "what is not known to be quick is not taken in bulk"
    assert len(executor.batches) > 6
    assert told == sorted(told) and 0 < told[0] < 0.1 and told[-1] == 1.0


def test_the_size_of_batches_follows_the_time_that_they_take() -> None:
    assert next_size(1, 10.0, 0.5, 1_000) == 1, "slow ones go one by one"
    assert next_size(8, 0.001, 0.5, 1_000) == 16, "quick ones at most twice as many"
    assert next_size(8, 1.0, 0.5, 1_000) == 4
    assert next_size(8, 0.0, 0.5, 1_000) == 16
    assert next_size(64, 0.001, 0.5, 5) == 5, "the last ones are shared out among the workers"
    assert next_size(8, 0.1, 0.5, 0) == 1


class Slow(Inline):
    """Answers the first batch at once; of each later one it has done the first half when it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.later: list[tuple[Future[Any], Any, Any]] = []

    def answer(self, call: Any, args: Any) -> Any:
        if len(self.batches) <= 2:
            return super().answer(call, args)
        future: Future[Any] = Future()
        if not self.later:
            future.set_running_or_notify_cancel()
        self.later.append((future, call, args))
        return future

    def stop(self) -> None:
        future, call, (payload, run, jobs) = self.later[0]
        found, _, took = call(payload, run, jobs[:1])
        future.set_result((found, True, took))


def test_ctrl_c_collects_what_workers_have_done(data: Any) -> None:
    executor = Slow()

    def press(share: float) -> None:
        if executor.later:
            executor.stop()
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sweep = swept(data, executor, n=range(2, 60), progress=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sweep.interrupted and len(sweep) == 3, "both whole batches of one, and what the third came back with"
    here = swept(data, None, n=range(2, 60))
    assert [each.digest for each in sweep] == [each.digest for each in here[:3]]
    assert all(future.cancelled() for future, _, _ in executor.later[1:]) and len(executor.later) > 1


def test_a_value_that_cannot_travel_fails_its_own_combinations(data: Any) -> None:
    sweep = swept(data, Inline(), n=[2, 3], kept=[None, threading.Lock(), 5])
    wrong = [each for each in sweep if each.error]
    assert [each.parameters.n for each in wrong] == [2, 3]
    for each in wrong:
        assert "executor: kept=<unlocked _thread.lock" in each.error and "cannot travel to its workers" in each.error
        assert "cannot pickle" in each.error and isinstance(each.exception, ConfigError)
    here = swept(data, None, n=[2, 3], kept=[None, 5])
    assert [each.digest for each in sweep if not each.error] == [each.digest for each in here]
    with pytest.raises(ConfigError, match=r"executor: kept=<unlocked .*leave executor= out"):
        swept(data, Inline(), kept=[threading.Lock()])


def test_threads_share_what_cannot_travel(data: Any) -> None:
    with ThreadPoolExecutor(2) as executor:
        assert not swept(data, executor, n=[2, 3], kept=[None, threading.Lock()]).failed


class Failing(Inline):
    """Takes a few batches and then fails in its own way."""

    def __init__(self, after: int, how: Any) -> None:
        super().__init__()
        self.after = after
        self.how = how

    def answer(self, call: Any, args: Any) -> Any:
        if len(self.batches) <= self.after:
            return super().answer(call, args)
        if isinstance(self.how, Exception):
            raise self.how
        return self.how


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        (OSError("no space"), "the executor failed: OSError: no space"),
        (None, r"the executor failed: TypeError: submit\(\) returned a NoneType, not a concurrent.futures.Future"),
    ],
)
def test_what_an_executor_does_not_take_has_failed(data: Any, after: int, how: Any, message: str) -> None:
    sweep = swept(data, Failing(after, how), n=range(2, 8))
    assert len(sweep) == 6 and len(sweep.failed) == 6 - after
    with pytest.raises(pairloom.PairloomError, match=message):
        raise sweep[5].exception
    assert all(each.error is None for each in sweep[:after])


def test_one_that_dies_on_the_way_leaves_what_it_has_done(data: Any) -> None:
    sweep = swept(data, Failing(2, RuntimeError("gone")), n=range(2, 8))
    assert [each.error for each in sweep] == [None] * 2 + ["the executor failed: RuntimeError: gone"] * 4


def test_a_plug_in_needs_no_executor(data: Any, tmp_path: Any) -> None:
    plugin = functions(build("cross", tmp_path), "cross_functions")
    engine = Engine(cash={"USD": 10_000}, account="margin")
    engine.trade("*", plugin, size=1)
    with pytest.raises(ConfigError, match="native plug-in, which cannot travel to its workers; leave executor= out"):
        engine.sweep("there is no such file", fast=[3, 4], executor=Inline())
    assert len(engine.sweep(data, fast=[3, 4], progress=False)) == 2
