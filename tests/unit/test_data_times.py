"""When candles open and are known: units, time zones, intervals."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom import _native
from pairloom._data import Loaded, load
from pairloom.errors import DataError

MINUTE = 60_000_000_000
NANOS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def candles(ts: Any, **more: Any) -> dict[str, Any]:
    flat = [1.0] * len(ts)
    return {"ts": ts, "open": flat, "high": flat, "low": flat, "close": flat, **more}


def read(data: Any, **options: Any) -> Loaded:
    return load(data, **({"pairs": ["ETH/BTC"], "currency": "BTC"} | options))


def times(data: Any, **options: Any) -> list[int]:
    return read(data, **options).series[0].ts.tolist()


@given(
    st.integers(315_532_800, 9_000_000_000),
    st.sampled_from(sorted(NANOS)),
    st.sampled_from(["int64", "float64", "list", "datetime64"]),
)
def test_the_unit_is_told_by_size(start: int, unit: str, form: str) -> None:
    factor = 10**9 // NANOS[unit]
    ts: Any = [start * factor, (start + 60) * factor]
    if form == "datetime64":
        ts = np.array(ts, dtype=f"datetime64[{unit}]")
    elif form != "list":
        ts = np.array(ts, dtype=form)
        if form == "float64" and unit == "ns":
            ts = ts.astype(np.int64)  # a float does not hold nanoseconds of today
    expected = [start * 10**9, (start + 60) * 10**9]
    if not (form == "float64" and unit == "ns"):
        assert times(candles(ts)) == expected


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), st.integers(-720, 720))
def test_iso_texts_are_what_python_reads(moment: dt.datetime, minutes: int) -> None:
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    epoch = dt.datetime(1970, 1, 1)
    naive = (moment - epoch) // dt.timedelta(microseconds=1) * 1_000
    aware = naive - minutes * MINUTE
    texts = [moment.isoformat(), moment.isoformat(" "), moment.replace(tzinfo=zone).isoformat()]
    parsed, bad, zoned = _native.parse_times([*texts, f"{moment.isoformat()}Z"])
    assert bad == [] and zoned.tolist() == [False, False, True, True]
    assert parsed.tolist() == [naive, naive, aware, naive]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2018-13-01",
        "2018-02-29",
        "2018-1-1",
        "10.01.2018",
        "2018-01-10T25:00",
        "2018-01-10T00:60",
        "2018-01-10T00:00:00.",
        "2018-01-10T00:00+25:00",
        "2018-01-10x",
        "2018-01-10T00:00:00.1234567890",
        "1600-01-01",
        "2300-01-01",
        "2018-01-10T0a:00",
        "é018-01-10",
    ],
)
def test_what_is_no_time_is_named(text: str) -> None:
    parsed, bad, _ = _native.parse_times(["2018-01-10", text, None])
    assert bad == [1, 2] and parsed[0] == 1_515_542_400 * 10**9
    with pytest.raises(DataError, match="row 1, column 'ts'") as caught:
        read(candles(["2018-01-10", text]))
    assert caught.value.code == "data.time"


def test_fractions_of_float_seconds_are_kept_to_the_microsecond() -> None:
    ts = [1_723_161_253.937085, 1_723_161_254.0]
    assert times(candles(ts)) == [1_723_161_253_937_085_000, 1_723_161_254_000_000_000]


def test_the_interval_is_the_commonest_gap_and_is_said() -> None:
    loaded = read(candles([0, 60, 120, 360, 420]))
    assert loaded.series[0].interval == MINUTE
    assert loaded.assumptions[1:] == ["interval 1m, the commonest gap between candles: ETH/BTC"]


def test_a_tie_of_gaps_takes_the_smaller() -> None:
    assert read(candles([0, 300, 360])).series[0].interval == MINUTE
    assert read(candles([0, 60, 360])).series[0].interval == MINUTE


@pytest.mark.parametrize(
    "given_",
    [
        "1m",
        "60s",
        "1 min",
        dt.timedelta(minutes=1),
        pd.Timedelta("1min"),
        np.timedelta64(1, "m"),
        60,
        60.0,
        np.int64(60),
        np.float32(60),
        {"ETH/BTC": "1m"},
    ],
)
def test_an_interval_as_given(given_: Any) -> None:
    loaded = read(candles([0, 120, 240]), interval=given_)
    assert loaded.series[0].interval == MINUTE
    assert not [line for line in loaded.assumptions if "interval" in line]


def test_an_interval_lets_a_lone_candle_be() -> None:
    assert read(candles([0]), interval="1h").series[0].interval == 60 * MINUTE


def test_candles_stamped_by_their_close_open_an_interval_earlier() -> None:
    loaded = read(candles([60, 120, 180]), candle_time="close")
    assert loaded.series[0].ts.tolist() == [0, MINUTE, 2 * MINUTE]
    assert loaded.series[0].interval == MINUTE
    assert times(candles([60, 180]), candle_time="close", interval=60) == [0, 2 * MINUTE]


def test_a_column_of_closes_says_when_candles_are_known() -> None:
    loaded = read(candles([0, 60], close_time=[59, 119]), interval="1m")
    series = loaded.series[0]
    assert series.close_ts is not None and series.close_ts.tolist() == [59 * 10**9, 119 * 10**9]
    assert series.interval is None and series.extra == {}


def test_closes_alone_are_times_if_the_candles_are_stamped_by_them() -> None:
    data = candles([60, 120])
    data["close_time"] = data.pop("ts")
    assert times(data, candle_time="close") == [0, MINUTE]


def test_quotes_are_never_shifted() -> None:
    quotes = {"ts": [1, 1, 2], "bid": [1, 1, 1], "ask": [2, 2, 2]}
    assert times(quotes, candle_time="close") == [10**9, 10**9, 2 * 10**9]


def test_the_interval_in_a_file_name_serves_a_lone_candle_only(tmp_path: Any) -> None:
    lone, many = tmp_path / "ETH_BTC-5m.csv", tmp_path / "LTC_BTC-1h.csv"
    pd.DataFrame(candles([0])).to_csv(lone, index=False)
    pd.DataFrame(candles([0, 60, 120])).to_csv(many, index=False)
    loaded = read(tmp_path, pairs=["*"])
    assert [series.interval for series in loaded.series] == [5 * MINUTE, MINUTE]
    assert any("says 1h" in line and "LTC_BTC-1h.csv" in line for line in loaded.assumptions)
    assert any("interval 5m, from the name" in line for line in loaded.assumptions)


@pytest.mark.parametrize(
    ("ts", "said"),
    [
        (np.arange(300), "seconds since 1970, told by their size: ETH/BTC begins at 1970-01-01T00:00:00Z"),
        ([1_700_000_000_000, 1_700_000_060_000], "milliseconds since 1970, told by their size: ETH/BTC begins at 2023"),
        ([1_700_000_000.5, 1_700_000_060.5], "seconds since 1970, told by their size: ETH/BTC begins at 2023-11-14T"),
        (["2023-11-14", "2023-11-15"], None),
        (np.array(["2023-11-14", "2023-11-15"], "M8[s]"), None),
    ],
)
def test_what_integers_were_taken_for_is_said(ts: Any, said: str | None) -> None:
    lines = [line for line in read(candles(ts)).assumptions if "told by their size" in line]
    assert len(lines) == (0 if said is None else 1)
    assert said is None or lines[0].startswith(f"times given as numbers are {said}")


def test_what_integers_were_taken_for_is_said_once_a_run() -> None:
    data = {f"M{number}/BTC": candles(np.arange(20)) for number in range(30)}
    lines = [line for line in read(data, pairs=["*"]).assumptions if "told by their size" in line]
    assert lines == [
        "times given as numbers are seconds since 1970, told by their size: M0/BTC begins at 1970-01-01T00:00:00Z"
    ]
