"""A single trader that goes event by event is handed many rows at once, and sees at each what it would see alone."""

from __future__ import annotations

from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy
from pairloom import indicators as ta

ROWS = 600


class Notes(Strategy):
    """Turns now and then, by indicators, by what it holds and by the account, and notes all that it sees."""

    candles: bool = True

    def setup(self, ctx: Any) -> None:
        self.seen: list[Any] = []
        self.quick = ctx.indicator(ta.Sma(4))
        self.steady = ctx.indicator(ta.Ema(15))
        KEPT.append(self.seen)

    def generate_signal(self, ctx: Any) -> Signal | None:
        held = ctx.position
        account = (ctx.equity, ctx.cash, held.size, held.unrealized_pnl)
        indicators = (self.quick.value, self.quick[-2], self.steady.value)
        self.seen.append((ctx.ts, ctx.now, *account, *indicators, len(ctx.orders)))
        if ctx.equity < 99_000 and held:
            return Signal.CLOSE
        if len(self.seen) % 37 == 0:
            price = ctx.candle.close if self.candles else ctx.quote.bid
            ctx.buy(0.25, limit=round(price * 0.999, 2))
            return None
        return Signal.LONG if self.quick.value > self.steady.value else Signal.SHORT

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.seen.append(("fill", ctx.ts, fill.price, ctx.equity))


KEPT: list[list[Any]] = []


def seen(driver: str, data: Any, *, candles: bool = True, **settings: Any) -> tuple[list[Any], str]:
    KEPT.clear()
    engine = Engine(cash={"USD": 100_000}, account="margin", **settings.pop("engine", {}))
    engine.trade("A/USD", Notes, size=3, candles=candles)
    result = getattr(engine, driver)(data, progress=False, **settings)
    assert result.quarantined == []
    (rows,) = KEPT
    return rows, result.digest


@pytest.mark.parametrize("fill", ["next_open", "close"])
@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_it_sees_on_candles_what_the_live_driver_shows(fill: str, gaps: float) -> None:
    data = pairloom.synthetic(["A/USD"], rows=ROWS, seed=3, missing=gaps, volatility=0.01)
    tested, digest = seen("backtest", data, engine={"fill": fill})
    live, same = seen("paper", data, engine={"fill": fill})
    assert tested == live
    assert digest == same
    assert len(tested) > ROWS // 2


@pytest.mark.parametrize("latency", [0, 2])
def test_it_sees_the_same_on_quotes(latency: float) -> None:
    data = pairloom.synthetic(["A/USD"], rows=ROWS, seed=3, kind="quote")
    tested = seen("backtest", data, candles=False, engine={"latency": latency})
    assert tested == seen("paper", data, candles=False, engine={"latency": latency})


def test_it_is_warmed_up_before_the_start() -> None:
    data = pairloom.synthetic(["A/USD"], rows=ROWS, seed=3)
    start = data["A/USD"]["ts"][200]
    tested, digest = seen("backtest", data, start=start)
    live, same = seen("paper", data, start=start)
    assert tested == live
    assert digest == same
    # What came before the start has filled the indicators, and the first event is the first row's.
    assert ROWS - 200 <= len([row for row in tested if row[0] != "fill"]) <= ROWS - 199


def test_an_error_counts_at_the_row_at_which_it_comes() -> None:
    class Errs(Strategy):
        def setup(self, ctx: Any) -> None:
            self.count = 0

        def generate_signal(self, ctx: Any) -> Signal:
            self.count += 1
            if self.count == 123:
                raise ValueError(str(ctx.ts))
            return Signal.LONG

    data = pairloom.synthetic(["A/USD"], rows=ROWS, seed=3)
    engine = Engine(cash={"USD": 100_000})
    engine.trade("A/USD", Errs, size=1, name="errs")
    engine.trade("A/USD", "simple", size=1)
    with pytest.warns(pairloom.QuarantineWarning):
        (record,) = engine.backtest(data, progress=False).quarantined
    assert int(str(record.error)) == record.ts
    alone = Engine(cash={"USD": 100_000})
    alone.trade("A/USD", Errs, size=1)
    with pytest.raises(pairloom.StrategyError) as caught:
        alone.backtest(data, progress=False)
    assert caught.value.result is not None
    (only,) = caught.value.result.quarantined
    assert only.ts == record.ts
    assert caught.value.result.steps == 123


@pytest.mark.parametrize("markets", [1, 3])
def test_with_threads_at_hand_a_native_one_sees_and_does_the_same(markets: int) -> None:
    data = pairloom.synthetic(markets, rows=ROWS, seed=8, volatility=0.01)

    def digest(threads: int, block: int | None) -> str:
        engine = Engine(cash={"USD": 100_000}, account="margin", num_threads=threads, block=block)
        engine.trade("*", "sma_cross", size=2, fast=3, slow=7)
        engine.trade("*", "rsi", size=1, period=5)
        result = engine.backtest(data, progress=False)
        assert len(result.orders) > 50
        return result.digest

    assert len({digest(threads, block) for threads in (1, 2) for block in (0, None)}) == 1
