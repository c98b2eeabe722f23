"""A table of a result as Python's own idioms take it: columns, rows, parts, iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import pairloom
from pairloom import Engine, Result


@pytest.fixture(scope="module")
def result() -> Result:
    engine = Engine(cash={"USD": 10_000}, account="margin")
    engine.trade("*", "sma_cross", size=1, fast=3, slow=8)
    return engine.backtest(pairloom.synthetic(3, rows=200, seed=1), progress=False)


def test_a_row_has_the_values_of_the_columns(result: Result) -> None:
    fills = result.fills
    assert len(fills) > 20
    for number in (0, 7, -1, -len(fills)):
        row = fills[number]
        assert list(row) == fills.columns
        assert all(row[name] == fills[name][number] for name in fills.columns)


def test_rows_are_iterated_and_make_a_frame(result: Result) -> None:
    rows = list(result.fills)
    assert [row["order_id"] for row in rows] == list(result.fills["order_id"])
    frame = pd.DataFrame(result.fills)
    known = result.fills.to_pandas()
    assert list(frame.columns) == list(known.columns)
    assert (frame["price"] == known["price"]).all()
    assert (frame["ts"].dt.tz_localize("UTC") == known["ts"]).all()
    # A round trip that is open has no exit, however it is read.
    trades = result.trades
    assert [row["exit_ts"] for row in trades][-1] is not None
    assert np.isnat(trades[-1]["exit_ts"]) == np.isnat(trades["exit_ts"][-1])


@pytest.mark.parametrize("part", [slice(5), slice(-3, None), slice(2, 9), slice(9, 2), slice(0, 10**6)])
def test_a_part_is_a_table(result: Result, part: slice) -> None:
    found = result.fills[part]
    assert found.columns == result.fills.columns
    pd.testing.assert_frame_equal(
        found.to_pandas(), result.fills.to_pandas()[part].reset_index(drop=True), check_dtype=False
    )


@pytest.mark.parametrize(
    ("key", "error", "said"),
    [
        (10**6, IndexError, "there is no row 1000000: fills: "),
        (-(10**6), IndexError, "there is no row -1000000"),
        ("prices", KeyError, "has no column 'prices'; it has ts, trader"),
        (1.5, TypeError, "a column by name, or for rows by number"),
        (slice(None, None, 2), ValueError, "without a step; to_pandas"),
    ],
)
def test_what_is_not_there_is_named(result: Result, key: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        result.fills[key]


def test_a_table_has_its_columns_in_it(result: Result) -> None:
    assert "price" in result.fills and "prices" not in result.fills
    assert list(result.fills[0:0]) == []


def test_columns_of_a_frame_have_the_same_types_without_rows() -> None:
    data = pairloom.synthetic(1, rows=20, seed=1)
    engine = Engine(cash={"USD": 1})
    engine.trade("*", "simple", size=1)
    with pytest.warns(pairloom.RefusalWarning):
        poor = engine.backtest(data, progress=False)
    rich = Engine(cash={"USD": 1_000_000})
    rich.trade("*", "simple", size=1)
    full, empty = poor.refusals.to_pandas(), rich.backtest(data, progress=False).refusals.to_pandas()
    assert (len(full) > 0, len(empty)) == (True, 0)
    assert dict(empty.dtypes) == dict(full.dtypes)
