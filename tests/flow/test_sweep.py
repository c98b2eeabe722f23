"""Sweeps: each combination is a backtest, whoever runs it; what fails is reported; folds walk forward."""

from __future__ import annotations

import math
import signal
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pairloom
from compiled_files import imported
from lanes import CLASSES
from pairloom import ConfigError, Engine, Signal, Strategy, SweepWarning
from pairloom import indicators as ta
from pairloom.errors import PairloomError

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.SweepWarning", "ignore::pairloom.RefusalWarning")


class Cross(Strategy):
    fast: int = 4
    slow: int = 11
    fails_at: int = 0

    def setup(self, ctx: Any) -> None:
        self.f = ctx.indicator(ta.Ema(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx: Any) -> Signal:
        if self.fast == self.fails_at:
            raise ValueError("as asked for")
        return Signal.LONG if self.f.value > self.s.value else Signal.CLOSE


@pytest.fixture(scope="module")
def data() -> Any:
    """Nine markets of hours over a month, with missing rows."""
    return pairloom.synthetic(9, rows=700, interval="1h", seed=3, volatility=0.4, missing=0.05)


def native(data: Any, threads: int | None = None, **options: Any) -> Engine:
    """A portfolio of built-ins with cash for some of it."""
    pairs = sorted(data)
    engine = Engine(cash={"USD": 2_000}, num_threads=threads)
    engine.trade(pairs[:6], "sma_cross", size={"quote": 150}, side="long", **options)
    engine.trade(pairs[6:], "simple", size=0.5)
    return engine


def mine(data: Any, **options: Any) -> Engine:
    """Python classes and a built-in on one account."""
    pairs = sorted(data)
    engine = Engine(cash={"USD": 2_000})
    engine.trade(pairs[:4], Cross(**options), size={"quote": 150})
    engine.trade(pairs[4:5], "simple", size=0.5)
    return engine


def agree(combination: Any, alone: Any) -> None:
    """The whole of a combination against a backtest of it."""
    assert combination.digest == alone.digest
    assert combination.equity == alone.equity
    assert combination.total_return == alone.total_return
    assert combination.orders == len(alone.orders)
    assert combination.fills == len(alone.fills)
    assert combination.fees == alone.fees
    assert sum(combination.refusals.values()) == len(alone.refusals)
    assert dict(combination.stats) == pytest.approx(dict(alone.stats), rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_native_combination_is_a_backtest(data: Any, threads: int) -> None:
    sweep = native(data, threads).sweep(data, fast=[3, 6, 9], slow=[12, 30], progress=False)
    assert [dict(each.parameters) for each in sweep] == [
        {"fast": fast, "slow": slow} for fast in (3, 6, 9) for slow in (12, 30)
    ]
    for each in sweep:
        agree(each, native(data, **each.parameters).backtest(data, progress=False))
    assert any(each.refusals.get("cash") for each in sweep), "the account is short of cash at times"
    assert len({each.digest for each in sweep}) == 6
    assert sweep.events == sum(each.events for each in sweep) > 0
    assert sweep.ran_on == ("1 thread" if threads == 1 else f"{threads} threads")


def test_each_python_combination_is_a_backtest(data: Any) -> None:
    span = {"start": "2020-01-05", "end": "2020-01-25"}
    sweep = mine(data).sweep(data, fast=[3, 5], slow=[12, 30], progress=False, **span)
    for each in sweep:
        agree(each, mine(data, **each.parameters).backtest(data, progress=False, **span))
    assert sweep[0].backtest().lanes == {CLASSES: 4, "native": 1}


def test_statistics_are_those_of_a_result_where_they_are_odd(data: Any) -> None:
    """Without trades, under two days, and with losses of more than the account has."""
    one = {"A/USD": data[sorted(data)[0]]}
    for rows in (5, 30, 700):
        short = {"A/USD": {name: column[:rows] for name, column in one["A/USD"].items()}}
        for account, size in (("spot", 0.001), ("margin", {"equity": 3})):
            engine = Engine(cash={"USD": 100}, account=account, leverage=5 if account == "margin" else 1)
            engine.trade("A/USD", "sma_cross", size=size, side="long")
            sweep = engine.sweep(short, fast=[2, 3], slow=[4, 600], progress=False)
            for each in sweep:
                agree(each, each.backtest())


def test_the_best_has_the_most_of_what_was_asked_for(data: Any) -> None:
    sweep = native(data).sweep(data, fast=range(2, 10), slow=[12, 20, 30], maximize="total_return", progress=False)
    returns = [each.stats.total_return for each in sweep]
    assert sweep.best().stats.total_return == max(returns)
    assert [each.total_return for each in sweep.ranked()] == sorted(returns, reverse=True)
    assert sweep.best("sharpe").stats.sharpe == max(each.stats.sharpe for each in sweep)
    assert sweep.best(lambda each: -each.orders).orders == min(each.orders for each in sweep)
    again = sweep.best().backtest()
    assert again.digest == sweep.best().digest
    assert len(again.fills) == sweep.best().fills


def test_what_fails_is_reported_and_passed_over(data: Any) -> None:
    engine = mine(data, fails_at=5)
    with pytest.warns(SweepWarning, match=r"2 of 3 combinations failed; first fast=0: ") as caught:
        sweep = engine.sweep(data, fast=[0, 5, 7], maximize="equity", progress=False)
    assert caught[0].filename == __file__
    wrong, quarantined, good = sweep
    assert wrong.error is not None and quarantined.error is not None
    assert "was quarantined: ValueError: as asked for" in quarantined.error
    assert isinstance(quarantined.exception, ValueError)
    assert quarantined.quarantined[0]["pair"] in sorted(data)[:4]
    assert math.isnan(quarantined.value("equity"))
    assert good.error is None and sweep.best() is good
    assert sweep.failed == [wrong, quarantined]
    assert list(sweep.column("error")) == [wrong.error, quarantined.error, None]
    agree(good, mine(data, fast=7).backtest(data, progress=False))


def test_wrong_values_of_a_native_strategy_are_reported_too(data: Any) -> None:
    sweep = native(data).sweep(data, fast=[0, 3], maximize="equity", progress=False)
    assert sweep[0].error is not None and "sma_cross.fast" in sweep[0].error
    assert sweep[1].error is None
    assert sweep[0].digest is None and sweep[0].orders == 0


def test_what_is_wrong_with_every_combination_is_raised(data: Any) -> None:
    with pytest.raises(ConfigError, match=r"sma_cross\.fast"):
        native(data).sweep(data, fast=[0, -1], progress=False)
    engine = Engine(cash={"USD": 100})
    engine.trade("*", "sma_cross", size=1)
    with pytest.raises(ConfigError, match="sells short"):
        engine.sweep(data, fast=[3, 4], progress=False)
    assert len(engine.sweep(data, fast=[3, 4], side="long", progress=False)) == 2


def test_there_is_no_best_where_nothing_has_a_number(data: Any) -> None:
    short = {"A/USD": {name: column[:20] for name, column in data[sorted(data)[0]].items()}}
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", "sma_cross", size=0.01, side="long")
    sweep = engine.sweep(short, fast=[2, 3], slow=8, progress=False)
    with pytest.raises(PairloomError, match="no combination has 'sharpe'"):
        sweep.best()
    assert "Best" in str(sweep)


def test_ctrl_c_ends_native_runs_and_keeps_what_there_is() -> None:
    data = pairloom.synthetic(1, rows=60_000, seed=1)
    engine = Engine(cash={"USD": 10_000}, num_threads=2)
    engine.trade("*", "sma_cross", size=1, side="long")

    def press(share: float) -> None:
        if share > 0:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sweep = engine.sweep(data, fast=range(2, 40), slow=range(50, 300), progress=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sweep.interrupted
    assert 0 < len(sweep) < sweep.asked == 9_500
    assert f"interrupted after {len(sweep):,} of 9,500 combinations" in sweep.assumptions[-1]
    assert str(sweep).startswith("! interrupted")
    agree(sweep[0], sweep[0].backtest())


class Pressing(Strategy):
    fast: int = 1

    def generate_signal(self, ctx: Any) -> None:
        if self.fast == 3 and ctx.ts > 0:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_python_runs_and_keeps_what_there_is(data: Any) -> None:
    engine = Engine(cash={"USD": 100})
    engine.trade(sorted(data)[0], Pressing(), size=1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sweep = engine.sweep(data, fast=[1, 2, 3, 4], maximize="equity", progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sweep.interrupted
    assert [each.parameters.fast for each in sweep] == [1, 2]


def test_progress_goes_from_nothing_to_all(data: Any) -> None:
    for engine in (native(data), mine(data)):
        seen: list[float] = []
        engine.sweep(data, fast=[3, 4, 5], progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == pytest.approx(1.0)

    def fail(_: float) -> None:
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        native(data).sweep(data, fast=[3, 4, 5], progress=fail)


def test_an_executor_of_threads_comes_to_the_same(data: Any) -> None:
    here = mine(data, fails_at=9).sweep(data, fast=[0, 3, 5, 9], slow=[12, 30], progress=False)
    seen: list[float] = []
    with ThreadPoolExecutor(2) as executor:
        there = mine(data, fails_at=9).sweep(
            data, fast=[0, 3, 5, 9], slow=[12, 30], progress=seen.append, executor=executor
        )
    assert [each.digest for each in there] == [each.digest for each in here]
    assert [each.error for each in there] == [each.error for each in here]
    assert [dict(each.parameters) for each in there] == [dict(each.parameters) for each in here]
    assert seen[-1] == 1.0
    agree(there[2], there[2].backtest())
    assert (here.ran_on, there.ran_on) == ("the calling thread", "ThreadPoolExecutor")


def test_ctrl_c_leaves_an_executor_to_its_owner(data: Any) -> None:
    def press(_: float) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(1) as executor:
            sweep = mine(data).sweep(data, fast=range(2, 40), progress=press, executor=executor)
            assert executor.submit(int, "7").result() == 7
    finally:
        signal.signal(signal.SIGINT, before)
    assert sweep.interrupted and len(sweep) < 38


MODULE = """
    import os
    from pairloom import Signal, Strategy

    class OddError(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

    class Every(Strategy):
        n: int = 2

        def setup(self, ctx):
            self.seen = 0

        def generate_signal(self, ctx):
            self.seen += 1
            if self.n == 4:
                raise OddError(1, 2)
            if self.n == 6:
                os._exit(7)
            return Signal.LONG if self.seen % self.n else Signal.CLOSE
"""


def test_an_executor_of_processes_comes_to_the_same(data: Any, tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "swept_strategies.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("swept_strategies")
    engine = Engine(cash={"USD": 10_000})
    engine.trade(sorted(data)[:2], module.Every(), size={"quote": 100})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        there = engine.sweep(data, n=[2, 3, 4], executor=executor, progress=False)
        assert "OddError: 1 and 2" in (there[2].error or "")
        here = engine.sweep(data, n=[2, 3, 4], progress=False)
        assert [each.digest for each in there] == [each.digest for each in here]
        # A worker that dies takes its combinations with it, and the sweep comes back all the same.
        lost = engine.sweep(data, n=[2, 6], executor=executor, progress=False)
    assert "the executor failed: BrokenProcessPool" in (lost[1].error or "")
    del sys.modules["swept_strategies"]


def test_what_cannot_travel_is_said_with_the_way_out(data: Any) -> None:
    class Inner(Strategy):
        n: int = 2

        def generate_signal(self, ctx: Any) -> None:
            return None

    engine = Engine(cash={"USD": 100})
    engine.trade("*", Inner(), size=1)
    with ThreadPoolExecutor(1) as executor, pytest.raises(ConfigError, match="top level of a module"):
        engine.sweep(data, n=[1, 2], executor=executor, progress=False)


def moment(ts: int) -> np.datetime64:
    return np.datetime64(ts, "ns")


@pytest.mark.parametrize("mode", ["rolling", "anchored"])
@pytest.mark.parametrize("make", [native, mine])
def test_folds_choose_on_the_past_and_prove_on_what_follows(data: Any, mode: str, make: Any) -> None:
    engine = make(data)
    sweep = engine.sweep(data, fast=[3, 5, 8], slow=[12, 30], maximize="equity", folds={mode: 6}, progress=False)
    assert len(sweep.folds) == 6
    assert len(sweep) == 6 * 6
    product = 1.0
    for number, fold in enumerate(sweep.folds):
        train = {"start": moment(fold.start), "end": moment(fold.split)}
        alone = [make(data, **each.parameters).backtest(data, progress=False, **train) for each in fold.train]
        for each, result in zip(fold.train, alone, strict=True):
            agree(each, result)
        assert fold.best.equity == max(result.equity for result in alone)
        test = {"start": moment(fold.split), "end": moment(fold.end)}
        proof = make(data, **fold.best.parameters).backtest(data, progress=False, **test)
        assert fold.test.digest == proof.digest
        product *= 1 + proof.total_return
        assert fold.split % 1_000_000_000 == 0
        if number:
            before = sweep.folds[number - 1]
            assert fold.split == before.end, "tests follow one another"
            assert fold.start == (before.start if mode == "anchored" else before.split)
    stats = sweep.out_of_sample
    assert stats.total_return == pytest.approx(product - 1)
    assert stats.trades == sum(fold.test.stats.trades for fold in sweep.folds)
    assert stats.fees == pytest.approx(sum(fold.test.fees for fold in sweep.folds))
    assert 0 < stats.exposure <= 1
    assert sweep.best() is sweep.folds[-1].best
    assert list(sweep.column("fold")) == [number for number in range(6) for _ in range(6)]
    assert "Out of sample" in str(sweep)


def test_one_fold_out_of_sample_is_its_test(data: Any) -> None:
    sweep = native(data).sweep(data, fast=[3, 5], folds=1, progress=False)
    test = sweep.folds[0].test
    assert dict(sweep.out_of_sample) == pytest.approx(dict(test.stats), rel=1e-9, nan_ok=True)


def test_folds_through_an_executor_are_the_same(data: Any) -> None:
    here = mine(data).sweep(data, fast=[3, 5], folds=2, progress=False)
    with ThreadPoolExecutor(2) as executor:
        there = mine(data).sweep(data, fast=[3, 5], folds=2, executor=executor, progress=False)
    assert [fold.test.digest for fold in there.folds] == [fold.test.digest for fold in here.folds]


def test_more_folds_than_there_is_time_for_are_refused(data: Any) -> None:
    with pytest.raises(ConfigError, match=r"part \d+ of 1001 of the time has no rows; use fewer folds"):
        native(data).sweep(data, fast=[3, 5], folds=1000, progress=False)


def test_a_sweep_leaves_the_engine_as_it_was(data: Any) -> None:
    engine = native(data, fast=4)
    before = engine.backtest(data, progress=False).digest
    engine.sweep(data, fast=[3, 5], progress=False)
    assert engine.backtest(data, progress=False).digest == before


def test_native_runs_go_on_while_another_thread_holds_the_interpreter() -> None:
    data = pairloom.synthetic(1, rows=300_000, seed=1)
    engine = Engine(cash={"USD": 10_000}, num_threads=2)
    engine.trade("*", "sma_cross", size=1, side="long")
    running = threading.Event()
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(
            engine.sweep(data, fast=range(5, 17), maximize="equity", progress=lambda _: running.set())
        )
    )
    before = sys.getswitchinterval()
    thread.start()
    running.wait()
    # From here on nobody else gets the interpreter, so whatever else uses a processor does without it.
    sys.setswitchinterval(1e3)
    try:
        own, all_threads = time.thread_time(), time.process_time()
        while time.thread_time() - own < 0.3:
            pass
        others = time.process_time() - all_threads - (time.thread_time() - own)
    finally:
        sys.setswitchinterval(before)
    thread.join()
    assert len(found[0]) == 12
    assert others > 0.03, f"{others:.3f} s of the pool"


@pytest.mark.parametrize("how", [None, ThreadPoolExecutor])
def test_what_maximize_fails_for_has_failed_alone(data: Any, how: Any) -> None:
    def chosen(combination: Any) -> float:
        return combination.equity / (combination.parameters.fast - 3)

    with pytest.warns(SweepWarning, match="1 of 3 combinations failed; first fast=3: maximize failed: ZeroDivision"):
        sweep = mine(data).sweep(data, fast=[3, 6, 9], maximize=chosen, executor=how and how(1), progress=False)
    [failed] = sweep.failed
    assert failed.parameters.fast == 3 and isinstance(failed.exception, ZeroDivisionError)
    assert math.isnan(failed.value(chosen)) and math.isnan(failed.value("equity"))
    assert sweep.best().parameters.fast == 6 and len(sweep.ranked()) == 2
    assert sweep.table.column("error").tolist()[1:] == [None, None]
    walk = mine(data).sweep(data, fast=[3, 6, 9], maximize=chosen, folds=2, progress=False)
    assert len(walk.failed) == 2 and all(fold.best.parameters.fast != 3 for fold in walk.folds)


def test_what_is_no_number_to_maximize_is_a_failure_too(data: Any) -> None:
    sweep = mine(data).sweep(data, fast=[3, 6], maximize=lambda combination: None, progress=False)
    assert len(sweep.failed) == 2
    with pytest.raises(PairloomError, match="maximize failed: TypeError"):
        sweep.best()


def test_another_function_that_fails_names_the_combination(data: Any) -> None:
    sweep = mine(data).sweep(data, fast=[3, 6], maximize="equity", progress=False)
    with pytest.raises(ConfigError, match="maximize failed for fast=3: ZeroDivisionError") as caught:
        sweep.best(lambda combination: 1 / 0)
    assert caught.value.code == "config.maximize" and not sweep.failed


def test_the_bounds_of_a_fold_are_times_of_a_backtest(data: Any) -> None:
    engine = native(data)
    fold = engine.sweep(data, fast=[3, 6], folds=2, progress=False).folds[0]
    with pytest.raises(ConfigError) as caught:
        engine.backtest(data, start=fold.split, progress=False)
    assert f'if it counts nanoseconds, start=np.datetime64({fold.split}, "ns")' in str(caught.value)
    again = native(data, fast=fold.best.parameters.fast)
    proven = again.backtest(data, start=moment(fold.split), end=moment(fold.end), progress=False)
    assert proven.digest == fold.test.digest


SWEPT = """
from pairloom import Signal, Strategy

class S(Strategy):
    n: int = 2

    def setup(self, ctx):
        self.k = 0

    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k % self.n else Signal.CLOSE
"""


@pytest.mark.usefixtures("compiled_cache")
def test_a_sweep_of_compiled_strategies_runs_on_the_threads(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    module = imported(tmp_path, SWEPT)
    data = pairloom.synthetic(1, rows=300, interval="1h", seed=3)

    def swept(strategy: Any) -> Any:
        engine = pairloom.Engine(cash={"USD": 10_000}, num_threads=2)
        engine.trade("*", strategy, size=1)
        return engine.sweep(data, n=[2, 3], maximize="equity", progress=False)

    # Compiling changes the class itself.
    slow, fast = swept(module.S), swept(pairloom.compiled(module.S))
    assert [each.digest for each in fast] == [each.digest for each in slow]
    assert (fast.ran_on, slow.ran_on) == ("2 threads", "the calling thread")
