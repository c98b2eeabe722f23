"""The series handed to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pairloom._data.series import Loaded, Series


def to_native(loaded: Loaded) -> Any:
    """All series as the engine's ``MarketData``, which copies each column once."""
    from pairloom import _native

    data = _native.MarketData()
    for series in loaded.series:
        _ADD[series.kind](data, series)
    return data


def _add_candles(data: Any, series: Series) -> None:
    columns = series.columns
    data.add_candles(
        series.pair,
        series.origin,
        series.ts,
        series.close_ts,
        series.interval,
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        columns.get("volume"),
        series.extra,
    )


def _add_quotes(data: Any, series: Series) -> None:
    columns = series.columns
    sizes = columns.get("bid_size"), columns.get("ask_size")
    data.add_quotes(series.pair, series.origin, series.ts, columns["bid"], columns["ask"], *sizes, series.extra)


def _add_trades(data: Any, series: Series) -> None:
    columns = series.columns
    data.add_trades(
        series.pair,
        series.origin,
        series.ts,
        columns["price"],
        columns["quantity"],
        columns.get("side"),
        series.extra,
    )


_ADD = {"candle": _add_candles, "quote": _add_quotes, "trade": _add_trades}
