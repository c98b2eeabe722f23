"""Which column is the time of a row, where more than one could be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairloom._data import tables
from pairloom._data.fault import shown
from pairloom._data.rows import Repair
from pairloom._data.times import NAT, cell, to_nanoseconds
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.series import Ints
    from pairloom._data.tables import Column, Table

_SECOND = 1_000_000_000
#: What times are cut to where one of two columns is coarser: days, hours, minutes, and units of numbers.
_CUTS = (86_400 * _SECOND, 3_600 * _SECOND, 60 * _SECOND, _SECOND, 1_000_000, 1_000)


def time_column(table: Table) -> Column | None:
    """The column of times; refused where two columns could be it and say different times."""
    found = [table.columns[name] for name in (*tables.TIMES, tables.INDEX) if name in table.columns]
    if len(found) > 1:
        found = [column for column in found if not _empty(column)] or found[:1]
    if len(found) < 2:
        return found[0] if found else None
    best, times = found[0], _read(found[0], table)
    for column in found[1:]:
        others = _read(column, table)
        if times is None or others is None:
            raise _differ(best, column, 0, table)
        finer = _finer(times, others)
        if finer is None:
            known = (times != NAT) & (others != NAT) & (times != others)
            raise _differ(best, column, int(known.argmax()), table)
        if finer is others:
            best, times = column, others
    return best


def _differ(one: Column, other: Column, row: int, table: Table) -> DataError:
    values = f"row {table.place.row(row)} has {_shown(one, row)} and {_shown(other, row)}"
    return table.place.error(
        "data.two_times",
        f"both '{one.name}' and '{other.name}' could be the time, and they differ: {values}",
        way_out=f"put date and clock into one column, such as 'ts' (pandas: pd.to_datetime(day + ' ' + clock)), or "
        f"rename or drop the one of '{one.name}' and '{other.name}' that is not the time",
    )


def _shown(column: Column, row: int) -> str:
    if column.ignored is not None:
        return column.ignored
    value = cell(column, row)
    return str(value)[:19] if column.values.dtype.kind == "M" else shown(value)


def _empty(column: Column) -> bool:
    """Whether no row has a value, so that nothing contradicts another column."""
    import numpy as np

    values = column.values
    if column.ignored is not None or len(values) == 0:
        return False
    if column.words is not None:
        return bool((values < 0).all())
    if column.missing is not None:
        return len(column.missing) == len(values)
    if values.dtype.kind == "f":
        return bool(np.isnan(values).all())
    if values.dtype.kind == "M":
        return bool(np.isnat(values).all())
    return values.dtype.kind == "O" and all(value is None for value in values)


def _read(column: Column, table: Table) -> Ints | None:
    """The times of a column, ``None`` if it holds none, such as a clock without its day."""
    try:
        times = to_nanoseconds(column, Repair(table.place, len(table), drop=True))
    except DataError:
        return None
    return None if bool((times == NAT).all()) else times


def _finer(one: Ints, other: Ints) -> Ints | None:
    """Which of two columns says more, the first if they agree; ``None`` if they contradict each other."""
    known = (one != NAT) & (other != NAT)
    a, b = (one, other) if bool(known.all()) else (one[known], other[known])
    if len(a) == 0:
        return None
    if bool((a == b).all()):
        return one
    for cut in _CUTS:
        # The first row spares most columns the rest.
        if a[0] - a[0] % cut == b[0] and bool((a - a % cut == b).all()):
            return one
        if b[0] - b[0] % cut == a[0] and bool((b - b % cut == a).all()):
            return other
    return None
