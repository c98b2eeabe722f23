"""Cells of a time column as nanoseconds UTC."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pairloom._data.fault import DROP, shown
from pairloom._data.numbers import as_object_numbers, is_missing
from pairloom._data.tables import Column

if TYPE_CHECKING:
    from pairloom._data.rows import Repair
    from pairloom._data.series import Array, Ints

NAT = -(2**63)
_NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
#: A number of this size or more is in a finer unit than the name before it.
_BORDERS = (("s", 1e11), ("ms", 1e14), ("us", 1e17))
#: Dates as numbers: their digits, the format of Python, and the form in words.
_DATES = (
    (8, "%Y%m%d", "YYYYMMDD"),
    (10, "%Y%m%d%H", "YYYYMMDDHH"),
    (12, "%Y%m%d%H%M", "YYYYMMDDHHMM"),
    (14, "%Y%m%d%H%M%S", "YYYYMMDDHHMMSS"),
)
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
    if kind == "f" and column.values.dtype.itemsize < 8:
        raise _too_coarse(column, repair)
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


def _too_coarse(column: Column, repair: Repair) -> Exception:
    """The error for floats that hold fewer digits than a time has."""
    return repair.place.error(
        "data.time",
        f"holds {column.values.dtype.name}, which keeps today's seconds to a minute or two at best",
        column=column.name,
        way_out="give int64 or datetimes, made before the times were shortened",
    )


def _check_zones(zoned: Array, known: Array, texts: Any, name: str, repair: Repair) -> None:
    """Refuses text of which some names a zone and some does not, as datetimes are; ``known`` marks the times."""
    import numpy as np

    rows = np.flatnonzero(known)
    if not len(rows):
        return
    others = rows[zoned[rows] != zoned[rows[0]]]
    if len(others):
        row = int(others[0])
        raise _mixed_zones(repair, row, name, texts(row))


def _mixed_zones(repair: Repair, row: int, name: str, value: Any) -> Exception:
    return repair.place.error(
        "data.time_zone",
        f"{shown(value)}: some times have a time zone and some have none",
        row=row,
        column=name,
        way_out="give all of them one; times without a zone are UTC",
    )


def _refuse(repair: Repair, rows: Ints, column: str, value: Any, why: str = "is no time") -> None:
    if len(rows):
        way_out = f"{_WAY_OUT}; {DROP}"
        repair.refuse(rows, "data.time", f"{shown(value)} {why}", column, way_out)


def _from_words(column: Column, repair: Repair) -> Ints:
    import numpy as np

    from pairloom import _native

    words = column.words or []
    parsed, _, zoned = _native.parse_times(words)
    if (parsed == NAT).all():
        numbers = _whole_numbers(column)
        if numbers is not None:
            return _from_numbers(numbers, repair, column)
    # One more entry, so that the code -1 of a missing value finds "not a time".
    times: Ints = np.append(parsed, NAT)[column.values]
    if zoned.any():
        _check_zones(
            np.append(zoned, False)[column.values], times != NAT, lambda row: cell(column, row), column.name, repair
        )
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
    small = digits.isascii() and digits.isdigit() and len(digits) <= 19
    return int(word) if small and int(digits) < 2**63 else None


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
    _check_dates(known, column.name, repair)
    size = np.abs(known.astype(np.float64))
    unit = _unit(float(np.median(size)))
    repair.unit = repair.unit or unit
    _check_units(size, unit, np.flatnonzero(good), column, repair)
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
    """Dates written as 20180110 would pass for seconds of August 1970, and longer ones for other times."""
    found = _written_as(values)
    if found is not None:
        what, way_out = found
        raise repair.place.error(
            "data.time", f"{shown(values[0])} looks like {what}", row=0, column=name, way_out=way_out
        )


def _written_as(values: Array) -> tuple[str, str] | None:
    """What numbers are that are no time since 1970, and how to make one of them."""
    for digits, form, written in _DATES:
        if _are_dates(values, digits):
            text = "2018-01-10" if digits == 8 else "2018-01-10 04:55"
            way_out = f"write {text}, or convert: pandas.to_datetime(x, format='{form}')"
            return f"a date written as a number, {written}", way_out
    if _are_days(values):
        return "Excel's days since 1900", "convert: pandas.to_datetime(x, unit='D', origin='1899-12-30')"
    return None


def _are_dates(values: Array, digits: int) -> bool:
    """Whether all numbers are a date and a clock of so many digits."""
    import numpy as np

    rest = 10 ** (digits - 8)
    # Seconds of the years after 2032 alone look like hours of a date, and nobody has data of then.
    least = 1_956_528_000 if digits == 10 else 19_000_101 * rest
    most = 22_010_000 * rest
    # The first number spares most columns the rest.
    if not least <= values[0] < most or bool(((values < least) | (values >= most)).any()):
        return False
    if values.dtype.kind == "f" and bool((values % 1 != 0).any()):
        return False
    whole = values.astype(np.int64)
    day = whole // rest
    good = (day // 100 % 100 >= 1) & (day // 100 % 100 <= 12) & (day % 100 >= 1) & (day % 100 <= 31)
    good &= whole // (rest // 100 or 1) % 100 <= 23 if digits > 8 else True
    good &= whole // (rest // 10_000) % 100 <= 59 if digits > 10 else True
    good &= whole % 100 <= 59 if digits > 12 else True
    return bool(good.all())


def _are_days(values: Array) -> bool:
    """Whether numbers are days of the years 1982 to 2064 as Excel counts them; whole ones follow day by day."""
    import numpy as np

    if not (30_000 <= values[0] < 60_000 and bool(((values >= 30_000) & (values < 60_000)).all())):
        return False
    # Few seconds lie between the rows of data whose seconds begin at 0, and never so few between all of them.
    return values.dtype.kind == "f" or (
        len(values) > 1 and bool((np.abs(np.diff(values.astype(np.int64))) <= 31).all())
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

    # What is missing looks alike from here on, or one missing cell would decide what the others are.
    values = [None if is_missing(value) else _plain(value) for value in column.values]
    if all(value is None or isinstance(value, (str, bytes)) for value in values):
        return _from_texts(values, column, repair)
    if any(isinstance(value, dt.date) for value in values):
        return _from_python(values, column, repair)
    numbers, bad = as_object_numbers(column.values)
    if len(bad):
        _refuse(repair, bad, column.name, values[int(bad[0])])
        for row in bad:
            values[row] = None
    known = [value for value in values if value is not None]
    if all(isinstance(value, int) and abs(value) < 2**63 for value in known):
        # Through floats integers of nanoseconds would lose their last digits.
        whole = np.array([value or 0 for value in values], dtype=np.int64)
        missing = np.flatnonzero(np.isnan(numbers))
        return _from_numbers(Column(column.name, whole, missing=missing), repair, column)
    return _from_numbers(Column(column.name, numbers), repair, column)


def _plain(value: Any) -> Any:
    import numpy as np

    return value.item() if isinstance(value, np.generic) else value


def _from_texts(values: list[Any], column: Column, repair: Repair) -> Ints:
    import numpy as np

    from pairloom import _native

    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    times, bad, zoned = _native.parse_times(texts)
    _check_zones(zoned, times != NAT, texts.__getitem__, column.name, repair)
    if bad:
        _refuse(repair, np.array(bad), column.name, column.values[bad[0]])
    return times


def _from_python(values: list[Any], column: Column, repair: Repair) -> Ints:
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
            raise _mixed_zones(repair, row, column.name, value)
    if bad:
        _refuse(repair, np.array(bad), column.name, column.values[bad[0]])
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
