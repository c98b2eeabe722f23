"""What a run does around the core: what the core is told, and what is announced at the end."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pairloom import (
    ConfigError,
    Engine,
    QuarantineWarning,
    RefusalWarning,
    Strategy,
    StrategyError,
    _data,
    _native,
)
from pairloom._data import Loaded, Series
from pairloom._span import span
from unit.result_fakes import DAY, START, FakeOutput

HOUR = 3600 * 10**9


class Daily(Strategy):
    schedule = "1d"

    def generate_signal(self, ctx):
        return None

    def on_time(self, ctx, event):
        return None


def series(pair, kind="candle", rows=48, first=START, **others):
    ts = first + np.arange(rows, dtype=np.int64) * HOUR
    return Series(
        pair=pair,
        kind=kind,
        origin=pair,
        columns={},
        ts=ts,
        **({"interval": HOUR} if kind == "candle" else {}),
        **others,
    )


class Core:
    """Stands in for the compiled core and for loading: remembers, and gives what it is told to."""

    def __init__(self, monkeypatch):
        self.loaded = Loaded(series=[series("ETH/BTC")], assumptions=["assumed while loading"])
        self.calls = []
        self.parts = {}
        self.asked = None
        monkeypatch.setattr(_data, "load", self.load)
        monkeypatch.setattr(_data, "to_native", lambda loaded: loaded)
        for driver in ("backtest", "paper"):
            monkeypatch.setattr(_native, driver, self.driver(driver), raising=False)

    def load(self, data, **options):
        self.asked = (data, options)
        return self.loaded

    def driver(self, name):
        def drive(config, traders, data, run, progress):
            self.calls.append((name, config, traders, data, run, progress))
            if progress is not None:
                progress(0.5)
            named = [(trader["name"], trader["pair"]) for trader in traders]
            return FakeOutput(**{"traders": named, **self.parts})

        return drive


@pytest.fixture
def core(monkeypatch):
    return Core(monkeypatch)


@pytest.fixture
def engine():
    made = Engine(cash={"BTC": 10})
    made.trade("ETH/BTC", Daily)
    return made


def record(trader, message="a fault"):
    try:
        raise ZeroDivisionError(message)
    except ZeroDivisionError as error:
        return {
            "trader": trader,
            "pair": "ETH/BTC",
            "strategy": "Daily",
            "ts": START,
            "error": error,
            "kind": "raised",
        }


def test_the_core_is_told_config_traders_and_run(core, engine):
    seen = []
    result = engine.backtest("candles", start="2020-01-02", interval="1h", repair="drop", progress=seen.append)
    ((driver, config, traders, data, run, _),) = core.calls
    assert driver == "backtest"
    assert config["cash"] == {"BTC": "10"}
    assert data is core.loaded
    assert run == {"start": START + DAY, "end": None, "_handover": "auto", "_shuffle_seed": None}
    assert traders[0]["schedule"] == [(START + DAY, "1d"), (START + 2 * DAY, "1d")]
    assert core.asked == (
        "candles",
        {"pairs": ["ETH/BTC"], "currency": "BTC", "interval": "1h", "candle_time": "open", "repair": "drop"},
    )
    assert seen == [0.5]
    assert "assumed while loading" in result.assumptions


def test_paper_is_told_duration_and_speed_too(core, engine):
    engine.paper("candles", duration=1.5, speed=10, progress=False)
    engine.paper("candles", progress=False)
    assert [call[0] for call in core.calls] == ["paper", "paper"]
    assert [(call[4]["duration"], call[4]["speed"]) for call in core.calls] == [(1_500_000_000, "10"), (None, None)]


def test_an_engine_may_run_twice_with_fresh_strategies(core, engine):
    engine.backtest("candles", progress=False)
    engine.backtest("candles", progress=False)
    one, two = (call[2][0]["factory"]() for call in core.calls)
    assert one is not two


def test_latency_on_candles_alone_is_refused(core):
    engine = Engine(cash={"BTC": 10}, latency=0.1)
    engine.trade("*", Daily)
    with pytest.raises(ConfigError, match="latency has no meaning for ETH/BTC, which has candles alone"):
        engine.backtest("candles", progress=False)
    assert core.calls == []
    core.loaded.series.append(series("ETH/BTC", "quote"))
    engine.backtest("candles", progress=False)
    assert core.calls[0][1]["latency"] == 100_000_000


def test_a_quiet_run_warns_of_nothing(core, engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.backtest("candles", progress=False)


def test_refusals_are_one_warning_at_the_users_own_line(core, engine):
    core.parts = {"tables": {"refusals": [{"trader": "S", "check": "cash"}, {"trader": "S", "check": "cash"}]}}
    with pytest.warns(RefusalWarning, match="2 orders refused: cash 2") as caught:
        engine.backtest("candles", progress=False)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_some_quarantined_is_one_warning(core, engine):
    engine.trade("ETH/BTC", "rsi")
    core.parts = {"quarantined": [record("Daily ETH/BTC")]}
    with pytest.warns(QuarantineWarning, match="1 of 2 traders quarantined") as caught:
        result = engine.paper("candles", progress=False)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert len(result.quarantined) == 1


def test_all_quarantined_is_an_error_from_the_first_with_the_result(core, engine):
    engine.trade("ETH/BTC", "rsi")
    first = record("Daily ETH/BTC", "the first fault")
    core.parts = {"quarantined": [first, record("rsi ETH/BTC")]}
    with pytest.raises(StrategyError) as caught:
        engine.backtest("candles", progress=False)
    assert caught.value.__cause__ is first["error"]
    text = str(caught.value)
    assert text.startswith("all 2 traders were quarantined; first Daily ETH/BTC at 2")
    assert ": ZeroDivisionError: the first fault" in text
    assert len(caught.value.result.quarantined) == 2
    assert caught.value.code == "strategy.raised"


def test_the_span_is_from_the_first_to_the_last_row_that_is_seen():
    candles, quotes = series("A/BTC", rows=3), series("B/BTC", "quote", rows=2, first=START - HOUR // 2)
    loaded = Loaded(series=[candles, quotes])
    assert span(loaded, ["A/BTC"], None, None) == (START + HOUR, START + 3 * HOUR), "candles are known at their close"
    assert span(loaded, ["A/BTC", "B/BTC"], None, None) == (START - HOUR // 2, START + 3 * HOUR)
    assert span(loaded, ["A/BTC"], None, START + HOUR) == (START + HOUR, START + HOUR), "the end is not seen"
    assert span(loaded, ["A/BTC"], START + 2 * HOUR, None) == (START + 2 * HOUR, START + 3 * HOUR)
    assert span(loaded, ["A/BTC"], None, START) is None
    closing = series("C/BTC", rows=2, close_ts=candles.ts[:2] + HOUR // 4)
    assert span(Loaded(series=[closing]), ["C/BTC"], None, None) == (START + HOUR // 4, START + HOUR + HOUR // 4)
