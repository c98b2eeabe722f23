"""Small markets and short runs, for tests that look at one thing a strategy does."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from pairloom import Engine, Strategy, StrategyError

MINUTE = 60 * 10**9
START = 1_700_000_040 * 10**9
PAIR = "ETH/USD"


def candles(rows: int = 40, seed: int = 1) -> dict[str, Any]:
    """A random walk with two decimals, one candle a minute, volumes and a column of its own."""
    rng = np.random.default_rng(seed)
    close = np.round(100 + np.cumsum(rng.normal(0, 0.5, rows)), 2)
    open_ = np.concatenate([[100.0], close[:-1]])
    return {
        "ts": START + MINUTE * np.arange(rows, dtype=np.int64),
        "open": open_,
        "high": np.round(np.maximum(open_, close) + 0.25, 2),
        "low": np.round(np.minimum(open_, close) - 0.25, 2),
        "close": close,
        "volume": np.round(rng.uniform(1, 9, rows), 3),
        "score": np.where(np.arange(rows) % 7 == 3, np.nan, np.arange(rows) / 8),
    }


def quotes(rows: int = 40) -> dict[str, Any]:
    """Quotes a minute apart, a cent to each side of a slow walk."""
    middle = np.round(100 + np.arange(rows) * 0.01, 2)
    ts = START + MINUTE * np.arange(rows, dtype=np.int64)
    return {"ts": ts, "bid": middle - 0.01, "ask": middle + 0.01}


def trades(rows: int = 40) -> dict[str, Any]:
    """Trades a minute apart, by turns bought and sold."""
    side = ["buy", "sell"] * (rows // 2)
    ts = START + MINUTE * np.arange(rows, dtype=np.int64)
    return {"ts": ts, "price": np.round(100 + np.arange(rows) * 0.01, 2), "quantity": np.full(rows, 2.5), "side": side}


def run(strategy: Any, data: Any = None, *, size: Any = 1, **settings: Any) -> Any:
    """The result of one strategy on one market; warnings about refusals are not what is tested."""
    engine = Engine(**{"cash": {"USD": 100_000}, **settings})
    engine.trade(PAIR, strategy, size=size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return engine.backtest({PAIR: candles() if data is None else data}, progress=False)


def error_of(strategy: Any, data: Any = None, **settings: Any) -> BaseException:
    """What the only trader's strategy raised; the run must end with exactly that error as the cause."""
    with pytest.raises(StrategyError) as caught:
        run(strategy, data, **settings)
    error = caught.value.__cause__
    assert error is not None
    assert caught.value.result is not None
    assert caught.value.result.quarantined[0].error is error
    return error


def probe(look: Any, *, at: int = 5, **attributes: Any) -> tuple[type[Strategy], list[Any]]:
    """A strategy that calls ``look(ctx)`` at its event number ``at`` (from 0), and the list its answer goes to."""
    seen: list[Any] = []

    def setup(self: Any, ctx: Any) -> None:
        self.count = 0

    def generate_signal(self: Any, ctx: Any) -> None:
        if self.count == at:
            seen.append(look(ctx))
        self.count += 1

    body = {"setup": setup, "generate_signal": generate_signal, "__module__": __name__, **attributes}
    return type("Probe", (Strategy,), body), seen


def answer(
    look: Any, data: Any = None, *, at: int = 5, settings: dict[str, Any] | None = None, **attributes: Any
) -> Any:
    """What ``look(ctx)`` gives at event number ``at``."""
    strategy, seen = probe(look, at=at, **attributes)
    run(strategy, data, **(settings or {}))
    (value,) = seen
    return value
