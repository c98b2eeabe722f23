"""Numbers that are times or prices, or look like them: kept to the last digit, or refused with the way out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from data_reading import Reading

NANOS = [1_704_103_200_123_456_789 + row * 60_000_000_001 for row in range(5)]


def candles(ts: Any, **more: Any) -> dict[str, Any]:
    flat = [1.0] * len(ts)
    return {"ts": ts, "open": flat, "high": flat, "low": flat, "close": flat, **more}


DATA = Reading("ETH/USD")
read = DATA.read


def refused(data: Any, **options: Any) -> str:
    return str(DATA.refused(data, **options))


STAMPS = pd.date_range("2023-12-31 21:00", periods=5, freq="h") + pd.Timedelta("59min")
FORMS = {"%Y%m%d%H": "YYYYMMDDHH", "%Y%m%d%H%M": "YYYYMMDDHHMM", "%Y%m%d%H%M%S": "YYYYMMDDHHMMSS"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["int64", "float64", "object", "file"])
@pytest.mark.parametrize("repair", [None, "drop"])
def test_dates_written_as_numbers_are_no_times(form: str, kind: str, repair: str | None, tmp_path: Path) -> None:
    numbers = STAMPS.strftime(form).astype("int64")
    data = pd.DataFrame(candles(numbers if kind == "file" else numbers.astype(kind)))
    if kind == "file":
        data.to_csv(tmp_path / "ETH_USD.csv", index=False)
    error = refused(tmp_path if kind == "file" else data, repair=repair)
    for part in ("row 0, column 'ts'", f"number, {FORMS[form]}", f"format='{form}'", "write 2018-01-10 04:55"):
        assert part in error, error


@pytest.mark.parametrize(
    "days", [[45_292 + row / 24 for row in range(5)], [45_292.0, 45_293.0], [45_292, 45_293, 45_296]]
)
def test_days_of_a_spreadsheet_are_no_times(days: list[float]) -> None:
    error = refused(candles(days))
    assert f"{days[0]} looks like Excel's days" in error and "origin='1899-12-30'" in error


@pytest.mark.parametrize(
    "ts",
    [
        [1_704_067_200, 1_704_070_800],
        [2_024_010_109, 2_024_010_169],
        [202_401_010_960, 202_401_011_060],
        [36_000, 36_060, 36_120],
        [29_000.5, 45_000.5],
        [1_956_528_060, 1_956_528_120],
    ],
)
def test_numbers_that_are_times_stay_times(ts: list[float]) -> None:
    assert read(candles(ts)).rows == len(ts)


def spoilt(kind: str) -> Any:
    series = pd.Series([*NANOS[:2], None, *NANOS[3:]], dtype=kind)
    return pd.DataFrame(candles(series))


@pytest.mark.parametrize("kind", ["Int64", "int64[pyarrow]", "object"])
def test_a_missing_cell_rounds_no_other_time(kind: str) -> None:
    loaded = read(spoilt(kind), repair="drop")
    assert loaded.series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
    assert "row 2, column 'ts'" in refused(spoilt(kind))


@pytest.mark.parametrize("hole", [0, 2, 4])
def test_a_missing_cell_of_a_file_rounds_no_other_time(hole: int, tmp_path: Path) -> None:
    cells = [str(nanos) for nanos in NANOS]
    cells[hole] = ""
    rows = [f"{cell},1,1,1,1" for cell in cells]
    (tmp_path / "ETH_USD.csv").write_text("\n".join(["Ts,open,high,low,close", *rows, ""]))
    kept = [nanos for row, nanos in enumerate(NANOS) if row != hole]
    assert read(tmp_path, repair="drop").series[0].ts.tolist() == kept
    assert f"row {hole}, column 'Ts'" in refused(tmp_path)


def test_a_word_among_the_times_of_a_file_rounds_no_other_time(tmp_path: Path) -> None:
    rows = [f"{cell},1,1,1,1" for cell in [*NANOS[:3], "later", NANOS[4]]]
    (tmp_path / "ETH_USD.csv").write_text("\n".join(["ts,open,high,low,close", *rows, ""]))
    assert read(tmp_path, repair="drop").series[0].ts.tolist() == [*NANOS[:3], NANOS[4]]


def test_decimals_of_a_file_with_a_missing_cell_stay_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame(candles([*np.array(NANOS[:3], dtype=float), None, float(NANOS[4])]))
    frame.to_csv(tmp_path / "ETH_USD.csv", index=False)
    assert read(tmp_path, repair="drop").rows == 4


def test_missing_integers_are_missing_numbers() -> None:
    frame = pd.DataFrame(candles([60, 120, 180], score=pd.array([1, None, 3], dtype="Int64")))
    extra = read(frame).series[0].extra["score"]
    assert extra[0] == 1.0 and np.isnan(extra[1]) and extra[2] == 3.0
    table = pa.table(candles([60, 120, 180], score=pa.array([1, None, 3])))
    assert np.isnan(read(table).series[0].extra["score"][1])


HALVES: dict[str, Any] = {
    "arrays": lambda data: data,
    "masked": lambda data: data | {"close": np.ma.masked_array(data["close"], mask=False)},
    "pandas": pd.DataFrame,
    "halffloat[pyarrow]": lambda data: pd.DataFrame(data).astype({"close": "halffloat[pyarrow]"}),
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("form", HALVES)
def test_prices_of_half_precision_mean_the_decimals_that_they_were_written_as(form: str) -> None:
    prices = np.array([0.1, 1.7, 3.14, 25.5])
    data = candles(np.arange(60, 300, 60)) | dict.fromkeys(("open", "high", "low", "close"), prices.astype(np.float16))
    (series,) = read(HALVES[form](data)).series
    assert series.columns["close"].tolist() == prices.tolist()


@pytest.mark.parametrize("kind", ["float16", "float32"])
@pytest.mark.parametrize(
    "form",
    [
        lambda ts: candles(ts),
        lambda ts: candles(np.ma.masked_array(ts, mask=False)),
        lambda ts: pd.DataFrame(candles(ts)),
        lambda ts: pd.DataFrame(candles([1] * len(ts))).assign(ts=pd.array(ts, dtype="Float32")),
        lambda ts: pa.table(candles(ts)),
        lambda ts: candles([60, 120, 180], close_time=ts),
    ],
)
def test_times_in_floats_that_are_too_coarse_are_refused(form: Any, kind: str) -> None:
    """A float32 of today's seconds is right to 128 of them."""
    error = refused(form(np.array([60, 120, 180], dtype=kind)))
    assert "column 'ts'" in error or "column 'close_time'" in error
    assert "holds float" in error and "give int64 or datetimes" in error


