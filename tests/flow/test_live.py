"""Live runs from Python: paper equals backtest, a run is commanded, a slow strategy delays nobody."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pairloom
from lanes import CLASSES
from pairloom import ConfigError, Engine, Signal, Strategy, SyntheticFeed
from pairloom import indicators as ta

PATIENCE_S = 60.0


class Cross(Strategy):
    fast: int = 3
    slow: int = 9

    def setup(self, ctx: Any) -> None:
        self.f = ctx.indicator(ta.Sma(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG if self.f.value > self.s.value else Signal.CLOSE

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.filled = fill.price


class Buy(Strategy):
    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG


def portfolio(threads: int) -> Engine:
    engine = Engine(cash={"USD": 3_000}, num_threads=threads)
    engine.trade("*", Cross(), size=3)
    engine.trade("*", "rsi", size={"quote": 200}, period=5)
    engine.trade("*", "sma_cross", size={"equity": 0.1}, side="long", fast=4, slow=12)
    return engine


def until(condition: Callable[[], bool], what: str) -> None:
    """Ask until it is so; each question is answered by a step of the run, so nothing else is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["candle", "quote", "trade"])
def test_paper_gives_the_digest_of_the_backtest(kind: Any, threads: int) -> None:
    data = pairloom.synthetic(12, rows=400, kind=kind, seed=4, volatility=0.01, missing=0.1)
    engine = portfolio(threads)
    with pytest.warns(pairloom.RefusalWarning):
        tested = engine.backtest(data, progress=False)
        paper = engine.paper(data, progress=False)
    assert len(tested.fills) > 100
    assert paper.digest == tested.digest
    assert paper.equity == tested.equity
    assert paper.lanes == {"native": 24, CLASSES: 12}


def test_a_run_is_watched_and_commanded() -> None:
    engine = Engine(cash={"USD": 10_000})
    engine.trade(["A/USD", "B/USD"], Buy(), size=2)
    with engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=200, seed=1)) as run:
        until(lambda: all(each["position"] == 2 for each in run.status()["traders"]), "both positions")
        run.pause("Buy A/USD")
        assert run.status()["traders"][0]["state"] == "paused"
        run.force_exit("A/USD")
        until(lambda: run.status()["traders"][0]["position"] == 0, "the exit")
        run.add_position("Buy B/USD", 0.5)
        until(lambda: run.status()["traders"][1]["position"] == 2.5, "the addition")
        run.restart("Buy A/USD")
        until(lambda: run.status()["traders"][0]["position"] == 2, "the position after the restart")
        with pytest.raises(ConfigError, match='no trader or pair "C/USD"; traders are Buy A/USD, Buy B/USD'):
            run.pause("C/USD")
        run.kill()
        run.close_all()
        until(lambda: all(each["position"] == 0 for each in run.status()["traders"]), "the end of all")
        assert not run.finished
        seen = run.status()["events"]
        until(lambda: run.status()["events"] > seen + 10, "events after the kill")
        with pytest.warns(pairloom.RefusalWarning, match="killed"):
            result = run.stop()
    assert run.finished
    assert result is run.stop()
    assert set(result.trades.column("exit_reason")) == {"command"}
    with pytest.raises(ConfigError, match="over"):
        run.close_all()


def test_a_strategy_that_waits_delays_nobody() -> None:
    gate = threading.Event()
    inside = threading.Event()

    class Waits(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            inside.set()
            gate.wait(PATIENCE_S)

    class Counts(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            return None

    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Waits())
    engine.trade(["B/USD", "C/USD"], Counts())
    engine.trade("D/USD", "simple", size=1)
    feed = SyntheticFeed(["A/USD", "B/USD", "C/USD", "D/USD"], rate=200, kind="trade")
    with engine.start(feed) as run:
        assert inside.wait(PATIENCE_S)
        until(lambda: all(each["evaluations"] > 100 for each in run.status()["traders"][1:]), "evaluations")
        late = run.status()["traders"][0]
        assert late["late"]
        assert late["inbox"] == 64
        gate.set()
        until(lambda: run.status()["traders"][0]["evaluations"] > 0, "the late one")


def test_a_strategy_that_errs_is_quarantined_and_restarted() -> None:
    calls: list[int] = []

    class Errs(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            calls.append(1)
            if len(calls) == 1:
                raise KeyError("at first")

    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Errs())
    engine.trade("B/USD", "simple", size=1)
    run = engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=100))
    until(lambda: run.status()["traders"][0]["state"] == "quarantined", "the quarantine")
    with pytest.raises(ConfigError, match="restart"):
        run.resume("A/USD")
    run.restart("A/USD")
    until(lambda: run.status()["traders"][0]["evaluations"] > 3, "calls after the restart")
    with pytest.warns(pairloom.QuarantineWarning):
        result = run.stop()
    (record,) = result.quarantined
    assert isinstance(record.error, KeyError)


