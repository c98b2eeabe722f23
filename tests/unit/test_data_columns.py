"""Which column is the time, which is the pair, and what is refused because it might be another one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_reading import Reading

HOURS = pd.date_range("2024-01-01 09:30", periods=4, freq="h")


def candles(**more: Any) -> pd.DataFrame:
    flat = [1.0] * 4
    return pd.DataFrame({"ts": HOURS, "open": flat, "high": flat, "low": flat, "close": flat, **more})


def trades(**times: Any) -> pd.DataFrame:
    return pd.DataFrame({**times, "price": [1.0, 2.0, 3.0, 4.0], "size": [1.0] * 4})


DATA = Reading("ETH/USD")
read = DATA.read


def refused(data: Any, **options: Any) -> str:
    return str(DATA.refused(data, **options))


def tickers(*names: str) -> pd.DataFrame:
    """As yfinance has it: two levels, the price and the ticker."""
    one = candles().set_index("ts").rename(columns=str.capitalize)
    return pd.concat(dict.fromkeys(names, one), axis=1, names=["Ticker", "Price"]).swaplevel(axis=1)


def test_a_single_ticker_is_its_pair_and_no_other() -> None:
    error = refused(tickers("BTC-USD"))
    assert "lack the pair ETH/USD" in error and "BTC/USD" in error
    assert read(tickers("ETH-USD")).pairs == ["ETH/USD"]
    assert read(tickers("AAPL"), pairs=["*"]).pairs == ["AAPL/USD"]
    assert "^GSPC/USD" in refused(tickers("^GSPC"))
    assert "'A-B-C'" in refused(tickers("A-B-C"))


def test_a_key_is_the_pair_of_one_ticker() -> None:
    assert read({"ETH/USD": tickers("ETH-USD")}).pairs == ["ETH/USD"]
    assert read({"AAPL": tickers("AAPL")}, pairs=["*"]).pairs == ["AAPL/USD"]
    error = refused({"ETH/USD": tickers("BTC-USD")})
    assert "says ETH/USD, but its ticker 'BTC-USD' says BTC/USD" in error
    error = refused({"ETH/USD": tickers("ETH-USD", "BTC-USD")})
    assert "2 tickers" in error and "key says ETH/USD" in error


DAYS = ["2024-01-01"] * 4
CLOCKS = ["09:30", "10:30", "11:30", "12:30"]
#: Two columns that could be the time and contradict each other, and what names them.
TWO_TIMES: list[tuple[Any, list[str]]] = [
    (trades(date=DAYS, time=CLOCKS), ["'date' and 'time'", "'2024-01-01'", "'09:30'"]),
    (trades(date=DAYS, time=[stamp.time() for stamp in HOURS]), ["'date' and 'time'"]),
    (trades(date=pd.to_datetime(DAYS), time=[93000, 103000, 113000, 123000]), ["'date' and 'time'"]),
    (
        trades(date=pd.to_datetime(DAYS), time=HOURS - pd.Timedelta("6h")).set_index(HOURS),
        ["'time' and 'DatetimeIndex'", "T09:30:00"],
    ),
    (trades(ts=HOURS, timestamp=HOURS + pd.Timedelta("1h")), ["'ts' and 'timestamp'"]),
    (trades(date=["2024-01-02"] * 4, timestamp=HOURS), ["'date' and 'timestamp'", "row 0"]),
    (trades(ts=[*HOURS[:3], HOURS[0]], time=HOURS), ["'ts' and 'time'", "row 3"]),
    (trades(time=HOURS.strftime("%Y-%m-%d %H:%M")).set_index(HOURS.tz_localize("Asia/Tokyo")), ["'DatetimeIndex'"]),
]


@pytest.mark.parametrize(("data", "named"), TWO_TIMES, ids=range(len(TWO_TIMES)))
def test_two_times_that_differ_are_refused(data: pd.DataFrame, named: list[str], tmp_path: Any) -> None:
    error = refused(data)
    for part in [*named, "could be the time", "rename or drop"]:
        assert part in error, error
    if "DatetimeIndex" not in error:
        data.to_csv(tmp_path / "ETH_USD.csv", index=False)
        assert "could be the time" in refused(tmp_path)


MIDNIGHT = pd.to_datetime(DAYS)
SECONDS = HOURS.astype("M8[s]").astype("int64")
#: Two columns that say one time, of which the finer counts.
ONE_TIME: list[pd.DataFrame] = [
    trades(date=MIDNIGHT, timestamp=HOURS),
    trades(date=DAYS, timestamp=HOURS),
    trades(date=[stamp.date() for stamp in HOURS], timestamp=HOURS),
    trades(date=[stamp.date() for stamp in HOURS]).set_index(HOURS),
    trades(date=[stamp.date() for stamp in HOURS]).set_index(HOURS.rename("date")),
    trades(ts=HOURS).set_index("ts", drop=False),
    trades(time=SECONDS, datetime=HOURS),
    trades(ts=HOURS, timestamp=SECONDS * 1_000),
    trades(ts=HOURS, time=[None] * 4),
    trades(ts=HOURS, time=[HOURS[0], None, None, None]),
]


@pytest.mark.parametrize("data", ONE_TIME, ids=range(len(ONE_TIME)))
def test_the_finer_of_two_columns_that_agree_is_the_time(data: pd.DataFrame) -> None:
    assert read(data).series[0].ts.tolist() == HOURS.astype("M8[ns]").astype("int64").tolist()


def test_milliseconds_beside_seconds_are_the_finer_time() -> None:
    finer = HOURS + pd.Timedelta("250ms")
    loaded = read(trades(ts=HOURS, timestamp=finer))
    assert loaded.series[0].ts.tolist() == finer.astype("M8[ns]").astype("int64").tolist()


def test_an_index_of_closes_is_one() -> None:
    indexed = candles().rename(columns={"ts": "close_time"}).set_index("close_time")
    assert "lacks a column of times" in refused(indexed)
    loaded = read(indexed, candle_time="close")
    assert np.diff(loaded.series[0].ts).tolist() == [3_600 * 10**9] * 3
    assert loaded.series[0].ts[0] == (HOURS[0] - pd.Timedelta("1h")).value
    beside = candles(close_time=HOURS + pd.Timedelta("59min")).set_index("close_time")
    closes = read(beside).series[0].close_ts
    assert closes is not None and closes[0] == (HOURS[0] + pd.Timedelta("59min")).value


def quotes(**more: Any) -> pd.DataFrame:
    """Two markets at the same times, as an exchange's export mixes them."""
    times = pd.to_datetime(["2024-01-01 09:00", "2024-01-01 09:00", "2024-01-01 10:00", "2024-01-01 10:00"])
    data = {"ts": times, "bid": [2000.0, 70.0, 2010.0, 71.0], "ask": [2001.0, 70.1, 2011.0, 71.1]}
    return pd.DataFrame({**data, **more})


