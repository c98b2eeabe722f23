"""``pairloom.synthetic``: data of markets that do not exist, for trying things out and for tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pairloom import _native
from pairloom._interrupts import load_numpy
from pairloom._settings import choice, split_pair
from pairloom._times import duration_ns, moment_ns
from pairloom._words import listing
from pairloom.errors import ConfigError
from pairloom.numbers import number_text, whole_number

if TYPE_CHECKING:
    from datetime import date, datetime

    import numpy as np
    from numpy.typing import NDArray

    from pairloom.numbers import Number

__all__ = ["synthetic"]

T = TypeVar("T")

KINDS = ("candle", "quote", "trade")
COLUMNS = {
    "candle": ("ts", "open", "high", "low", "close", "volume"),
    "quote": ("ts", "bid", "ask", "bid_size", "ask_size"),
    "trade": ("ts", "price", "quantity", "side"),
}
MOST_MARKETS = 1_000_000
MOST_ROWS = 2**40
MOST_DIGITS = 12
MOST_SEED = 2**64 - 1

_INTERVAL = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d|w)")
_UNIT_NS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
}


def synthetic(
    pairs: int | str | Iterable[str],
    *,
    rows: int,
    kind: Literal["candle", "quote", "trade"] = "candle",
    interval: str | Number | timedelta = "1m",
    start: str | date | datetime = "2024-01-01",
    seed: int = 0,
    price: Number | Mapping[str, Number] = 100,
    digits: int | Mapping[str, int] = 2,
    volatility: Number | Mapping[str, Number] = 0.001,
    correlation: Number = 0.3,
    missing: Number = 0,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Return seeded random-walk markets, as a dict of pair to a dict of columns.

    That is what `Engine.backtest` takes. The same arguments give the same bits on every
    platform, and a market's rows do not depend on how many markets follow it, nor on ``rows``.

    ``pairs`` is one pair, a list, or a number of markets, which are then named
    ``S0001/USD`` and so on. ``kind`` says what the rows are: candles that open where
    the last one closed, quotes one to three ticks to each side of the walk, or trades.
    ``interval`` ("30s", "1m", "1h", seconds, or a ``timedelta``) is a candle's length, and the
    mean time between two quotes or trades, which come irregularly. ``price`` is where the
    walk begins, ``digits`` its digits after the point, ``volatility`` the standard deviation
    of the log return from one row to the next; each is one value or a dict by pair.
    ``correlation`` is that of any two markets' returns. ``missing`` is the share of rows left
    out at random; the first row is always there.

    Raises ``ConfigError``.
    """
    names = _names(pairs)
    choice("kind", kind, KINDS)
    markets = _walks(names, price, digits, volatility)
    begin = moment_ns("start", start)
    if begin is None:
        raise ConfigError('start=None is no time; write start="2024-01-31"', code="config.time")
    load_numpy()
    made = _native.synthetic(
        kind,
        markets,
        rows=whole_number(rows, "rows", least=1, most=MOST_ROWS),
        interval=_interval_ns(interval),
        start=begin,
        seed=whole_number(seed, "seed", least=0, most=MOST_SEED),
        correlation=_number("correlation", correlation),
        missing=_number("missing", missing),
    )
    return {name: _columns(kind, market) for name, market in zip(names, made, strict=True)}


def _walks(
    names: list[str],
    price: Number | Mapping[str, Number],
    digits: int | Mapping[str, int],
    volatility: Number | Mapping[str, Number],
) -> list[tuple[float, int, float]]:
    """Price, digits and volatility of each market."""
    return list(
        zip(
            [_number("price", value) for value in _by_pair("price", price, names)],
            [whole_number(value, "digits", least=0, most=MOST_DIGITS) for value in _by_pair("digits", digits, names)],
            [_number("volatility", value) for value in _by_pair("volatility", volatility, names)],
            strict=True,
        )
    )


def _columns(kind: str, market: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns in their usual order, with times that say they are times."""
    times: NDArray[np.datetime64] = market["ts"].view("datetime64[ns]")
    return {name: times if name == "ts" else market[name] for name in COLUMNS[kind]}


def _names(pairs: object) -> list[str]:
    if isinstance(pairs, str):
        names = [pairs]
    elif isinstance(pairs, Iterable):
        names = list(pairs)
    else:
        count = whole_number(pairs, "pairs", least=1, most=MOST_MARKETS)
        width = max(4, len(str(count)))
        return [f"S{number:0{width}}/USD" for number in range(1, count + 1)]
    if not names:
        raise ConfigError("pairs is empty: name a pair, or give a number of markets", code="config.pair")
    seen: set[str] = set()
    for name in names:
        split_pair(name)
        if name in seen:
            raise ConfigError(f"pairs: {name!r} is given twice; name it once", code="config.pair")
        seen.add(name)
    return names


def _by_pair(key: str, value: T | Mapping[str, T], names: list[str]) -> list[T]:
    """One value for each pair, from one for all or a dict."""
    if not isinstance(value, Mapping):
        return [value] * len(names)
    lacking = [name for name in names if name not in value]
    if lacking:
        raise ConfigError(f"{key} has no value for {listing(lacking)}; give one for each pair", code=f"config.{key}")
    known = set(names)
    strange = [name for name in value if name not in known]
    if strange:
        raise ConfigError(f"{key} names {listing(strange)}, which pairs does not have", code=f"config.{key}")
    return [value[name] for name in names]


def _number(key: str, value: object) -> float:
    try:
        return float(number_text(value))
    except ValueError as error:
        raise ConfigError(f"{key}={value!r} {error}", code="config.number") from None


def _interval_ns(interval: object) -> int:
    if isinstance(interval, str):
        match = _INTERVAL.fullmatch(interval)
        if match is not None:
            return int(match[1]) * _UNIT_NS[match[2]]
        raise ConfigError(
            f"interval={interval!r} is no length of time; write a number and one of {listing(_UNIT_NS)}, "
            'as in "30s" or "1h"',
            code="config.interval",
        )
    length = duration_ns("interval", interval)
    if length is None:
        raise ConfigError('interval=None is no length of time; write interval="1m"', code="config.interval")
    return length