def test_traders_that_were_all_restarted_are_no_error_of_the_run() -> None:
    made: dict[str, int] = {}

    class Errs(Strategy):
        def setup(self, ctx: Any) -> None:
            made[ctx.pair] = made.get(ctx.pair, 0) + 1

        def generate_signal(self, ctx: Any) -> None:
            if made[ctx.pair] == 1:
                raise KeyError("at first")

    def states() -> list[str]:
        return [trader["state"] for trader in run.status()["traders"]]

    engine = Engine(cash={"USD": 1_000})
    engine.trade(["A/USD", "B/USD"], Errs())
    run = engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=100))
    until(lambda: states() == ["quarantined"] * 2, "the quarantines")
    run.restart("A/USD")
    run.restart("B/USD")
    assert states() == ["active"] * 2
    with pytest.warns(pairloom.QuarantineWarning):
        result = run.stop()
    assert len(result.quarantined) == 2


def test_realized_and_unrealized_profit_are_all_that_a_trader_brought() -> None:
    class Scales(Strategy):
        def setup(self, ctx: Any) -> None:
            self.n = 0

        def generate_signal(self, ctx: Any) -> None:
            self.n += 1
            if self.n == 2:
                ctx.buy(10)
            elif self.n in (5, 8):
                ctx.sell(4)

    data = pairloom.synthetic(1, rows=9, kind="quote", interval="1s", seed=2, volatility=0.01)
    engine = Engine(cash={"USD": 100_000}, fee=0.001)
    engine.trade("*", Scales())
    with engine.start(data) as run:
        result = run.wait()
        (trader,) = run.status()["traders"]
    fills = result.fills
    bought, *sold = [float(price) for price in fills["price"]]
    fees = [float(fee) for fee in fills["fee"]]
    assert trader["position"] == 2
    assert trader["realized_pnl"] == pytest.approx(sum(4 * (price - bought) for price in sold) - sum(fees))
    assert trader["realized_pnl"] + trader["unrealized_pnl"] == pytest.approx(float(result.equity) - 100_000)


def test_a_feed_however_slow_is_not_over() -> None:
    engine = Engine(cash={"USD": 1_000})
    engine.trade("*", Buy(), size=1)
    with engine.start(pairloom.synthetic(1, rows=50), speed=1e-18) as run:
        until(lambda: run.status()["events"] == 1, "the first row")
        assert not run.finished
        result = run.stop()
    assert "stopped after 1 steps" in " ".join(result.assumptions)


def test_a_feed_in_real_time_refuses_what_has_no_meaning() -> None:
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", "simple", size=1)
    feed = SyntheticFeed("A/USD")
    with pytest.raises(ConfigError, match="duration"):
        engine.paper(feed)
    with pytest.raises(ConfigError, match="speed"):
        engine.paper(feed, duration=1, speed=2)
    with pytest.raises(ConfigError, match="rate"):
        SyntheticFeed("A/USD", rate=0)
    with pytest.raises(ConfigError, match="interval"):
        engine.start(feed, interval="1m")


def test_paper_on_a_feed_in_real_time_ends_after_its_duration() -> None:
    engine = Engine(cash={"USD": 10_000})
    engine.trade("A/USD", "simple", size=1)
    result = engine.paper(SyntheticFeed("A/USD", rate=100), duration=1)
    assert result.events > 20
    assert 0.9 < result.elapsed < 10


