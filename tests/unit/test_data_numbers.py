"""Numbers that are times or prices, or look like them: kept to the last digit, or refused with the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
