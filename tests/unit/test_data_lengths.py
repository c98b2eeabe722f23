"""Candles that are longer or shorter than is assumed: none is known before it closes, none loses its turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import pairloom
from data_reading import Reading
from pairloom import Engine, Signal, Strategy
from pairloom._data.lengths import Gaps

HOUR = 3_600
DAY = 24 * HOUR


def candles(ts: Any, **more: Any) -> dict[str, Any]:
    flat = [1.0] * len(ts)
    return {"ts": ts, "open": flat, "high": flat, "low": flat, "close": flat, **more}


DATA = Reading("A/USD")
read = DATA.read


def refused(data: Any, **options: Any) -> str:
    error = DATA.refused(data, **options)
    assert error.code == "data.interval"
    return str(error)


def hours_then_minutes(hours: int, minutes: int) -> Any:
    return np.concatenate([np.arange(hours) * HOUR, hours * HOUR + np.arange(minutes) * 60])


@pytest.mark.parametrize("closes", ["open", "close"])
def test_a_history_of_longer_candles_is_refused(closes: str) -> None:
    error = refused(candles(hours_then_minutes(12, 5_000)), candle_time=closes)
    for part in ("pair A/USD, row 0", "13 candles stand 1h apart", "interval 1m", "apart", "interval=", "close_time"):
        assert part in error, error


def test_longer_candles_behind_shorter_ones_are_refused_at_their_first_row() -> None:
    ts = np.concatenate([np.arange(300) * 60, 5 * HOUR + np.arange(60) * HOUR])
    assert "row 300:" in refused(candles(ts))
    mixed = pd.concat([pd.DataFrame(candles(ts, pair="A/USD")), pd.DataFrame(candles([0, 60], pair="B/USD"))])
    assert "row 300:" in refused(mixed)
    assert "row 301:" in refused(candles(np.insert(ts, 7, ts[6])), repair="drop")


def test_an_interval_shorter_than_the_candles_is_refused() -> None:
    error = refused(candles(np.arange(200) * HOUR), interval="1m")
    assert "row 0" in error and "interval 1m was given" in error and 'give interval="1h"' in error
    holes = np.delete(np.arange(400) * HOUR, np.arange(20, 400, 37))
    assert "1h apart" in refused(candles(holes), interval={"A/USD": 60})


def test_nine_gaps_are_no_run_and_ten_are() -> None:
    assert read(candles(hours_then_minutes(9, 100))).series[0].interval == 60 * 10**9
    refused(candles(hours_then_minutes(10, 100)))
    assert read(candles(np.arange(10) * HOUR), interval=60).rows == 10


def test_a_column_of_closes_is_believed() -> None:
    ts = hours_then_minutes(20, 100)
    closes = ts + np.where(np.arange(120) < 20, HOUR, 60)
    assert read(candles(ts, close_time=closes)).series[0].interval is None


@pytest.mark.parametrize("missing", [0.05, 0.3, 0.5, 0.7])
def test_rows_that_are_missing_at_random_are_no_longer_candles(missing: float) -> None:
    for seed in range(5):
        kept = np.random.default_rng(seed).random(200_000) >= missing
        loaded = read(candles(np.flatnonzero(kept) * 60), interval="1m")
        assert loaded.series[0].interval == 60 * 10**9
    data = pairloom.synthetic(["A/USD", "B/USD"], rows=5_000, missing=missing, seed=3)
    assert read(data, pairs=["*"]).pairs == ["A/USD", "B/USD"]


def test_nights_and_ends_of_weeks_are_no_longer_candles() -> None:
    days = pd.bdate_range("2024-01-01", periods=250)
    assert read(candles(days)).series[0].interval == DAY * 10**9
    session = np.concatenate([day.value // 10**9 + 14 * HOUR + np.arange(7) * HOUR for day in days])
    assert read(candles(session)).series[0].interval == HOUR * 10**9


def test_a_long_run_is_an_accident_only_where_its_gap_is_common() -> None:
    # Every fourth gap is 2, and one run of these is eleven long.
    rng = np.random.default_rng(1)
    gaps = np.where(rng.random(100_000) < 0.5, 1, np.where(rng.random(100_000) < 0.5, 2, 3))
    gaps[500:511] = 2
    assert Gaps(np.cumsum(gaps)).longer_run(1) is None
    gaps[500:511] = 60
    row, count, gap = Gaps(np.cumsum(gaps)).longer_run(1) or (0, 0, 0)
    assert (row, count, gap) == (499, 11, 60)


class Flip(Strategy):
    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        return Signal.LONG if self.seen % 2 else Signal.CLOSE


def fills(ts: Any, **options: Any) -> list[str]:
    engine = Engine(cash={"USD": 1_000}, fee=0)
    engine.trade("A/USD", Flip, size=1)
    result = engine.backtest(pd.DataFrame(candles(ts)), progress=False, **options)
    return [str(fill["ts"])[:16] for fill in result.fills]


def test_months_are_known_when_the_next_one_opens() -> None:
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    assert fills(months) == [f"{day.date()}T00:00" for day in months[1:]]
    loaded = read(candles(months))
    assert loaded.series[0].close_ts is not None and loaded.series[0].interval == 31 * DAY * 10**9
    assert loaded.assumptions[-2:] == [
        "interval 31d, the commonest gap between candles: A/USD",
        "days or months that are shorter than that are over when the next one opens: 5 of A/USD",
    ]
    assert fills(months, candle_time="close") == [f"{day.date()}T00:00" for day in months[:-1]]


def test_a_day_of_23_hours_is_over_when_the_next_one_begins() -> None:
    days = pd.date_range("2024-03-29", periods=6, freq="D", tz="Europe/Berlin")
    assert fills(days) == [f"{day.tz_convert('UTC'):%Y-%m-%dT%H:%M}" for day in days[1:]]


def test_other_candles_last_as_long_as_most_of_their_market() -> None:
    loaded = read(candles([0, 60, 120, 150, 210]))
    assert loaded.series[0].close_ts is None and loaded.series[0].interval == 60 * 10**9
    late = "candles whose next one opens before that interval is over are known only then (give close_time): 1 of A/USD"
    assert loaded.assumptions[-1] == late


def test_an_interval_as_given_overlaps_nothing() -> None:
    months = pd.date_range("2024-02-01", periods=3, freq="MS")
    assert "would overlap" in refused(candles(months), interval="31d")
    # What was given is what was meant, so no candle is cut.
    loaded = read(candles([0, 60, 120, 150]), interval=60)
    assert loaded.series[0].close_ts is None and loaded.assumptions[1:] == []


def test_regular_candles_need_no_column_of_closes() -> None:
    assert read(candles(np.arange(100) * 60)).series[0].close_ts is None