@pytest.mark.parametrize("pairs", [["A/USD", "B/USD"], ["B/USD", "A/USD"], ["B/USD"]])
def test_each_pair_of_a_synthetic_feed_has_its_own_prices_whoever_is_traded(pairs: list[str]) -> None:
    feed = SyntheticFeed(["A/USD", "B/USD"], rate=200, seed=1, price={"A/USD": 100, "B/USD": 7_000})
    engine = Engine(cash={"USD": 1_000_000}, num_threads=2)
    seen: dict[str, list[float]] = {}

    class Look(Strategy):
        def setup(self, ctx: Any) -> None:
            self.own = seen.setdefault(ctx.pair, [])

        def generate_signal(self, ctx: Any) -> None:
            self.own.append(ctx.quote.bid)

    for pair in pairs:
        engine.trade(pair, Look, size=1)
    engine.paper(feed, duration=0.2, progress=False)
    assert set(seen) == set(pairs)
    for pair, prices in seen.items():
        assert prices and all(50 < price < 200 if pair == "A/USD" else 5_000 < price < 9_000 for price in prices)


class Kept:
    """Notes on which thread it ends."""

    def __init__(self, ended: list[str]) -> None:
        self.ended = ended

    def __del__(self) -> None:
        self.ended.append(threading.current_thread().name)


def holding(ended: list[str]) -> type[Strategy]:
    """A strategy that keeps such a thing."""

    class Holds(Strategy):
        def setup(self, ctx: Any) -> None:
            self.kept = Kept(ended)

        def generate_signal(self, ctx: Any) -> None:
            return None

    return Holds


@pytest.mark.parametrize("others", [[], ["sma_cross"]])
@pytest.mark.parametrize("real_time", [False, True])
def test_what_strategies_hold_has_ended_when_the_run_returns(others: list[str], real_time: bool) -> None:
    ended: list[str] = []
    holds = holding(ended)
    for _ in range(5):
        ended.clear()
        engine = Engine(cash={"USD": 1_000}, account="margin", num_threads=2)
        engine.trade("*", holds, size=1)
        for other in others:
            engine.trade("*", other, size=1)
        if real_time:
            engine.paper(SyntheticFeed(3, rate=200, seed=1), duration=0.1, progress=False)
        else:
            engine.paper(pairloom.synthetic(3, rows=50, seed=1), progress=False)
        # On recorded data the caller's own thread makes the run.
        assert len(ended) == 3 if real_time else ended == ["MainThread"] * 3


def test_what_strategies_hold_has_ended_when_a_run_in_the_background_is_stopped() -> None:
    ended: list[str] = []
    holds = holding(ended)
    engine = Engine(cash={"USD": 1_000}, account="margin", num_threads=2)
    engine.trade("*", holds, size=1)
    engine.trade("*", "sma_cross", size=1)
    run = engine.start(SyntheticFeed(3, rate=200, seed=1))
    run.stop()
    assert len(ended) == 3


class First(Strategy):
    """Buys at its first event, and notes what it hears and when, in events."""

    events = ("quote",)

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.seen += 1
        return Signal.LONG if self.seen == 1 else None

    def on_fill(self, ctx: Any, fill: Any) -> None:
        HEARD.append((self.seen, fill.price))


HEARD: list[tuple[int, float]] = []


@pytest.mark.parametrize("way", ["plain", "journal", "latency"])
def test_in_real_time_an_order_meets_the_quote_that_stands_and_its_fill_is_heard_before_the_next(
    way: str, tmp_path: Path
) -> None:
    HEARD.clear()
    settings: dict[str, Any] = {"journal": {"journal": tmp_path / "run.db"}, "latency": {"latency": 0.005}}.get(way, {})
    engine = Engine(cash={"USD": 1_000}, num_threads=2, **settings)
    engine.trade("*", First, size=1)
    # The second event is due a second after the first.
    result = engine.paper(SyntheticFeed(1, rate=1, seed=1), duration=2.5, progress=False)
    ((seen, price),) = HEARD
    (order, fill) = (result.orders[0], result.fills[0])
    assert (seen, fill["price"]) == (1, price)
    late = (fill["ts"] - order["ts"]).astype(int)
    assert late >= (5_000_000 if way == "latency" else 0)
    assert late < 900_000_000, "it waited for the next quote"


