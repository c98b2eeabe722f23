"""From when to when the data trade, and what kinds of events each pair has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pairloom._data import Loaded, Series

__all__ = ["kinds", "span"]


def kinds(loaded: Loaded) -> dict[str, set[str]]:
    """Return the kinds of events that each pair has: of candle, quote and trade."""
    found: dict[str, set[str]] = {}
    for series in loaded.series:
        found.setdefault(series.pair, set()).add(series.kind)
    return found


def span(loaded: Loaded, pairs: Collection[str], start: int | None, end: int | None) -> tuple[int, int] | None:
    """Return the first and last time, ns UTC, at which rows of these pairs are seen.

    Rows opening at or after ``end`` are not seen; nothing happens before ``start``.
    ``None`` when no row is left.
    """
    wanted = frozenset(pairs)
    edges = [edge for series in loaded.series if series.pair in wanted and (edge := _edges(series, end)) is not None]
    if not edges:
        return None
    first = min(edge[0] for edge in edges)
    last = max(edge[1] for edge in edges)
    return (first if start is None else max(first, start)), last


def _edges(series: Series, end: int | None) -> tuple[int, int] | None:
    seen = len(series.ts) if end is None else int(series.ts.searchsorted(end, side="left"))
    if seen == 0:
        return None
    if series.kind != "candle":
        return int(series.ts[0]), int(series.ts[seen - 1])
    # A candle is known at its close, so that is its time.
    if series.close_ts is not None:
        return int(series.close_ts[0]), int(series.close_ts[seen - 1])
    length = series.interval or 0
    return int(series.ts[0]) + length, int(series.ts[seen - 1]) + length
