"""``pairloom.synthetic`` gives the rows its description promises, and names what is wrong in its arguments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairloom
from unit.synthetic_reference import Walk

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z

COLUMNS = {
    "candle": ["ts", "open", "high", "low", "close", "volume"],
    "quote": ["ts", "bid", "ask", "bid_size", "ask_size"],
    "trade": ["ts", "price", "quantity", "side"],
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("missing", [0, 0.25])
def test_every_row_equals_the_reference(kind: Any, missing: float) -> None:
    made = pairloom.synthetic(3, rows=400, kind=kind, seed=42, volatility=0.01, missing=missing)
    assert list(made) == ["S0001/USD", "S0002/USD", "S0003/USD"]
    for index, columns in enumerate(made.values()):
        assert list(columns) == COLUMNS[kind]
        walk = Walk(42, index, 100.0, 2, 0.01, 0.3, missing, MINUTE, START)
        rows = list(zip(*(columns[name].tolist() for name in COLUMNS[kind]), strict=True))
        assert rows == list(walk.rows(kind, 400))


@given(seed=st.integers(0, 2**64 - 1), volatility=st.floats(1e-6, 0.05), digits=st.integers(0, 6))
def test_any_seed_gives_candles_that_are_whole(seed: int, volatility: float, digits: int) -> None:
    market = pairloom.synthetic("A/USD", rows=50, seed=seed, volatility=volatility, digits=digits, price=1000)["A/USD"]
    body_high = np.maximum(market["open"], market["close"])
    body_low = np.minimum(market["open"], market["close"])
    assert (market["low"] > 0).all()
    assert (market["low"] <= body_low).all()
    assert (body_high <= market["high"]).all()
    assert (market["open"][1:] == market["close"][:-1]).all()
    for price in market["close"].tolist():
        assert float(f"{price:.{digits}f}") == price


def test_the_same_arguments_give_the_same_bits_and_another_seed_others() -> None:
    first, again = (pairloom.synthetic(2, rows=100, seed=5) for _ in range(2))
    other = pairloom.synthetic(2, rows=100, seed=6)
    for pair in first:
        assert all((first[pair][name] == again[pair][name]).all() for name in first[pair])
        assert (first[pair]["close"] != other[pair]["close"]).any()


@pytest.mark.parametrize("asked", [0.0, 0.3, 0.9])
def test_the_correlation_is_the_one_asked_for(asked: float) -> None:
    made = pairloom.synthetic(4, rows=20_000, seed=1, correlation=asked, digits=8)
    returns = np.array([np.diff(np.log(columns["close"])) for columns in made.values()])
    measured = np.corrcoef(returns)[np.triu_indices(4, 1)]
    # Four standard errors at 20,000 rows.
    assert np.abs(measured - asked).max() < 0.03
    assert np.abs(returns.std(axis=1) / 0.001 - 1).max() < 0.02


def test_missing_rows_are_left_out_and_the_others_stay() -> None:
    whole = pairloom.synthetic("A/USD", rows=10_000, seed=9)["A/USD"]
    sparse = pairloom.synthetic("A/USD", rows=10_000, seed=9, missing=0.2)["A/USD"]
    kept = np.isin(whole["ts"], sparse["ts"])
    assert kept[0]
    assert abs(kept.mean() - 0.8) < 0.016
    assert all((whole[name][kept] == sparse[name]).all() for name in whole)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("1m", MINUTE),
        ("30s", MINUTE // 2),
        ("2h", 120 * MINUTE),
        ("1d", 1440 * MINUTE),
        (1.5, 1_500_000_000),
        (timedelta(seconds=3), 3 * 10**9),
    ],
)
def test_the_interval_is_the_distance_of_candles(interval: Any, expected: int) -> None:
    ts = pairloom.synthetic("A/USD", rows=3, interval=interval)["A/USD"]["ts"]
    assert ts.dtype == np.dtype("datetime64[ns]")
    assert np.diff(ts.astype(np.int64)).tolist() == [expected] * 2


@pytest.mark.parametrize("start", ["2024-01-01", datetime(2024, 1, 1, tzinfo=timezone.utc)])
def test_the_first_candle_opens_at_the_start(start: Any) -> None:
    assert int(pairloom.synthetic("A/USD", rows=1, start=start)["A/USD"]["ts"].astype(np.int64)[0]) == START


def test_markets_may_differ() -> None:
    made = pairloom.synthetic(
        ["BTC/USD", "SUI/USD"],
        rows=1,
        price={"BTC/USD": 60_000, "SUI/USD": "3.1234"},
        digits={"BTC/USD": 1, "SUI/USD": 4},
        volatility=0,
    )
    assert [columns["open"][0] for columns in made.values()] == [60_000.0, 3.1234]


@pytest.mark.parametrize("kind", COLUMNS)
def test_an_engine_takes_what_comes_out(kind: Any) -> None:
    engine = pairloom.Engine(cash={"USD": 100_000})
    engine.trade("*", "simple", size={"base": 1})
    result = engine.backtest(pairloom.synthetic(3, rows=200, kind=kind, seed=3, missing=0.1))
    assert 3 * 150 < result.events < 3 * 200
    assert len(result.fills) > 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"pairs": 0}, "pairs"),
        ({"pairs": []}, "pairs"),
        ({"pairs": ["A/USD", "A/USD"]}, "twice"),
        ({"pairs": "AUSD"}, "pairs"),
        ({"rows": 0}, "rows"),
        ({"rows": 2**39}, "rows"),
        ({"kind": "candles"}, "kind"),
        ({"interval": "1 fortnight"}, "interval"),
        ({"interval": 0}, "interval"),
        ({"start": "soon"}, "start"),
        ({"seed": -1}, "seed"),
        ({"price": 0}, "price"),
        ({"price": float("nan")}, "price"),
        ({"price": {"B/USD": 1}}, "price"),
        ({"price": {"A/USD": 1, "B/USD": 1}}, "B/USD"),
        ({"price": 1e14}, "digits"),
        ({"digits": 13}, "digits"),
        ({"volatility": -1}, "volatility"),
        ({"volatility": "much"}, "volatility"),
        ({"correlation": 1.5}, "correlation"),
        ({"missing": 1}, "missing"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(pairloom.ConfigError, match=word) as caught:
        pairloom.synthetic(**{"pairs": ["A/USD"], "rows": 10, **arguments})
    assert caught.value.code.startswith("config.")
