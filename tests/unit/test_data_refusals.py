"""Wrong data are refused by name, with the way out, or dropped when that was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairloom
from data_reading import Reading
from pairloom._data import load
from pairloom.errors import DataError

ROWS = 5


def candles(**changes: Any) -> dict[str, Any]:
    """Five good candles with some columns replaced; ``None`` removes one."""
    data: dict[str, Any] = {"ts": [60, 120, 180, 240, 300], "open": [1.0] * ROWS}
    data |= {"high": [2.0] * ROWS, "low": [0.5] * ROWS, "close": [1.5] * ROWS, "volume": [1.0] * ROWS}
    return {name: column for name, column in (data | changes).items() if column is not None}


def test_what_is_no_data_is_named():
    feed = pairloom.SyntheticFeed(["ETH/BTC"])
    for data, said in [
        (3, "an int is no market data"),
        (None, "a NoneType is no market data"),
        (feed, "engine.start(feed)"),
    ]:
        with pytest.raises(DataError, match=r"no market data|recorded data") as caught:
            load(data, pairs=["ETH/BTC"], currency="BTC")
        assert said in str(caught.value)
        assert caught.value.code == "data.type"


def test_the_column_that_is_wrong_is_named():
    with pytest.raises(DataError, match=r"column 'low': 3.0 is above high 2.0"):
        load({"ETH/BTC": candles(low=[0.5, 3.0, 0.5, 0.5, 0.5])}, pairs=["ETH/BTC"], currency="BTC")


def spoilt(value: Any, row: int = 2, good: Any = 1.0) -> list[Any]:
    column = [good] * ROWS
    column[row] = value
    return column


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(candles(**changes))


DATA = Reading("ETH/BTC")
read = DATA.read
refused = DATA.refused


NAN, INF = float("nan"), float("inf")
MIXED = ["2018-01-10", "2018-01-11 00:00", "2018-01-12T00:00+01:00", "2018-01-13", "2018-01-14"]
QUOTES = {"ts": [1, 2, 3], "bid": [1.0, 1.0, 1.0], "ask": [2.0, 2.0, 2.0]}
TRADES = {"ts": [1, 2, 3], "price": [1.0, 1.0, 1.0], "quantity": [2.0, 2.0, 2.0]}

#: What is given, the code, and what the message names: origin, pair, row, column, value, way out.
TABLES: list[tuple[Any, str, list[str]]] = [
    (
        candles(ts=[60, 120, 180, 170, 300]),
        "data.time_backwards",
        ["data, pair ETH/BTC, row 3, column 'ts'", "1970-01-01T00:02:50Z", "00:03:00Z", "sort"],
    ),
    (frame().iloc[::-1], "data.time_backwards", ["row 1", "column 'ts'", "sort", 'repair="drop"']),
    (candles(ts=[60, 120, 120, 240, 300]), "data.duplicate_time", ["row 2", "'ts'", "two candles"]),
    (candles(open=spoilt(NAN)), "data.price_not_finite", ["row 2, column 'open'", "nan", "repair"]),
    (frame(Close=None, close=spoilt(INF, 4, 1.5)), "data.price_not_finite", ["row 4", "inf"]),
    (candles(low=spoilt(0.0, 0, 0.5)), "data.price_not_positive", ["row 0", "'low'", "0.0"]),
    (candles(open=spoilt(-1.0)), "data.price_not_positive", ["row 2", "'open'", "-1.0", "repair"]),
    (candles(high=spoilt(1e20, 2, 2.0)), "data.price_range", ["row 2", "'high'", "1e+20"]),
    (candles(ts=np.array([2**63 + 5] * ROWS, dtype=np.uint64)), "data.time", ["row 0", "9223372036854775813"]),
    ({"ETH/BTC": {"candle": {"candle": candles()}}}, "data.type", ["column 'candle'", "not an array"]),
    ([frame()], "data.type", ["row 0", "a list means rows"]),
    ("", "data.not_found", ["names no file"]),
    (candles(open=spoilt(2.5)), "data.high_low", ["row 2", "'open'", "2.5", "low 0.5", "high 2.0"]),
    (candles(low=spoilt(3.0, 1, 0.5)), "data.high_low", ["row 1", "'low'", "3.0", "high 2.0"]),
    (candles(volume=spoilt(-0.5)), "data.volume", ["row 2", "'volume'", "-0.5", "repair"]),
    (candles(volume=spoilt(None)), "data.volume", ["row 2", "'volume'", "nan"]),
    (candles(close_time=[61, 121, 180, 300, 301]), "data.close_time", ["row 2", "'close_time'"]),
    (candles(close=None, volume=None), "data.missing_column", ["'close'", "ts, open, high, low"]),
    (candles(ts=None), "data.missing_column", ["times", "DatetimeIndex", "open"]),
    ({"ts": [1], "last": [2]}, "data.missing_column", ["'open'", "last", "bid and ask"]),
    (candles(high=[2.0] * 4), "data.length", ["'high' 4", "'open' 5", "one value per row"]),
    (candles(open=np.ones((ROWS, 1))), "data.shape", ["'open'", "(5, 1)", "one-dimensional"]),
    (candles(open=1.0), "data.type", ["'open'", "1.0", "one value per row"]),
    (np.ones((4, 3)), "data.shape", ["(4, 3)", "rows of 5 or 6"]),
    (candles(open=spoilt("1,5")), "data.text", ["row 2", "'open'", "'1,5'", "astype(float)"]),
    (candles(open=spoilt(10**400)), "data.text", ["row 2", "'open'", "1000", "larger than any float", "repair"]),
    (candles(open=spoilt(10**5000)), "data.text", ["row 2", "'open'", "larger than any float", "repair"]),
    (candles(open=spoilt(Decimal("sNaN"))), "data.text", ["row 2", "'open'", "sNaN", "not a number", "repair"]),
    (candles(open=spoilt("oops")), "data.text", ["row 2", "'open'", "not a number", "repair"]),
    (candles(ts=spoilt(10**400, good=60)), "data.time", ["row 2", "'ts'", "repair"]),
    (candles(open=["1.5"] * ROWS), "data.text", ["row 0", "'open'", "'1.5'", "astype(float)"]),
    (pl.DataFrame(candles(open=["1.5"] * ROWS)), "data.text", ["row 0", "'open'", "'1.5'"]),
    (frame(open=spoilt(True)), "data.text", ["row 2", "'open'", "True"]),
    (candles(open=[True] * ROWS), "data.text", ["row 0", "'open'", "True"]),
    (candles(open=frame().ts.astype("datetime64[ns]")), "data.text", ["'open'", "not a number"]),
    ({name: [] for name in candles()}, "data.empty", ["no rows", "at least one"]),
    (frame().iloc[:0], "data.empty", ["data", "no rows"]),
    ([], "data.empty", ["no rows"]),
    ({}, "data.empty", ["empty dict"]),
    (candles(ts=spoilt("soon", good="2018-01-10")), "data.time", ["row 2", "'ts'", "'soon'", "ISO"]),
    (candles(ts=[20180110 + i for i in range(ROWS)]), "data.time", ["20180110", "'ts'", "to_datetime"]),
    (candles(ts=[10**9, 2 * 10**9, 3 * 10**12, 4 * 10**9, 5 * 10**9]), "data.time", ["row 2", "3000000000000", "unit"]),
    (candles(ts=[60, 120, None, 240, 300]), "data.time", ["row 2", "None", "repair"]),
    (candles(ts=[True] * ROWS), "data.time", ["row 0", "True"]),
    (candles(ts=np.array(["2018", "NaT", "2020", "2021", "2022"], "M8[s]")), "data.time", ["row 1", "NaT"]),
    (candles(ts=np.array(["2018", "2019", "2500", "2501", "2502"], "M8[s]")), "data.time", ["row 2", "2500"]),
    (
        candles(ts=[dt.datetime(2018, 1, d, tzinfo=dt.timezone.utc if d == 3 else None) for d in range(1, 6)]),
        "data.time_zone",
        ["row 2", "'ts'", "UTC"],
    ),
    (candles(ts=MIXED), "data.time_zone", ["row 2", "'ts'", "'2018-01-12T00:00+01:00'", "UTC"]),
    (pl.DataFrame(candles(ts=MIXED)), "data.time_zone", ["row 2", "'ts'", "'2018-01-12T00:00+01:00'", "UTC"]),
    (frame(ts=pd.Series(MIXED, dtype="string")), "data.time_zone", ["row 2", "'ts'", "UTC"]),
    (pl.DataFrame({**candles(ts=None), "ts": [["a"]] * ROWS}), "data.time", ["'ts'", "datetimes"]),
    (frame().rename(columns={"volume": "Open"}), "data.duplicate_column", ["'open'", "'Open'", "drop"]),
    (frame().set_index(pd.period_range("2018", periods=ROWS, freq="D")), "data.time", ["to_timestamp"]),
    (frame()["open"], "data.type", ["single column", "frame"]),
    (pl.Series([1.0]), "data.type", ["single column"]),
    (pl.DataFrame(candles()).lazy(), "data.type", ["collect"]),
    (frame().to_dict("records"), "data.type", ["list of dicts", "DataFrame(rows)"]),
    ([1, 2, 3], "data.type", ["row 0", "1", "milliseconds"]),
    ([[60_000, 1, 1, 1, 1, 1], [120_000, 1, 1]], "data.length", ["row 1", "3 values"]),
    ([[60_000, 1, 1, 1]], "data.length", ["row 0", "4 values", "milliseconds"]),
    (42, "data.type", ["int", "path to a CSV"]),
    (None, "data.type", ["NoneType", "dict"]),
    ({"ETH/BTC": None}, "data.type", ["data['ETH/BTC']", "NoneType"]),
    ({"ETH/BTC": {"candel": candles()}}, "data.kind", ["data['ETH/BTC']", "'candel'", "candle, quote"]),
    ({"ETH/BTC": {"quote": candles()}}, "data.missing_column", ["data['ETH/BTC']['quote']", "'bid'"]),
    ({7: candles()}, "data.pair_name", ["7", "'ETH/BTC'"]),
    ({"BTC/USDT:USDT": candles()}, "data.pair_name", ["'BTC/USDT:USDT'"]),
    ({"ETH/USDT": candles(), "ETC/BTC": candles()}, "data.unknown_pair", ["ETH/BTC", "ETC/BTC", "add its data"]),
    (frame(pair=spoilt(None, good="ETH/BTC")), "data.pair_name", ["row 2", "'pair'", "ETH/BTC"]),
    (frame(pair=spoilt("a b", good="ETH/BTC")), "data.pair_name", ["row 2", "'a b'", "BASE/QUOTE"]),
    ({"ETH/BTC": frame(pair="LTC/BTC")}, "data.pair_name", ["ETH/BTC", "LTC/BTC"]),
    ({"ETH/BTC": frame(), "ETH-BTC": frame()}, "data.duplicate_pair", ["data['ETH-BTC']", "join"]),
    (
        {"quote": QUOTES | {"ask": [2.0, 0.0, 2.0]}},
        "data.price_not_positive",
        ["data['quote'], pair ETH/BTC, row 1, column 'ask'", "0.0"],
    ),
    ({"quote": QUOTES | {"ts": [1, 3, 2]}}, "data.time_backwards", ["row 2", "'ts'"]),
    ({"quote": QUOTES | {"ask_size": [1, -1, 1]}}, "data.volume", ["row 1", "'ask_size'", "-1.0"]),
    ({"trade": TRADES | {"price": [1, NAN, 1]}}, "data.price_not_finite", ["row 1", "'price'"]),
    ({"trade": TRADES | {"quantity": [1, 1, INF]}}, "data.volume", ["row 2", "'quantity'", "inf"]),
    ({"trade": TRADES | {"side": ["buy", "hold", "sell"]}}, "data.side", ["row 1", "'hold'", "buy"]),
    ({"trade": TRADES | {"side": [1, -1, 5]}}, "data.side", ["row 2", "5"]),
]


@pytest.mark.parametrize(("data", "code", "named"), TABLES, ids=range(len(TABLES)))
def test_wrong_tables_are_refused_by_name(data: Any, code: str, named: list[str]) -> None:
    error = refused(data)
    assert error.code == code, error
    for part in named:
        assert part in str(error), str(error)


#: Options that are wrong for five good candles a minute apart.
OPTIONS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"candle_time": "end"}, "data.candle_time", ["'end'", '"open" or "close"']),
    ({"repair": "fill"}, "data.repair", ["'fill'", '"drop"']),
    ({"repair": True}, "data.repair", ["True", '"drop"']),
    ({"interval": "1M"}, "data.interval", ["'1M'", "close_time"]),
    ({"interval": "soon"}, "data.interval", ["'soon'", "5m"]),
    ({"interval": 0}, "data.interval", ["0", "above zero"]),
    ({"interval": -60}, "data.interval", ["-60"]),
    ({"interval": NAN}, "data.interval", ["nan"]),
    ({"interval": "1h"}, "data.interval", ["ETH/BTC", "1h", "1m", "overlap"]),
    ({"interval": {"LTC/BTC": "1m"}}, "data.interval", ["'LTC/BTC'", "ETH/BTC"]),
    ({"pairs": ["*"]}, "data.unknown_pair", ["*", "ETH_BTC.csv", "'pair'"]),
    ({"pairs": ["ETH/BTC", "LTC/BTC"]}, "data.unknown_pair", ["LTC/BTC", "dict"]),
]


@pytest.mark.parametrize(("options", "code", "named"), OPTIONS, ids=range(len(OPTIONS)))
def test_wrong_options_are_refused_by_name(options: dict[str, Any], code: str, named: list[str]) -> None:
    error = refused(candles(), **options)
    assert error.code == code, error
    for part in named:
        assert part in str(error), str(error)


def test_a_lone_candle_needs_an_interval() -> None:
    error = refused({name: column[:1] for name, column in candles().items()})
    assert error.code == "data.interval" and "single candle" in str(error) and "5m" in str(error)


def test_two_meanings_of_a_close_time_are_refused() -> None:
    error = refused(candles(close_time=[1] * ROWS), candle_time="close")
    assert error.code == "data.candle_time" and "'ts'" in str(error)


CSV = "ts,open,high,low,close,volume\n60,1,2,0.5,1.5,1\n120,1,2,0.5,1.5,1\n"
FILES: list[tuple[str, bytes, str, list[str]]] = [
    ("ETH_BTC.csv", b"", "data.empty", ["empty file"]),
    ("ETH_BTC.csv", b"ts,open,high,low,close\n", "data.empty", ["no rows"]),
    ("ETH_BTC.csv", b"60,1,2,0.5,1.5\n120,1,2,0.5,1.5\n", "data.no_header", ["60,1,2", "header"]),
    ("ETH_BTC.csv", CSV.encode() + b"180,1,2", "data.length", ["row 2", "3 values", "6"]),
    ("ETH_BTC.csv", CSV.encode() + b"180,oops,2,0.5,1.5,1\n", "data.text", ["row 2", "'open'", "'oops'"]),
    ("ETH_BTC.csv", CSV.encode() + b"180,,2,0.5,1.5,1\n", "data.price_not_finite", ["row 2", "'open'", "nan"]),
    ("ETH_BTC.csv", CSV.encode() + b"later,1,2,0.5,1.5,1\n", "data.time", ["row 2", "'ts'", "'later'"]),
    ("ETH_BTC.csv", b"\n\n", "data.empty", ["is empty but for blank lines"]),
    ("ETH_BTC.csv", CSV.encode("utf-16"), "data.corrupt", ["UTF-8"]),
    ("ETH_BTC.csv", b"\x1f\x8b\x08\x00abc", "data.file_type", ["unpack"]),
    ("ETH_BTC.json", b"{}", "data.file_type", [".csv", ".parquet"]),
    ("ETH_BTC.parquet", b"PAR1 cut short", "data.corrupt", ["damaged"]),
    ("ETH_BTC.parquet", CSV.encode(), "data.corrupt", ["'.parquet'"]),
    ("ETH_BTC.feather", b"ARROW1\x00\x00 cut short", "data.corrupt", ["damaged"]),
    ("ETH_BTC.feather", b"FEA1....", "data.file_type", ["version 1", "to_feather"]),
    ("LTC_BTC.csv", CSV.encode(), "data.unknown_pair", ["ETH/BTC", "LTC/BTC"]),
    (
        "ETH_BTC.csv",
        b"ts,open,high,low,close\n2018-01-10,1,1,1,1\n,1,1,1,1\n2018-01-12T00:00Z,1,1,1,1\n",
        "data.time_zone",
        ["row 2", "'ts'", "2018-01-12T00:00Z"],
    ),
]


@pytest.mark.parametrize(("name", "content", "code", "named"), FILES, ids=range(len(FILES)))
def test_wrong_files_are_refused_by_name(
    name: str, content: bytes, code: str, named: list[str], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error = refused(path)
    assert error.code == code, error
    for part in [*named] if code == "data.unknown_pair" else [str(path), *named]:
        assert part in str(error), str(error)


@pytest.mark.parametrize("repair", [None, "drop"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize(("row", "column"), [(0, "ts"), (3, "close"), (3, "volume"), (11, "ts"), (11, "volume")])
def test_a_lone_quote_swallows_no_rows(row: int, column: str, ending: str, repair: str | None, tmp_path: Path) -> None:
    names = ["ts", "open", "high", "low", "close", "volume"]
    cells = [dict.fromkeys(names, "1") | {"ts": str(60 * at)} for at in range(12)]
    cells[row][column] = '"' + cells[row][column]
    lines = [",".join(each.values()) for each in cells]
    path = tmp_path / "ETH_BTC.csv"
    path.write_bytes((ending or "\n").join([",".join(names), *lines]).encode() + ending.encode())
    error = refused(path, repair=repair)
    assert error.code == "data.corrupt", error
    assert f"{path} has a quote that nothing closes, in row {row}, column '{column}'" in str(error)


def test_quotes_that_are_closed_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ETH_BTC.csv"
    lines = ['"ts",open,high,low,close,note', '60,1,1,1,"1","a ""b"", c\nd"', '120,1,1,1,1,"x"" "', '180,1,1,1,1,x"y']
    path.write_text("\n".join(lines))
    assert read(path).rows == 3
    path.write_text("\n\n" + "\n".join(lines[:-1]))
    assert read(path).rows == 2
    path.write_text('ts,open,high,low,close,"note\n60,1,1,1,1,1\n')
    assert "a quote that nothing closes, in the header" in str(refused(path))


def test_a_codec_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ETH_BTC.parquet"
    frame().to_parquet(path, compression="brotli")
    error = refused(path)
    assert error.code == "data.file_type", error
    assert str(path) in str(error) and "brotli" in str(error) and "zstd" in str(error)


def test_a_truncated_file_is_named_wherever_it_ends(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "ETH_BTC.parquet"
    for write in (frame().to_parquet, frame().to_feather):
        write(whole)
        content = whole.read_bytes()
        for length in range(8, len(content), 97):
            cut.write_bytes(content[:length])
            error = refused(cut)
            assert error.code == "data.corrupt" and str(cut) in str(error), (length, error)


def write_stream(path: Path) -> None:
    table = pa.Table.from_pandas(frame())
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(path, table.schema, options=options) as out:
        out.write_table(table)


WRITERS: list[Callable[[Path], None]] = [
    frame().to_parquet,
    frame().to_feather,
    lambda path: frame(pair=pd.Categorical(["ETH/BTC"] * ROWS)).to_feather(path, compression="zstd"),
    lambda path: frame().to_feather(path, compression="uncompressed"),
    write_stream,
]


@given(st.data())
def test_a_damaged_file_is_refused_or_read_but_never_breaks_python(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ETH_BTC.parquet"
        data.draw(st.sampled_from(WRITERS))(path)
        content = bytearray(path.read_bytes())
        for at in data.draw(st.lists(st.integers(8, len(content) - 1), min_size=1, max_size=4)):
            content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        try:
            read(path)
        except DataError as error:
            assert error.code.startswith("data.")


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    error = refused(tmp_path / "ETH_BTX.csv")
    assert error.code == "data.not_found" and "ETH_BTC.csv" in str(error)
    error = refused(tmp_path / "no" / "ETH_BTC.csv")
    assert error.code == "data.not_found" and str(tmp_path / "no") in str(error)


def test_a_folder_without_tables(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    (tmp_path / "candles").mkdir()
    error = refused(tmp_path)
    assert error.code == "data.empty" and "candles" in str(error) and str(tmp_path) in str(error)


def test_two_files_of_one_pair(tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    (tmp_path / "ETHBTC.csv").write_text(CSV)
    error = refused(tmp_path)
    assert error.code == "data.duplicate_pair"
    assert "ETH_BTC.csv" in str(error) and "ETHBTC.csv" in str(error)


def test_rows_are_counted_in_the_input_even_where_pairs_are_mixed() -> None:
    mixed = frame(pair=["A/BTC", "B/BTC", "A/BTC", "B/BTC", "A/BTC"], open=spoilt(-1.0, 4))
    error = refused(mixed, pairs=["*"])
    assert "pair A/BTC, row 4, column 'open'" in str(error)


REPAIRS: list[tuple[dict[str, Any], list[int]]] = [
    ({"open": spoilt(-1.0)}, [2]),
    ({"open": spoilt("x")}, [2]),
    ({"ts": [60, 120, 120, 90, 300]}, [2, 3]),
    ({"ts": [60, 120, None, 240, 300], "volume": spoilt(NAN, 0)}, [0, 2]),
    ({"ts": [60, 9000, 180, 240, 300], "high": spoilt(0.1, 1, 2.0)}, [1]),
]


@pytest.mark.parametrize(("changes", "dropped"), REPAIRS, ids=range(len(REPAIRS)))
def test_repair_drops_exactly_the_wrong_rows_and_says_how_many(changes: dict[str, Any], dropped: list[int]) -> None:
    loaded = read(candles(**changes, score=list(range(ROWS))), repair="drop")
    [series] = loaded.series
    kept = [row for row in range(ROWS) if row not in dropped]
    assert series.extra["score"].tolist() == kept
    assert series.ts.tolist() == [60 * 10**9 * (row + 1) for row in kept]
    assert series.dropped == len(dropped)
    said = f'ETH/BTC: {len(dropped)} of 5 candles in data dropped (repair="drop")'
    assert said in loaded.assumptions


def test_repair_that_leaves_nothing_is_refused() -> None:
    error = refused(candles(open=[-1.0] * ROWS), repair="drop")
    assert error.code == "data.empty" and "none of 5 rows" in str(error)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20),
            *[st.sampled_from([0.5, 1.0, 2.0, 0.0, -1.0, NAN, INF]) for _ in range(4)],
        ),
        min_size=2,
        max_size=10,
    )
)
def test_what_repair_leaves_is_accepted_as_it_is(rows: list[tuple[float, ...]]) -> None:
    names = ("ts", "open", "high", "low", "close")
    data = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    try:
        [series] = read(data, repair="drop", interval=1).series
    except DataError as error:
        assert error.code in ("data.empty", "data.time_backwards")
        return
    again = {"ts": series.ts.view("M8[ns]"), **series.columns}
    [same] = read(again, interval=1).series
    assert same.ts.tolist() == series.ts.tolist() and same.dropped == 0
