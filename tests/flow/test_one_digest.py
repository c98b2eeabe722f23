"""One digest: for every number of threads, with the hand-over forced and shuffled, and through the live driver."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy, _native
from pairloom import indicators as ta

CANDLES = Path(os.environ.get("PAIRLOOM_DATA", "../shared"), "data", "candles_btc_5m")
THREADS = (1, 2, 3, 4, 8)


class Cross(Strategy):
    fast: int = 4
    slow: int = 11

    def setup(self, ctx: Any) -> None:
        self.f = ctx.indicator(ta.Ema(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG if self.f.value > self.s.value else Signal.CLOSE

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.last = fill.price


@pytest.fixture(scope="module")
def data() -> Any:
    """300 markets with missing rows."""
    return pairloom.synthetic(300, rows=120, seed=11, volatility=0.01, missing=0.08)


def poor_portfolio(data: Any, threads: int, block: int | None = None) -> Engine:
    """Three kinds of strategy, two traders on some pairs, and cash for a few of them only."""
    engine = Engine(cash={"USD": 2_000}, num_threads=threads, block=block)
    pairs = sorted(data)
    engine.trade(pairs[0::3], Cross(), size={"quote": 150})
    engine.trade(pairs[1::3], "sma_cross", size={"quote": 150}, side="long", fast=3, slow=8)
    engine.trade(pairs[2::3], "rsi", size={"equity": 0.05}, period=6, low=40, high=60)
    engine.trade(pairs[0::5], "simple", size=0.5)
    return engine


@pytest.fixture(scope="module")
def reference(data: Any) -> Any:
    with pytest.warns(pairloom.RefusalWarning):
        result = poor_portfolio(data, 1).backtest(data, progress=False)
    checks = set(result.refusals.column("check"))
    assert "cash" in checks, "the commit order decides who is refused"
    assert len(result.fills) > 200
    return result


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("threads", THREADS)
def test_for_every_number_of_threads(data: Any, reference: Any, threads: int) -> None:
    assert poor_portfolio(data, threads).backtest(data, progress=False).digest == reference.digest


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("threads", THREADS)
def test_with_every_evaluation_handed_over_and_their_ends_shuffled(
    data: Any, reference: Any, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"shuffle seed {seed}")
    real = _native.backtest

    def forced(config: Any, traders: Any, market: Any, run: Any, progress: Any) -> Any:
        return real(config, traders, market, {**run, "_handover": "always", "_shuffle_seed": seed}, progress)

    monkeypatch.setattr(_native, "backtest", forced)
    result = poor_portfolio(data, threads).backtest(data, progress=False)
    assert result.digest == reference.digest, f"shuffle seed {seed}"
    assert result.counters["steps_handed_over"] > 0
    # Event by event there is enough to hand over that every thread gets its part.
    result = poor_portfolio(data, threads, block=0).backtest(data, progress=False)
    assert result.digest == reference.digest, f"shuffle seed {seed}"
    for thread in range(threads):
        assert result.counters[f"evaluations_on_thread_{thread}"] > 0, f"shuffle seed {seed}"


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("block", [0, 1, 5, 1_000])
def test_for_every_length_of_block(data: Any, reference: Any, block: int) -> None:
    result = poor_portfolio(data, 2, block=block).backtest(data, progress=False)
    assert result.digest == reference.digest
    assert (result.lanes.blocks > 0) == (block > 0)
    assert result.lanes["blocks"] == result.lanes.blocks
    assert result.lanes == reference.lanes, "how far ahead a trader ran is no lane"


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("threads", [1, 2])
def test_through_the_live_driver(data: Any, reference: Any, threads: int) -> None:
    assert poor_portfolio(data, threads).paper(data, progress=False).digest == reference.digest


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.skipif(not CANDLES.is_dir(), reason="the shared data folder is not here (PAIRLOOM_DATA)")
@pytest.mark.parametrize("account", ["spot", "margin"])
def test_real_data_through_the_live_driver(account: Any) -> None:
    def engine(threads: int) -> Engine:
        made = Engine(cash={"BTC": 10}, account=account, num_threads=threads)
        made.trade("*", Cross(fast=10, slow=30), size={"quote": 1})
        made.trade("*", "sma_cross", size={"equity": 0.05}, side="long" if account == "spot" else "both")
        return made

    digest = engine(1).backtest(str(CANDLES), progress=False).digest
    for threads in (1, 2):
        assert engine(threads).paper(str(CANDLES), progress=False).digest == digest


def test_an_engine_may_run_many_times(data: Any, reference: Any) -> None:
    engine = poor_portfolio(data, 2)
    with pytest.warns(pairloom.RefusalWarning):
        digests = {engine.backtest(data, progress=False).digest for _ in range(2)}
    assert digests == {reference.digest}


def test_a_step_with_one_evaluation_is_never_handed_over() -> None:
    """Two threads have nothing to share there, however dear it is, and waking one costs more than many events."""
    pytest.importorskip("numba", reason="numba, which compiles the strategy of this test, is not installed")

    @pairloom.compiled
    class Dear(Strategy):
        def generate_signal(self, ctx: Any) -> Signal | None:
            total = ctx.candle.close
            for _ in range(50_000):
                total = total * 0.9999 + 1.0
            return Signal.LONG if total < 0.0 else None

    for block in (0, None):
        engine = Engine(cash={"USD": 1_000}, num_threads=2, block=block)
        engine.trade("*", Dear, size=1)
        result = engine.backtest(pairloom.synthetic(1, rows=1_000, seed=1), progress=False)
        assert result.lanes == {"compiled": 1}
        assert result.counters["steps_handed_over"] == 0


def test_few_traders_step_by_step_are_shared_as_soon_as_they_are_dear() -> None:
    """Cheap they stay on this thread, and a step in which somebody acts tells what they cost like any other."""
    pytest.importorskip("numba", reason="numba, which compiles the strategy of this test, is not installed")

    @pairloom.compiled
    class Dear(Strategy):
        def setup(self, ctx: Any) -> None:
            self.seen = 0

        def generate_signal(self, ctx: Any) -> Signal | None:
            self.seen += 1
            total = ctx.candle.close
            if self.seen > 300:
                for _ in range(50_000):
                    total = total * 0.9999 + 1.0
            return Signal.LONG if self.seen % 2 == 0 or total < 0.0 else Signal.CLOSE

    engine = Engine(cash={"USD": 100_000}, num_threads=2, block=0)
    engine.trade("*", Dear, size=1)
    result = engine.backtest(pairloom.synthetic(4, rows=1_000, seed=1), progress=False)
    assert len(result.orders) > 3_000, "they act at each event"
    assert result.counters["steps_handed_over"] > 300
