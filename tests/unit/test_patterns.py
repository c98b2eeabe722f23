"""Patterns of pairs over data that hold other currencies too."""

from __future__ import annotations

from typing import Any

import pytest

import pairloom
from pairloom import ConfigError, Engine


def run(pattern: str, pairs: list[str]) -> Any:
    engine = Engine(cash={"USD": 100_000})
    engine.trade(pattern, "simple", size=0.01)
    return engine.backtest(pairloom.synthetic(pairs, rows=50), progress=False)


def test_all_pairs_of_mixed_data_name_the_pattern_of_the_own_currency() -> None:
    with pytest.raises(ConfigError) as caught:
        run("*", ["A/USD", "B/EUR"])
    assert caught.value.code == "config.pair_currency"
    assert "'B/EUR' is quoted in EUR" in str(caught.value)
    assert "trade '*/USD', which is all pairs quoted in USD, or" in str(caught.value)
    assert [pair for _, pair in run("*/USD", ["A/USD", "B/EUR"]).traders] == ["A/USD"]


def test_a_pattern_that_would_match_nothing_is_not_named() -> None:
    with pytest.raises(ConfigError) as caught:
        run("*", ["B/EUR"])
    assert "*/USD" not in str(caught.value)
