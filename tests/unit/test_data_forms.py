"""Every form in which users have market data gives the same series."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from pairloom._data import Loaded, load

START = 1_515_560_100  # 2018-01-10 04:55 UTC
STEP = 300
ROWS = 6
SECONDS = START + STEP * np.arange(ROWS)
OPEN = np.array([1.5, 1.25, 1.75, 2.0, 2.25, 2.5])
CANDLES: dict[str, Any] = {
    "open": OPEN,
    "high": OPEN + 0.5,
    "low": OPEN - 0.5,
    "close": OPEN + 0.25,
    "volume": np.array([0.0, 1.0, 2.5, 3.0, 4.0, 5.0]),
}


def read(data: Any, **options: Any) -> Loaded:
    options = {"pairs": ["ETH/BTC"], "currency": "BTC"} | options
    return load(data, **options)


def frame(**more: Any) -> pd.DataFrame:
    dates = pd.to_datetime(SECONDS, unit="s", utc=True)
    return pd.DataFrame({"date": dates, **CANDLES, **more})


def rows() -> list[list[float]]:
    columns = zip(SECONDS * 1000, *CANDLES.values(), strict=True)
    return [[int(t), *map(float, rest)] for t, *rest in columns]


def lists() -> dict[str, list[Any]]:
    return {"ts": SECONDS.tolist(), **{name: column.tolist() for name, column in CANDLES.items()}}


def datetimes(zone: dt.timezone | None) -> list[dt.datetime]:
    times = [dt.datetime.fromtimestamp(int(s), dt.timezone.utc) for s in SECONDS]
    return [t.astimezone(zone) if zone else t.replace(tzinfo=None) for t in times]


def recarray() -> Any:
    array = np.empty(ROWS, dtype=[("time", "i8"), *((name, "f8") for name in CANDLES)])
    array["time"] = SECONDS
    for name, column in CANDLES.items():
        array[name] = column
    return array


def table() -> pa.Table:
    return pa.table({"Timestamp": pa.array(SECONDS, pa.timestamp("s")), **CANDLES})


FORMS: dict[str, Any] = {
    "pandas": lambda: frame(),
    "pandas index": lambda: frame().set_index("date"),
    "pandas nameless index": lambda: frame().set_index("date").rename_axis(None),
    "pandas naive": lambda: frame().assign(date=lambda f: f["date"].dt.tz_localize(None)),
    "pandas zone": lambda: frame().assign(date=lambda f: f["date"].dt.tz_convert("Asia/Tokyo")),
    "pandas seconds": lambda: frame().assign(date=lambda f: f["date"].astype("datetime64[s, UTC]")),
    "pandas text": lambda: frame().assign(date=lambda f: f["date"].astype(str)),
    "pandas objects": lambda: frame().astype(object),
    "pandas nullable": lambda: frame().convert_dtypes(),
    "pandas capitals": lambda: frame().rename(columns=str.upper),
    "pandas arrow": lambda: frame().convert_dtypes(dtype_backend="pyarrow"),
    "pandas integer index": lambda: frame().assign(ts=SECONDS).drop(columns="date").set_index("ts"),
    "polars": lambda: pl.DataFrame({"time": SECONDS, **CANDLES}),
    "polars unsigned nanoseconds": lambda: pl.DataFrame(
        {"time": pl.Series(SECONDS * 10**9, dtype=pl.UInt64), **CANDLES}
    ),
    "polars decimals": lambda: pl.DataFrame(lists()).cast({"open": pl.Decimal(20, 8)}),
    "polars narrow": lambda: pl.DataFrame(lists()).cast({"high": pl.Float32, "ts": pl.Int32}),
    "polars dates as text": lambda: pl.from_pandas(frame()).cast({"date": pl.String}),
    "polars datetimes": lambda: pl.from_pandas(frame()),
    "pyarrow": table,
    "pyarrow reader": lambda: table().to_reader(),
    "pyarrow chunks": lambda: pa.concat_tables([table().slice(0, 2), table().slice(2)]),
    "pyarrow strings": lambda: table().set_column(0, "date", pa.array([t.isoformat() for t in datetimes(None)])),
    "dict of arrays": lambda: {"ts": SECONDS, **CANDLES},
    "dict of lists": lists,
    "dict of datetime64": lambda: {"ts": SECONDS.astype("datetime64[s]"), **CANDLES},
    "dict of naive datetimes": lambda: {"ts": datetimes(None), **CANDLES},
    "dict of aware datetimes": lambda: {"ts": datetimes(dt.timezone(dt.timedelta(hours=9))), **CANDLES},
    "dict of timestamps": lambda: {"ts": list(frame()["date"]), **CANDLES},
    "dict of series": lambda: dict(frame().items()),
    "decimals": lambda: lists() | {"open": [Decimal(str(x)) for x in OPEN]},
    "records": recarray,
    "ccxt rows": rows,
    "ccxt tuples": lambda: tuple(map(tuple, rows())),
    "array of rows": lambda: np.array(rows()),
    "by pair": lambda: {"ETH/BTC": frame()},
    "by pair and kind": lambda: {"ETH/BTC": {"candle": frame()}},
    "by kind": lambda: {"candles": frame()},
    "by joined pair": lambda: {"ETHBTC": rows()},
    "pair column": lambda: frame(pair="ETH/BTC", comment="text"),
    "symbol category": lambda: frame(symbol=pd.Categorical(["ETH-BTC"] * ROWS)),
    "pair in an index": lambda: frame(pair="ETH/BTC").set_index(["pair", "date"]),
    "yfinance": lambda: pd.concat({"ETH-BTC": frame().set_index("date")}, axis=1).swaplevel(axis=1),
}


def check(loaded: Loaded, unit: int = 1) -> None:
    [series] = loaded.series
    assert (series.pair, series.kind, series.dropped) == ("ETH/BTC", "candle", 0)
    assert series.ts.dtype == np.int64
    assert series.ts.tolist() == (SECONDS * 1_000_000_000).tolist()
    assert (series.interval, series.close_ts) == (STEP * 1_000_000_000, None)
    assert list(series.columns) == list(CANDLES)
    for name, column in CANDLES.items():
        assert series.columns[name].dtype == np.float64
        assert series.columns[name].flags.c_contiguous
        assert series.columns[name].tolist() == column.tolist(), name


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_series(form: str) -> None:
    check(read(FORMS[form]()))


def write(kind: str, path: Path) -> None:
    data = table()
    if kind == "parquet":
        pa.parquet.write_table(data, path, row_group_size=4)
    elif kind == "parquet zstd":
        pa.parquet.write_table(data, path, compression="zstd")
    elif kind in ("lz4", "zstd", "uncompressed"):
        pa.feather.write_feather(data, path, compression=kind)
    elif kind == "stream":
        with pa.ipc.new_stream(path, data.schema) as out:
            out.write_table(data)
    else:
        text = frame().assign(empty="").to_csv(index=False, sep={"semicolon": ";"}.get(kind, ","))
        if kind == "numbers":
            text = pd.DataFrame(lists()).to_csv(index=True)
        mark = "\ufeff" if kind == "mark" else ""
        path.write_text(mark + text, encoding="utf-8", newline="\r\n" if kind == "crlf" else "\n")


ENDINGS = {"parquet": "parquet", "parquet zstd": "parquet", "stream": "arrow"} | dict.fromkeys(
    ("lz4", "zstd", "uncompressed"), "feather"
)
FILES = [*ENDINGS, "csv", "semicolon", "mark", "crlf", "numbers"]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["ETH_BTC", "eth-btc-5m", "ETHBTC", "candles"])
def test_every_file_gives_the_same_series(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.{ENDINGS.get(kind, 'csv')}"
    write(kind, path)
    check_without_extra(read(path))
    check_without_extra(read(str(path)))
    check_without_extra(read(tmp_path))
    check_without_extra(read({"ETH/BTC": path}))


def check_without_extra(loaded: Loaded) -> None:
    loaded.series[0].columns.pop("empty", None)
    check(loaded)


def test_a_folder_holds_a_file_per_pair_and_only_those_traded_are_read(tmp_path: Path) -> None:
    write("csv", tmp_path / "ETH_BTC.csv")
    write("lz4", tmp_path / "LTC_BTC-5m.feather")
    (tmp_path / "XRP_BTC.csv").write_text("this is no table")
    (tmp_path / "README.md").write_text("nor is this one")
    assert read(tmp_path, pairs=["ETH/BTC", "LTC/BTC"]).pairs == ["ETH/BTC", "LTC/BTC"]


def test_a_pair_column_holds_several_pairs_in_any_order() -> None:
    both = pd.concat([frame(symbol="LTC/BTC"), frame(symbol="ETHBTC")]).sort_values("date")
    loaded = read(pl.from_pandas(both), pairs=["*/BTC"])
    assert loaded.pairs == ["ETH/BTC", "LTC/BTC"]
    assert [len(series.ts) for series in loaded.series] == [ROWS, ROWS]
    assert any("'ETHBTC' is read as the pair ETH/BTC" in line for line in loaded.assumptions)


def test_several_kinds_of_a_pair() -> None:
    quotes = {"ts": SECONDS, "bid": OPEN, "ask": OPEN + 0.5, "bid_size": OPEN, "note": ["x"] * ROWS}
    trades = {
        "ts": [1, 1, 2],
        "price": [1, 2, 3],
        "Amount": [1, 0, 3],
        "side": ["buy", "SELL", ""],
        "id": [7, 8, 9],
        "cost": [1, 0, 9],
    }
    loaded = read({"ETH/BTC": {"trade": trades, "candle": frame(), "quote": quotes}})
    candle, quote, trade = loaded.series
    assert [s.kind for s in loaded.series] == ["candle", "quote", "trade"]
    assert list(quote.columns) == ["bid", "ask", "bid_size"] and quote.interval is None
    assert trade.columns["side"].tolist() == [1, -1, 0] and trade.columns["side"].dtype == np.int8
    assert trade.columns["quantity"].tolist() == [1.0, 0.0, 3.0]
    assert trade.extra.keys() == {"cost"} and candle.extra == {}
    assert trade.ts.tolist() == [10**9, 10**9, 2 * 10**9]


def test_other_columns_of_numbers_are_kept_and_may_have_holes() -> None:
    more = {"Score": [None, 1.5, np.nan, 2, 3, 4], "flag": [True] * ROWS, "n": range(ROWS), "text": ["a"] * ROWS}
    for data in (frame(**more), pl.from_pandas(frame(**more)), {**frame(**more)}):
        extra = read(data).series[0].extra
        assert list(extra) == ["Score", "flag", "n"]
        assert np.isnan(extra["Score"][[0, 2]]).all() and extra["Score"][1] == 1.5
        assert extra["flag"].tolist() == [1.0] * ROWS and extra["n"].dtype == np.float64


def test_a_stock_frame_of_several_tickers_drops_the_rows_of_other_calendars() -> None:
    one, other = frame().set_index("date"), frame().set_index("date").iloc[1:]
    wide = pd.concat({"AAPL": one, "MSFT": other}, axis=1)
    loaded = read(wide, pairs=["*"], currency="USD")
    assert [(s.pair, len(s.ts)) for s in loaded.series] == [("AAPL/USD", 6), ("MSFT/USD", 5)]
    assert sum("account currency USD" in line for line in loaded.assumptions) == 2


def test_the_input_is_never_changed() -> None:
    data = {"ts": SECONDS.copy(), **{name: column.copy() for name, column in CANDLES.items()}}
    for column in data.values():
        column.flags.writeable = False
    read(data, candle_time="close")
    assert data["ts"].tolist() == SECONDS.tolist()


SINGLES = ["arrays", "pandas", "polars", "parquet", "Float32", "float32[pyarrow]", ">f4", "masked", "packed"]


@pytest.mark.parametrize("form", SINGLES)
def test_prices_of_single_precision_mean_the_decimals_that_they_were_written_as(form: str, tmp_path: Path) -> None:
    # 34.35 as a single is 34.34999847412109, which no limit order at 34.35 would meet.
    prices = np.round(34.35 + np.random.default_rng(5).integers(0, 10**4, 500) / 100, 2)
    singles = {name: prices.astype(np.float32) for name in ("open", "high", "low", "close")}
    given: Any = {"ts": START + STEP * np.arange(500), **singles, "score": prices.astype(np.float32)}
    if form == "pandas":
        given = pd.DataFrame(given)
    if form in ("Float32", "float32[pyarrow]"):
        # One column of another kind of single beside ordinary ones: all of them mean the same.
        given = pd.DataFrame(given)
        given["close"] = given["close"].astype(form)
    if form == ">f4":
        given["close"] = given["close"].astype(form)
    if form == "masked":
        given["close"] = np.ma.masked_array(given["close"], mask=False)
    if form == "packed":
        # As `np.fromfile` gives records: no number lies where the processor would have it.
        kinds = [("flag", "u1"), ("ts", "i8"), *((name, "f4") for name in (*singles, "score"))]
        packed = np.zeros(500, dtype=kinds)
        for name, values in given.items():
            packed[name] = values
        given = {name: packed[name] for name in given}
    if form == "polars":
        given = pl.DataFrame(given)
    if form == "parquet":
        pl.DataFrame(given).write_parquet(tmp_path / "ETH_BTC.parquet")
        given = str(tmp_path / "ETH_BTC.parquet")
    (series,) = read(given).series
    np.testing.assert_array_equal(series.columns["close"], prices)
    # A column of the user's own is what it is.
    np.testing.assert_array_equal(series.extra["score"], prices.astype(np.float32).astype(np.float64))
