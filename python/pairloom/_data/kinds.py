"""What the columns of a table mean: candles, quotes or trades of one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pairloom._data import rows, tables
from pairloom._data.clocks import time_column
from pairloom._data.fault import shown
from pairloom._data.numbers import to_extra, to_floats
from pairloom._data.rows import Named, Repair
from pairloom._data.series import STANDARD, Kind, Series
from pairloom._data.times import to_nanoseconds

if TYPE_CHECKING:
    from pairloom._data.series import Array, Floats, Ints
    from pairloom._data.tables import Column, Table

REQUIRED: dict[Kind, tuple[str, ...]] = {
    "candle": ("open", "high", "low", "close"),
    "quote": ("bid", "ask"),
    "trade": ("price", "quantity"),
}
_SIDES = {"buy": 1, "b": 1, "bid": 1, "sell": -1, "s": -1, "ask": -1, "": 0, "unknown": 0}
_SIDE_WAY_OUT = "a side is 'buy' or 'sell', or 1 or -1; drop the column if it is unknown"


@dataclass(frozen=True)
class Reading:
    """How the rows are to be read."""

    candle_time: str
    drop: bool


def read_series(table: Table, pair: str, kind: Kind | None, reading: Reading) -> Series:
    """The series of one pair in a table; candles still stand at the times they were given."""
    import numpy as np

    place = table.place
    if len(table) == 0:
        raise place.error("data.empty", "there are no rows", way_out="give at least one row")
    kind = kind or _kind(table)
    chosen = _chosen(table, kind)
    time, close = _time_columns(table, kind, reading)
    repair = Repair(place, len(table), drop=reading.drop)
    ts = to_nanoseconds(time, repair)
    close_ts = None if close is None else to_nanoseconds(close, repair)
    columns = {name: to_floats(column, repair) for name, column in chosen.items()}
    side = _side(table, repair) if kind == "trade" else None
    extra = _extra(table, kind, {time.name, *(c.name for c in chosen.values())}, close)
    kept = repair.kept
    if kept is not None:
        ts, close_ts, side, columns, extra = _take(kept, ts, close_ts, side, columns, extra)
        place = place.keep(kept)
    named = Named(place, {**{name: column.name for name, column in chosen.items()}, "ts": time.name})
    named.spellings["close_time"] = close.name if close else ""
    first = repair.first
    if reading.drop:
        bad, other = rows.wrong(kind, ts, close_ts, columns, named)
        first = rows.earlier(first, other)
        if len(bad):
            good = np.delete(np.arange(len(ts)), bad)
            ts, close_ts, side, columns, extra = _take(good, ts, close_ts, side, columns, extra)
            place = place.keep(good)
    else:
        rows.first_wrong(kind, ts, close_ts, columns, named)
    dropped = len(table) - len(ts)
    if len(ts) == 0:
        raise place.error("data.empty", f'repair="drop" left none of {dropped:,} rows', way_out="check the data")
    if side is not None:
        columns["side"] = side
    columns |= extra
    return Series(pair, kind, place.origin, columns, ts, close_ts, None, dropped, first, repair.unit, place.rows)


def _take(
    kept: Ints,
    ts: Ints,
    close_ts: Ints | None,
    side: Array | None,
    columns: dict[str, Floats],
    extra: dict[str, Floats],
) -> tuple[Ints, Ints | None, Array | None, dict[str, Floats], dict[str, Floats]]:
    return (
        ts[kept],
        None if close_ts is None else close_ts[kept],
        None if side is None else side[kept],
        {name: values[kept] for name, values in columns.items()},
        {name: values[kept] for name, values in extra.items()},
    )


def _has(table: Table, name: str) -> bool:
    return _find(table, name) is not None


def _find(table: Table, name: str) -> Column | None:
    if name == "quantity":
        return next((table.columns[n] for n in tables.QUANTITIES if n in table.columns), None)
    return table.columns.get(name)


def _kind(table: Table) -> Kind:
    """The kind whose columns are all there, else the nearest, whose lack is then reported."""
    kinds = list(REQUIRED)
    for kind in kinds:
        if all(_has(table, name) for name in REQUIRED[kind]):
            return kind
    return max(kinds, key=lambda kind: sum(_has(table, name) for name in REQUIRED[kind]))


def _chosen(table: Table, kind: Kind) -> dict[str, Column]:
    found = {name: _find(table, name) for name in STANDARD[kind] if name != "side"}
    missing = [name for name in REQUIRED[kind] if found.get(name) is None]
    if missing:
        named = ", ".join(f"'{name}'" for name in missing)
        plural = "s" if len(missing) > 1 else ""
        raise table.place.error(
            "data.missing_column",
            f"lacks the column{plural} {named} of {kind}s; it has {table.names}",
            way_out="candles need open, high, low, close, quotes bid and ask, trades price and quantity",
        )
    return {name: column for name, column in found.items() if column is not None}


def _time_columns(table: Table, kind: Kind, reading: Reading) -> tuple[Column, Column | None]:
    """The column of times and, for candles, that of their closes."""
    time = time_column(table)
    close = table.columns.get(tables.CLOSE_TIME) if kind == "candle" else None
    if kind == "candle" and reading.candle_time == "close" and close is not None:
        if time is None:
            return close, None
        raise table.place.error(
            "data.candle_time",
            f"has both '{time.name}' and '{close.name}', so candle_time=\"close\" is ambiguous",
            way_out=f"leave candle_time out: '{close.name}' is used as it is",
        )
    if time is None:
        raise table.place.error(
            "data.missing_column",
            f"lacks a column of times; it has {table.names}",
            way_out=f"name it one of {', '.join(tables.TIMES)}, or use a DatetimeIndex",
        )
    return time, close


def _side(table: Table, repair: Repair) -> Array | None:
    """Buy 1, sell -1, unknown 0."""
    import numpy as np

    column = table.columns.get("side")
    if column is None or column.ignored is not None:
        return None
    if column.words is not None:
        words = [*(word.strip().lower() for word in column.words), ""]
        sides = np.array([_SIDES.get(word, 2) for word in words], dtype=np.int8)[column.values]
    elif column.values.dtype.kind in "OUS":
        sides = np.array([_side_of(value) for value in column.values], dtype=np.int8)
    elif column.values.dtype.kind in "iuf":
        numbers = np.nan_to_num(column.values.astype(np.float64))
        sides = np.where(np.isin(numbers, (-1.0, 0.0, 1.0)), numbers, 2.0).astype(np.int8)
    else:
        raise repair.place.error(
            "data.side",
            f"{shown(column.values[0])} is no side",
            row=0,
            column=column.name,
            way_out=_SIDE_WAY_OUT,
        )
    bad = np.flatnonzero(sides == 2)
    if len(bad):
        value = column.values[bad[0]]
        value = column.words[int(value)] if column.words is not None else value
        repair.refuse(bad, "data.side", f"{shown(value)} is no side", column.name, _SIDE_WAY_OUT)
    return sides


def _side_of(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if value in (-1, 0, 1) else 2
    return _SIDES.get(str(value).strip().lower(), 2)


def _extra(table: Table, kind: Kind, used: set[str], close: Column | None) -> dict[str, Floats]:
    """All other columns of numbers, by the names that the input gives them."""
    left_out = {"id", "side"} if kind == "trade" else set()
    if close is not None:
        used = used | {close.name}
    extra = {}
    for lower, column in table.columns.items():
        if column.name in used or lower in left_out or lower in tables.SURE_PAIRS:
            continue
        numbers = to_extra(column)
        if numbers is not None:
            extra[column.name.strip()] = numbers
    return extra
