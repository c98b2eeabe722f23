"""The other floor: the same loops compiled by numba, on arrays. What a rule costs when nothing else is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .loops import pairs, total
from .workloads import ALPHA, CASH, EVERY, FAST, FEE, SLOW, Data, Outcome

Loop = Callable[[], Outcome]


def compiled() -> dict[str, Any] | None:
    """The compiled loops, or nothing where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    jit = numba.njit
    return {"one_market": jit(one_market), "quotes": jit(quotes), "many_markets": jit(many_markets)}


def one_market(closes: Any, fast: int, slow: int, cash: float, fee: float) -> Any:
    """W1, and W4 pair by pair."""
    held = orders = 0
    quick = steady = 0.0
    for row in range(closes.size):
        close = closes[row]
        quick += close
        steady += close
        if row >= fast:
            quick -= closes[row - fast]
        if row >= slow:
            steady -= closes[row - slow]
        if row >= slow - 1:
            wanted = 1 if quick / fast > steady / slow else -1
            if wanted != held:
                traded = wanted - held
                cash -= traded * close + abs(traded) * close * fee
                held = wanted
                orders += 1
    return orders, cash + held * closes[-1]


def quotes(bids: Any, asks: Any, alpha: float, every: int, cash: float, fee: float) -> Any:
    """W2."""
    held, side, orders = 0, 1, 0
    average = mid = 0.0
    for row in range(bids.size):
        mid = (bids[row] + asks[row]) * 0.5
        average = mid if row == 0 else average + alpha * (mid - average)
        if (row + 1) % every == 0:
            price = asks[row] if side > 0 else bids[row]
            cash -= side * price + price * fee
            held += side
            side = -side
            orders += 1
    # The average is given back, or the compiler would leave it out.
    return orders, cash + held * mid, average


def many_markets(closes: Any, fast: int, slow: int, cash: float, fee: float) -> Any:
    """W3; ``closes`` has a row for each time."""
    rows, markets = closes.shape
    held = np.zeros(markets, np.int64)
    quick, steady = np.zeros(markets), np.zeros(markets)
    orders = 0
    for row in range(rows):
        for market in range(markets):
            close = closes[row, market]
            quick[market] += close
            steady[market] += close
            if row >= fast:
                quick[market] -= closes[row - fast, market]
            if row >= slow:
                steady[market] -= closes[row - slow, market]
            if row >= slow - 1:
                wanted = 1 if quick[market] / fast > steady[market] / slow else -1
                if wanted != held[market]:
                    traded = wanted - held[market]
                    cash -= traded * close + abs(traded) * close * fee
                    held[market] = wanted
                    orders += 1
    return orders, cash + np.sum(held * closes[-1])


def loop_for(name: str, data: Data) -> Loop | None:
    """The loop of a workload, compiled already, or nothing where numba is not installed."""
    made = compiled()
    if made is None:
        return None
    markets = list(data.values())
    money = (float(CASH), FEE)
    if name == "W2":
        bids, asks = markets[0]["bid"], markets[0]["ask"]
        made["quotes"](bids[:50], asks[:50], ALPHA, EVERY, *money)
        return lambda: Outcome(*made["quotes"](bids, asks, ALPHA, EVERY, *money)[:2])
    if name == "W3":
        table = np.ascontiguousarray(np.stack([market["close"] for market in markets], axis=1))
        made["many_markets"](table[:50], FAST, SLOW, *money)
        return lambda: Outcome(*made["many_markets"](table, FAST, SLOW, *money))
    closes = markets[0]["close"]
    made["one_market"](closes[:50], FAST, SLOW, *money)
    if name == "W4":
        return lambda: total([Outcome(*made["one_market"](closes, fast, slow, *money)) for fast, slow in pairs()])
    return lambda: Outcome(*made["one_market"](closes, FAST, SLOW, *money))