MISSING = [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")]
KINDS: dict[str, list[Any]] = {
    "text": ["2018-01-10", "2018-01-11", "2018-01-12", "2018-01-13"],
    "datetimes": list(pd.date_range("2018-01-10", periods=4)),
    "numbers": NANOS[:4],
}


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: f"{type(value).__name__}-{value}")
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_without_a_time_condemns_no_other(kind: str, missing: Any) -> None:
    cells = [*KINDS[kind][:2], missing, KINDS[kind][3]]
    whole = read(candles(KINDS[kind])).series[0].ts.tolist()
    series = pd.Series(cells, dtype=object)
    for data in (candles(cells), candles(series), pd.DataFrame(candles(series))):
        assert "row 2, column 'ts'" in refused(data)
        assert read(data, repair="drop").series[0].ts.tolist() == [*whole[:2], whole[3]]


def test_text_in_a_column_of_pandas_with_a_missing_cell() -> None:
    frame = pd.DataFrame(candles(pd.Series([*KINDS["text"][:2], None, KINDS["text"][3]])))
    assert "row 2, column 'ts'" in refused(frame)
    assert read(frame, repair="drop").rows == 3


@pytest.mark.parametrize(
    "form",
    [
        lambda data: pd.DataFrame(data).astype({"ts": "UInt64"}),
        lambda data: pd.DataFrame(data).astype({"ts": "uint64[pyarrow]"}),
        lambda data: pa.table(data),
        lambda data: data,
    ],
)
def test_unsigned_integers_beyond_the_signed_ones_are_named_as_they_are(form: Any) -> None:
    ts = np.array([*NANOS[:2], 2**63 + 5, *NANOS[3:]], dtype=np.uint64)
    data = form(candles(ts))
    assert f"row 2, column 'ts': {2**63 + 5} is no time" in refused(data)
    assert read(data, repair="drop").series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
    flat = np.array([2**63 + 5] * 5, dtype=np.uint64)
    prices = form(candles(NANOS) | dict.fromkeys(("open", "high", "low", "close"), flat) | {"ts": ts * 0 + NANOS})
    assert read(prices).series[0].columns["close"].tolist() == [float(2**63 + 5)] * 5


@pytest.mark.parametrize("of", [pl.Series, pa.array, lambda cells: pa.chunked_array([cells[:2], cells[2:]])])
def test_a_missing_cell_of_a_column_in_a_dict_rounds_no_other_time(of: Any) -> None:
    data = candles(of([*NANOS[:2], None, *NANOS[3:]]))
    assert read(data, repair="drop").series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
    assert "row 2, column 'ts'" in refused(data)
    masked = candles(np.ma.masked_array(NANOS, mask=[False, False, True, False, False]))
    assert read(masked, repair="drop").series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
    holes = read(candles(NANOS, score=of([1, 2, None, 4, 5]))).series[0].extra["score"]
    assert np.isnan(holes[2]) and holes[3] == 4.0


@pytest.mark.parametrize("wrong", [10**400, Decimal("sNaN"), "oops"])
def test_a_number_that_no_float_holds_is_dropped_like_others(wrong: Any) -> None:
    data = candles(NANOS) | {key: [1.0, 1, wrong, 1, 1] for key in ("open", "high", "low", "close")}
    assert "row 2, column 'open'" in refused(data)
    assert read(data, repair="drop").series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
    times = candles([*NANOS[:2], wrong, *NANOS[3:]])
    assert read(times, repair="drop").series[0].ts.tolist() == [*NANOS[:2], *NANOS[3:]]