def test_candles_of_a_synthetic_feed_follow_on_each_other_and_fill_at_the_next_open() -> None:
    spans: list[tuple[int, int]] = []

    class Once(Strategy):
        def generate_signal(self, ctx: Any) -> Signal:
            spans.append((ctx.candle.ts, ctx.candle.close_ts))
            return Signal.LONG

    engine = Engine(cash={"USD": 1_000}, num_threads=2)
    engine.trade("*", Once, size=1)
    feed = SyntheticFeed(1, rate=20, kind="candle", interval="50ms", seed=1)
    result = engine.paper(feed, duration=0.4, progress=False)
    assert len(spans) > 3
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    (order, fill) = (result.orders[0], result.fills[0])
    # An answer that is late commits later, so it is the first open from then on.
    decided, filled = (row["ts"].astype("datetime64[ns]").astype(int) for row in (order, fill))
    assert filled == min(opened for opened, _ in spans if opened >= decided)


def test_a_persons_orders_have_no_number_of_the_strategys() -> None:
    numbers: list[int | None] = []

    class Hears(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            return None

        def on_order(self, ctx: Any, order: Any) -> None:
            numbers.append(order.id)

        def on_fill(self, ctx: Any, fill: Any) -> None:
            numbers.append(fill.id)

    engine = Engine(cash={"USD": 1_000}, num_threads=2)
    engine.trade("*", Hears, size=1)
    with engine.start(SyntheticFeed(["A/USD"], rate=50, seed=1)) as run:
        until(lambda: run.status()["events"] > 0, "a price")
        run.add_position("A/USD", 1)
        until(lambda: len(numbers) >= 3, "what becomes of it")
    assert set(numbers) == {None}


@pytest.mark.parametrize("withdraws", ["by a signal", "by its own call"])
def test_what_a_person_adds_is_not_taken_back_by_a_strategy_that_has_not_seen_it(withdraws: str) -> None:
    class Withdraws(Strategy):
        events = ("trade",)

        def generate_signal(self, ctx: Any) -> Signal | None:
            if withdraws == "by a signal":
                return Signal.CLOSE
            ctx.cancel()
            return None

    engine = Engine(cash={"USD": 1_000_000})
    engine.trade("A/USD", Withdraws, size=1)
    with engine.start(SyntheticFeed("A/USD", kind="trade", rate=2_000, seed=1)) as run:
        until(lambda: run.status()["events"] > 0, "a price")
        for place in range(100):
            run.add_position("A/USD", 1 + place / 1_000)
        result = run.stop()
    # Whatever became of them: each has a row.
    quantities = [float(each) for each in result.orders.column("quantity")]
    assert all(1 + place / 1_000 in quantities for place in range(100))


class Holds(Strategy):
    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG


def held() -> Engine:
    engine = Engine(cash={"USD": 100_000})
    engine.trade("A/USD", Holds, size=1)
    return engine


def test_an_error_within_the_block_does_not_take_the_result() -> None:
    with (
        pytest.raises(ConfigError, match="A/USDD"),
        held().start(SyntheticFeed("A/USD", rate=100), duration=60) as live,
    ):
        live.pause("A/USDD")
    result = live.stop()
    assert result is live.stop()
    assert len(result.digest) == 64


def test_several_threads_may_wait_for_one_result() -> None:
    live = held().start(SyntheticFeed("A/USD", rate=100), duration=60)
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(live.wait())) for _ in range(3)]
    for thread in threads:
        thread.start()
    results.append(live.stop())
    for thread in threads:
        thread.join()
    assert [each is results[0] for each in results] == [True] * 4


def test_limits_of_pairs_that_nobody_trades_are_warned_of() -> None:
    limits = pairloom.RiskLimits(halted=["A/USDT"], max_position={"B/EUR": 1, "*": 1000})
    warned = pytest.warns(pairloom.RefusalWarning, match="which they do not stop: A/USDT, B/EUR")
    with held().start(SyntheticFeed("A/USD", rate=100), duration=60) as live, warned:
        live.set_limits(limits, by="Ada")
