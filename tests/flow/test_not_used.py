"""What a run does not use is said, not passed over."""

from __future__ import annotations

import re
from typing import Any

import pytest

import pairloom
from pairloom import ConfigError, Engine, Instrument, RiskLimits, Signal, Strategy
from pairloom import indicators as ta


@pytest.mark.parametrize("bounds", [{"start": "2030-01-01"}, {"end": "2000-01-01"}])
def test_bounds_that_leave_no_row_are_named_with_the_span_of_the_data(bounds: dict[str, str]) -> None:
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", "simple", size=1)
    data = pairloom.synthetic(["A/USD"], rows=10, start="2024-01-01")
    result = engine.backtest(data, progress=False, **bounds)  # type: ignore[arg-type]
    (said,) = [line for line in result.assumptions if line.startswith("start and end")]
    assert "2024-01-01 00:01:00 UTC to 2024-01-01 00:10:00 UTC" in said


def test_an_instrument_of_another_pair_is_named() -> None:
    engine = Engine(cash={"USD": 100}, instruments={"B/USD": Instrument(tick="0.01")})
    engine.trade("A/USD", "simple", size=1)
    result = engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert "instruments of pairs that this run does not trade: B/USD" in result.assumptions


MISTYPED: list[tuple[dict[str, Any], str]] = [
    ({"risk": RiskLimits(halted=["A/UDS"])}, 'risk.halted: nobody trades "A/UDS"; did you mean "A/USD"?'),
    ({"risk": RiskLimits(restricted=["A/US"])}, 'risk.restricted: nobody trades "A/US"; did you mean "A/USD"?'),
    ({"risk": RiskLimits(max_order_notional={"A/UDS": 1, "*": 1e9})}, "risk.max_order_notional: nobody"),
    ({"risk": RiskLimits(per_trader={"simple A/USD": RiskLimits(max_position={"A/USB": 1})})}, "risk.max_position: no"),
    ({"risk": RiskLimits(halted=["THE/UDS"])}, 'did you mean "THE/USD"?'),
    ({"instruments": {"A/UDS": Instrument(lot=1)}}, 'instruments: nobody trades "A/UDS"; did you mean "A/USD"?'),
    ({"instruments": {"a/usd": Instrument(lot=1)}}, 'instruments: nobody trades "a/usd"; did you mean "A/USD"?'),
]


@pytest.mark.parametrize(("settings", "said"), MISTYPED, ids=range(len(MISTYPED)))
def test_a_mistyped_pair_is_refused_before_the_run_trades_without_what_was_meant(
    settings: dict[str, Any], said: str
) -> None:
    engine = Engine(cash={"USD": 100}, **settings)
    engine.trade("A/USD", "simple", size=1)
    data = pairloom.synthetic(["A/USD", "THE/USD"], rows=10)
    code = "config.instruments" if "instruments" in settings else "risk.unknown_pair"
    feed = pairloom.SyntheticFeed(["A/USD", "THE/USD"], seed=1)
    for begin in (lambda: engine.backtest(data), lambda: engine.paper(data), lambda: engine.start(feed)):
        with pytest.raises(ConfigError, match=re.escape(said)) as caught:
            begin()
        assert caught.value.code == code


def test_names_of_other_markets_are_said_and_refuse_nothing() -> None:
    others = ["A/USDT", "A/USDS", "A/UST", "A/GUSD", "A/EUR", "AA/USD", "B/USD", "C/BTC", "A/USB", "HTE/USD"]
    # One that names both means both.
    engine = Engine(cash={"USD": 100}, risk=RiskLimits(restricted=["A/USD"], halted=[*others, "A/USD"]))
    engine.trade("A/USD", "simple", size=1)
    # B/USD is there, and nobody trades it.
    data = pairloom.synthetic(["A/USD", "B/USD"], rows=10)
    with pytest.warns(pairloom.RefusalWarning):
        result = engine.backtest(data, progress=False)
    assert f"risk limits of pairs that this run does not trade: {', '.join(others)}" in result.assumptions


class Waiting(Strategy):
    period: int = 3_000
    window: int = 0

    def setup(self, ctx: Any) -> None:
        self.average = ctx.indicator(ta.Sma(self.period))

    def generate_signal(self, ctx: Any) -> Signal | None:
        return None


