"""Rows out of the order of time: the fewest are dropped, and data that need sorting are refused."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom._data import Loaded, load
from pairloom._data.order import in_order
from pairloom.errors import DataError

YEAR = 365 * 86_400


def candles(ts: list[int], **columns: Any) -> dict[str, Any]:
    rows = len(ts)
    data: dict[str, Any] = {"ts": ts, "open": [1.0] * rows, "high": [2.0] * rows}
    return data | {"low": [0.5] * rows, "close": [1.5] * rows} | columns


def read(data: Any, repair: str | None = "drop", interval: int = 60) -> Loaded:
    return load(data, pairs=["A/USD"], currency="USD", interval=interval, repair=repair)


def test_one_row_far_ahead_costs_itself_alone() -> None:
    ts = [60 * (row + 1) for row in range(10_000)]
    ts[100] += YEAR
    loaded = read(candles(ts))
    [series] = loaded.series
    assert series.dropped == 1 and (series.ts // 10**9).tolist() == ts[:100] + ts[101:]
    assert 'A/USD: 1 of 10,000 candles in data dropped (repair="drop")' in loaded.assumptions
    said = "A/USD: the first row dropped is row 100, column 'ts': 1971-01-01T01:41:00Z is out of the order of time"
    assert said in loaded.assumptions


def test_the_first_row_dropped_is_named_whatever_is_wrong_with_it() -> None:
    closes: list[Any] = [1.5] * 6
    closes[2], closes[4] = "x", 5.0
    loaded = read(candles([60, 120, 180, 90, 300, 360], close=closes))
    assert "A/USD: 3 of 6 candles in data dropped" in " ".join(loaded.assumptions)
    assert "row 2, column 'close': 'x' is not a number" in " ".join(loaded.assumptions)
    loaded = read(candles([60, 120, 180, 240, 300, 360], close=[1.5, 5.0, *[1.5] * 4]))
    assert "row 1, column 'close': 5.0 does not lie between low 0.5 and high 2.0" in " ".join(loaded.assumptions)


@pytest.mark.parametrize("kind", ["descending", "shuffled"])
def test_rows_that_need_sorting_are_refused(kind: str) -> None:
    frame = pd.DataFrame(candles([60 * (row + 1) for row in range(500)]))
    frame = frame.iloc[::-1] if kind == "descending" else frame.sample(frac=1.0, random_state=7)
    with pytest.raises(DataError) as caught:
        read(frame)
    assert caught.value.code == "data.time_backwards"
    assert "of 500 times because of their order alone" in str(caught.value)
    assert 'df.sort_values("ts")' in str(caught.value)
    with pytest.raises(DataError) as caught:
        read(frame, repair=None)
    assert 'df.sort_values("ts")' in str(caught.value) and "or pass repair" not in str(caught.value)
    assert read(frame.sort_values("ts")).series[0].dropped == 0


def test_a_row_out_of_order_in_good_data_may_be_dropped() -> None:
    with pytest.raises(DataError, match=r'sort the rows by time first.*or pass repair="drop"'):
        read(candles([60, 120, 90, 240]), repair=None)


def test_candles_that_are_there_several_times_need_no_sorting() -> None:
    [series] = read(candles([60, 60, 60, 120, 120, 120, 180, 180, 180], open=[1.0, 1.1, 1.2] * 3)).series
    assert series.columns["open"].tolist() == [1.0] * 3


def test_closes_out_of_order_go_too() -> None:
    [series] = read(candles([60, 120, 180, 240], close_time=[120, 9_000, 240, 300])).series
    assert (series.ts // 10**9).tolist() == [60, 180, 240]


@given(st.lists(st.integers(0, 8), max_size=9), st.booleans())
def test_nothing_longer_is_in_order(values: list[int], repeats: bool) -> None:
    def fits(chain: tuple[int, ...]) -> bool:
        return all(a <= b if repeats else a < b for a, b in pairwise(chain))

    kept = in_order(np.array(values, dtype=np.int64), repeats=repeats)
    rows = np.flatnonzero(kept).tolist()
    longest = max(n for n in range(len(values) + 1) if any(fits(c) for c in combinations(values, n)))
    assert fits(tuple(values[row] for row in rows)) and len(rows) == longest
    # Of equally long chains it is the one with the earliest rows.
    choices = (c for c in combinations(range(len(values)), longest) if fits(tuple(values[row] for row in c)))
    assert tuple(rows) == min(choices)


def test_times_that_may_repeat_stay() -> None:
    quotes = {"ts": [1, 2, 2, 2, 1, 3], "bid": [1.0] * 6, "ask": [2.0] * 6}
    [series] = read({"quote": quotes}).series
    assert (series.ts // 10**9).tolist() == [1, 2, 2, 2, 3]
