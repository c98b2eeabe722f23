"""Which column is the time, which is the pair, and what is refused because it might be another one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pairloom._data import Loaded, load
from pairloom.errors import DataError

HOURS = pd.date_range("2024-01-01 09:30", periods=4, freq="h")


def candles(**more: Any) -> pd.DataFrame:
    flat = [1.0] * 4
    return pd.DataFrame({"ts": HOURS, "open": flat, "high": flat, "low": flat, "close": flat, **more})


def trades(**times: Any) -> pd.DataFrame:
    return pd.DataFrame({**times, "price": [1.0, 2.0, 3.0, 4.0], "size": [1.0] * 4})


def read(data: Any, **options: Any) -> Loaded:
    return load(data, **({"pairs": ["ETH/USD"], "currency": "USD"} | options))


def refused(data: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(data, **options)
    return str(caught.value)


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