NAMES = ["ticker", "product_id", "instrument", "instrument_id", "asset", "Ticker"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", [("ETH-USD", "LTC-USD"), ("ETH", "LTC")])
def test_the_markets_of_an_exchange_are_told_apart(name: str, words: tuple[str, str], tmp_path: Any) -> None:
    data = quotes(**{name: [*words, *words]})
    data.to_csv(tmp_path / "quotes.csv", index=False)
    data.to_parquet(tmp_path / "quotes.parquet")
    forms = [
        data,
        {column: data[column].tolist() for column in data},
        data.set_index([name, "ts"]),
        data.set_index(name),
    ]
    for given in [*forms, tmp_path / "quotes.csv", tmp_path / "quotes.parquet"]:
        loaded = read(given)
        assert loaded.available == ["ETH/USD", "LTC/USD"]
        assert loaded.series[0].columns["bid"].tolist() == [2000.0, 2010.0]


def test_a_column_of_numbers_is_no_pair(tmp_path: Any) -> None:
    scores = candles(asset=[1.5, 2.5, 3.5, 4.5], instrument_id=7)
    scores.to_csv(tmp_path / "ETH_USD.csv", index=False)
    for given in (scores, tmp_path):
        extra = read(given).series[0].extra
        assert extra["asset"].tolist() == [1.5, 2.5, 3.5, 4.5] and extra["instrument_id"].tolist() == [7.0] * 4
    assert read(quotes(instrument_id=[7, None, 7, None]), repair="drop").rows == 4
    error = refused(quotes(instrument_id=[7, 8, 7, 8]))
    assert "row 1, column 'instrument_id'" in error and "several markets by numbers" in error and "'pair'" in error


def test_an_asset_leaves_open_in_what_it_is_quoted(tmp_path: Any) -> None:
    candles(asset="ETH").to_csv(tmp_path / "ETH_EUR.csv", index=False)
    assert read(tmp_path, pairs=["ETH/EUR"]).pairs == ["ETH/EUR"]
    assert "column 'asset' says LTC/USD" in refused({"ETH/USD": candles(asset="LTC")})
    assert read(candles(pair="ETH/USD", asset="LTC")).pairs == ["ETH/USD"]


def test_text_that_may_name_markets_is_said_to_be_left_out(tmp_path: Any) -> None:
    data = quotes(venue=["a", "b"] * 2)
    data.to_csv(tmp_path / "quotes.csv", index=False)
    for given in (data, {**data}, tmp_path):
        lines = [line for line in read(given).assumptions if "left out" in line]
        assert len(lines) == 1 and "(venue)" in lines[0] and "column 'pair'" in lines[0]
    assert not [line for line in read({"ETH/USD": data}).assumptions if "left out" in line]
    assert not [line for line in read(candles(venue="a")).assumptions if "left out" in line]