@pytest.mark.parametrize("drive", ["backtest", "paper"])
@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        (Waiting(), "its indicators need more events than the 300 that there were"),
        (Waiting(period=5, window=3_000), "its window needs 3,000 events, and there were 300"),
        (Waiting(period=301), "its indicators need more events than the 300 that there were"),
        (Waiting(period=5, window=301), "its window needs 301 events, and there were 300"),
        (Waiting(period=300, window=300), None),
    ],
)
def test_a_strategy_that_was_never_called_is_named(drive: str, strategy: Strategy, why: str | None) -> None:
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", strategy, size=1)
    result = getattr(engine, drive)(pairloom.synthetic(["A/USD"], rows=300), progress=False)
    said = [line for line in result.assumptions if "never called" in line]
    assert said == ([] if why is None else [f"Waiting A/USD: its strategy was never called: {why}"])


def test_native_strategies_that_were_never_called_are_named_and_many_are_counted() -> None:
    pairs = [f"M{number}/USD" for number in range(10)]
    engine = Engine(cash={"USD": 100})
    engine.trade("*", "sma_cross", size=1, side="long", slow=400)
    result = engine.backtest(pairloom.synthetic(pairs, rows=300), progress=False)
    said = [line for line in result.assumptions if "never called" in line]
    assert len(said) == 8 and said[0].startswith("sma_cross M0/USD: its strategy was never called")
    assert "and so 2 more traders" in result.assumptions


def test_times_that_nobody_named_are_said() -> None:
    class Daily(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            return None

        def on_time(self, ctx: Any, event: Any) -> None:
            return None

    said = 'Daily.on_time is never called: say when, as in schedule = "1d"'
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", Daily, size=1)
    assert said in engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False).assumptions
    with engine.start(pairloom.SyntheticFeed(["A/USD"], seed=1)) as run:
        assert said in run.stop().assumptions
    Daily.schedule = "1d"
    timed = Engine(cash={"USD": 100})
    timed.trade("A/USD", Daily, size=1)
    assert said not in timed.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False).assumptions


def with_trades(pair: str) -> dict[str, Any]:
    """Candles of a market, and trades at their closes."""
    candles = pairloom.synthetic([pair], rows=60)[pair]
    return {"candle": candles, "trade": {"ts": candles["ts"] + 30 * 10**9, "price": candles["close"], "size": [1] * 60}}


@pytest.mark.parametrize("drive", ["backtest", "paper"])
def test_latency_in_markets_that_fill_on_candles_is_said_to_have_no_effect(drive: str) -> None:
    prices = with_trades("A/USD")["candle"]
    quotes = {"ts": prices["ts"], "bid": prices["close"], "ask": prices["close"]}
    data = {
        "A/USD": with_trades("A/USD"),
        "B/USD": with_trades("B/USD") | {"quote": quotes},
        "C/USD": {"trade": with_trades("C/USD")["trade"]},
        "D/USD": with_trades("D/USD"),
    }
    said, digests = {}, {}
    for pairs in ("*", ["A/USD", "D/USD"], ["B/USD", "C/USD"]):
        for latency in (0, 2):
            engine = Engine(cash={"USD": 10_000}, latency=latency)
            engine.trade(pairs, "simple", size=1)
            result = getattr(engine, drive)(data, progress=False)
            said[str(pairs), latency] = [line for line in result.assumptions if "latency" in line]
            digests[str(pairs), latency] = result.digest
    of_candles, of_others = "['A/USD', 'D/USD']", "['B/USD', 'C/USD']"
    # It says so where it is so, and only there.
    assert digests[of_candles, 0] == digests[of_candles, 2] and digests[of_others, 0] != digests[of_others, 2]
    line = "latency has no effect in markets that fill on candles, since they have no quotes: A/USD, D/USD"
    assert said["*", 2] == said[of_candles, 2] == [line]
    assert not any(said[pairs, 0] for pairs in ("*", of_candles, of_others)) and not said[of_others, 2]


def test_a_run_that_was_ended_early_says_nothing_of_calls() -> None:
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", Waiting(), size=1)
    result = engine.paper(pairloom.synthetic(["A/USD"], rows=300), duration=60, progress=False)
    assert not [line for line in result.assumptions if "never called" in line]
