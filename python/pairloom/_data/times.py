"""Cells of a time column as nanoseconds UTC."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pairloom._data.fault import DROP, shown
from pairloom._data.numbers import as_object_numbers
from pairloom._data.tables import Column

if TYPE_CHECKING:
    from pairloom._data.rows import Repair
    from pairloom._data.series import Array, Ints

NAT = -(2**63)
_NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
#: A number of this size or more is in a finer unit than the name before it.
_BORDERS = (("s", 1e11), ("ms", 1e14), ("us", 1e17))
_WAY_OUT = "give datetimes, ISO 8601 text, or integers in s, ms, us or ns"


def to_nanoseconds(column: Column, repair: Repair) -> Ints:
    """The times of a column; what is no time is refused or marked for dropping."""
    if column.ignored is not None:
        raise repair.place.error("data.time", f"holds {column.ignored}, no times", column=column.name, way_out=_WAY_OUT)
    if column.words is not None:
        return _from_words(column, repair)
    kind = column.values.dtype.kind
    if kind == "M":
        return _from_datetimes(column.values, column.name, repair)
    if kind in "iuf":
        return _from_numbers(column, repair, column)
    if kind in "OUS":
        return _from_objects(column, repair)
    raise repair.place.error(
        "data.time",
        f"is {shown(column.values[0])}, no time",
        row=0,
        column=column.name,
        way_out=_WAY_OUT,
    )


def _refuse(repair: Repair, rows: Ints, column: str, value: Any, why: str = "is no time") -> None:
    if len(rows):
        way_out = f"{_WAY_OUT}; {DROP}"
        repair.refuse(rows, "data.time", f"{shown(value)} {why}", column, way_out)


def _from_words(column: Column, repair: Repair) -> Ints:
    import numpy as np

    from pairloom import _native

    words = column.words or []
    parsed, _ = _native.parse_times(words)
    if (parsed == NAT).all():
        numbers = _whole_numbers(column)
        if numbers is not None:
            return _from_numbers(numbers, repair, column)
    # One more entry, so that the code -1 of a missing value finds "not a time".
    times: Ints = np.append(parsed, NAT)[column.values]
    bad = np.flatnonzero(times == NAT)
    if len(bad):
        code = int(column.values[bad[0]])
        _refuse(repair, bad, column.name, None if code < 0 else words[code])
    return times


def _whole_numbers(column: Column) -> Column | None:
    """Text that is integers but for some rows, as a file has it when one of its lines is wrong."""
    import numpy as np

    words = column.words or []
    whole = [_whole(word) for word in words]
    if all(number is None for number in whole):
        return None
    numbers = np.array([*(number or 0 for number in whole), 0], dtype=np.int64)
    wrong = np.array([*(number is None for number in whole), True])
    missing = np.flatnonzero(wrong[column.values])
    return Column(column.name, numbers[column.values], missing=missing)


def _whole(word: str) -> int | None:
    digits = word.removeprefix("-")
    small = digits.isascii() and digits.isdigit() and len(digits) <= 18
    return int(word) if small else None


def cell(column: Column, row: int) -> Any:
    """What stands in a row, as the input has it."""
    if column.missing is not None and row in column.missing:
        return None
    value = column.values[row]
    if column.words is None:
        return value
    return column.words[int(value)] if value >= 0 else None


def _from_datetimes(values: Array, name: str, repair: Repair) -> Ints:
    import numpy as np

    unit = np.datetime_data(values.dtype)[0]
    bad = np.flatnonzero(np.isnat(values))
    if unit != "ns" and len(values) > len(bad):
        # NumPy wraps silently where nanoseconds do not reach.
        years = values.astype("datetime64[Y]").astype(np.int64)
        far = (years <= 1677 - 1970) | (years >= 2262 - 1970)
        far[bad] = True
        bad = np.flatnonzero(far)
    times: Ints = np.ascontiguousarray(values.astype("datetime64[ns]")).view(np.int64)
    if len(bad):
        _refuse(repair, bad, name, str(values[bad[0]]))
        times = times.copy()
        times[bad] = NAT
    return times


def _from_numbers(column: Column, repair: Repair, told: Column) -> Ints:
    """Numbers as times; errors show the cells of ``told``, the column as the input has it."""
    import numpy as np

    values = column.values
    good = np.isfinite(values)
    if column.missing is not None:
        good[column.missing] = False
    bad = np.flatnonzero(~good)
    if len(bad):
        _refuse(repair, bad, column.name, cell(told, int(bad[0])))
    times = np.full(len(values), NAT, dtype=np.int64)
    if not good.any():
        return times
    known = values[good]
    size = np.abs(known.astype(np.float64))
    unit = _unit(float(np.median(size)))
    repair.unit = repair.unit or unit
    _check_units(size, unit, np.flatnonzero(good), column, repair)
    _check_dates(known, column.name, repair)
    times[good] = _scaled(known, _NANOS[unit])
    return times


def _unit(size: float) -> str:
    return next((unit for unit, border in _BORDERS if size < border), "ns")


def _check_units(size: Array, unit: str, rows: Ints, column: Column, repair: Repair) -> None:
    """Refuses times of another unit than most, or beyond what nanoseconds reach."""
    import numpy as np

    lower = {"s": 0.0, "ms": 1e11, "us": 1e14, "ns": 1e17}[unit]
    upper = {"s": 9.2e9, "ms": 9.2e12, "us": 9.2e15, "ns": 9.2e18}[unit]
    odd = rows[(size < lower) | (size >= upper)]
    if len(odd):
        value = column.values[odd[0]]
        why = f"is no time in {unit}, the unit of most rows"
        _refuse(repair, np.asarray(odd), column.name, value, why)


def _check_dates(values: Array, name: str, repair: Repair) -> None:
    """Dates written as 20180110 would pass for seconds of August 1970."""
    month, day = values // 100 % 100, values % 100
    dates = (values >= 19_000_101) & (values <= 22_001_231) & (month >= 1) & (month <= 12)
    if bool((dates & (day >= 1) & (day <= 31)).all()):
        raise repair.place.error(
            "data.time",
            f"{shown(values[0])} looks like a date written as a number",
            row=0,
            column=name,
            way_out="write 2018-01-10, or convert: pandas.to_datetime(x, format='%Y%m%d')",
        )


def _scaled(values: Array, factor: int) -> Array:
    import numpy as np

    if values.dtype.kind in "iu":
        # What is out of range was refused, or is dropped later.
        with np.errstate(over="ignore"):
            return values.astype(np.int64) * factor
    whole = np.floor(values)
    # A float of today's seconds is good to a quarter of a microsecond, and no more is taken from it.
    step = min(factor, 1_000)
    rest = np.rint((values - whole) * (factor / step)) * step
    return np.asarray(whole.astype(np.int64) * factor + rest.astype(np.int64))


def _from_objects(column: Column, repair: Repair) -> Ints:
    import numpy as np

    values = [value.item() if isinstance(value, np.generic) else value for value in column.values]
    if all(value is None or isinstance(value, (str, bytes)) for value in values):
        return _from_texts(values, column.name, repair)
    if any(isinstance(value, dt.date) for value in values):
        return _from_python(values, column.name, repair)
    numbers, bad = as_object_numbers(column.values)
    if len(bad):
        _refuse(repair, bad, column.name, values[int(bad[0])])
    known = [value for value in values if value is not None]
    if all(isinstance(value, int) and abs(value) < 2**63 for value in known):
        # Through floats integers of nanoseconds would lose their last digits.
        whole = np.array([value or 0 for value in values], dtype=np.int64)
        missing = np.flatnonzero(np.isnan(numbers))
        return _from_numbers(Column(column.name, whole, missing=missing), repair, column)
    return _from_numbers(Column(column.name, numbers), repair, column)


def _from_texts(values: list[Any], name: str, repair: Repair) -> Ints:
    import numpy as np

    from pairloom import _native

    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    times, bad = _native.parse_times(texts)
    if bad:
        _refuse(repair, np.array(bad), name, texts[bad[0]])
    return times


def _from_python(values: list[Any], name: str, repair: Repair) -> Ints:
    """``datetime`` and ``date`` objects, pandas' own among them."""
    import numpy as np

    times = np.full(len(values), NAT, dtype=np.int64)
    bad = []
    aware: set[bool] = set()
    for row, value in enumerate(values):
        nanos = _nanoseconds(value)
        if nanos is None:
            bad.append(row)
            continue
        times[row] = nanos
        aware.add(getattr(value, "tzinfo", None) is not None)
        if len(aware) > 1:
            raise repair.place.error(
                "data.time_zone",
                f"{shown(value)}: some times have a time zone and some have none",
                row=row,
                column=name,
                way_out="give all of them one; times without a zone are UTC",
            )
    if bad:
        _refuse(repair, np.array(bad), name, values[bad[0]])
    return times


def _nanoseconds(value: Any) -> int | None:
    if not isinstance(value, dt.date) or value != value:  # NaT is not equal to itself
        return None
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.timezone.utc)
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.timezone.utc)
    gap = value - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    nanos = (gap.days * 86_400 + gap.seconds) * 1_000_000_000 + gap.microseconds * 1_000
    # pandas' Timestamp and Timedelta carry the nanoseconds apart.
    nanos += int(getattr(value, "nanosecond", 0))
    return nanos if abs(nanos) < 2**63 else None
