"""Cells of a number column as float64."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._data.fault import DROP, shown

if TYPE_CHECKING:
    from pairloom._data.rows import Repair
    from pairloom._data.series import Array, Floats, Ints
    from pairloom._data.tables import Column

_WAY_OUT = "give numbers (pandas: frame[column].astype(float))"
#: Numbers with marks that keep `astype(float)` from reading them.
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[ ,.'’\u00a0\u202f]\d{3})+(?:[.,]\d+)?")
_COMMA = re.compile(r"[-+]?\d+,\d+")


def to_floats(column: Column, repair: Repair) -> Floats:
    """The numbers of a column that must be numbers; text is refused or marked for dropping."""
    import numpy as np

    if column.ignored is not None:
        raise repair.place.error(
            "data.text", f"holds {column.ignored}, no numbers", column=column.name, way_out=_WAY_OUT
        )
    if column.words is not None:
        return _from_words(column, repair)
    values = column.values
    if values.dtype.kind == "f" and values.dtype.itemsize == 2:
        return _widened_halves(values)
    if values.dtype.kind == "f" and values.dtype.itemsize == 4:
        # A price is a decimal, and means the one that it was written as. The core reads what lies in order and aligned.
        return _native.widen(np.require(values, np.float32, ["C", "A"]))
    if values.dtype.kind in "iuf":
        return _from_numbers(column)
    if values.dtype.kind == "O":
        numbers, bad = as_object_numbers(values)
        if len(bad):
            _refuse(repair, bad, column.name, values[bad[0]], all_bad=len(bad) == len(values))
        return numbers
    if len(values) == 0:
        return np.empty(0)
    raise _text_error(repair, 0, column.name, values[0])


def _widened_halves(values: Array) -> Floats:
    """The decimals that numbers of half precision were written as: there are few different ones."""
    import numpy as np

    different, places = np.unique(values, return_inverse=True)
    return np.array([float(str(value)) for value in different], dtype=np.float64)[places]


def to_extra(column: Column) -> Floats | None:
    """The numbers of a column of the user's own, ``None`` if it holds something else."""
    import numpy as np

    if column.ignored is not None or column.words is not None:
        return None
    values = column.values
    if values.dtype.kind in "iuf":
        return _from_numbers(column)
    if values.dtype.kind == "b":
        return np.ascontiguousarray(values, dtype=np.float64)
    if values.dtype.kind != "O":
        return None
    numbers, bad = as_object_numbers(values, booleans=True)
    return None if len(bad) else numbers


def as_object_numbers(values: Array, *, booleans: bool = False) -> tuple[Floats, Ints]:
    """Python objects as floats, and the rows that are no numbers, or none that a float holds; ``None`` is NaN."""
    import numpy as np

    numbers = np.full(len(values), np.nan)
    bad = []
    for row, value in enumerate(values):
        if is_missing(value):
            continue
        number = _float(value) if _is_number(value, booleans) else None
        if number is None:
            bad.append(row)
        else:
            numbers[row] = number
    return numbers, np.array(bad, dtype=np.int64)


def is_missing(value: Any) -> bool:
    """Whether an object says that there is no value: ``None``, NaN, and pandas' ``NA`` and ``NaT``."""
    import numpy as np

    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    # Only a quiet NaN: a signalling one is an error, as whoever made it wanted.
    if isinstance(value, Decimal):
        return value.is_qnan()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating)) and bool(value != value)


def _float(value: Any) -> float | None:
    """A number as a float; ``None`` for what a float cannot hold, as 10**400 or a signalling NaN."""
    try:
        return float(value)
    except (OverflowError, ValueError, TypeError):
        return None


def _is_number(value: Any, booleans: bool) -> bool:
    import numpy as np

    if isinstance(value, (bool, np.bool_)):
        return booleans
    return isinstance(value, (int, float, Decimal, np.integer, np.floating)) or (
        hasattr(value, "__float__") and not isinstance(value, (str, bytes, np.ndarray))
    )


def _from_numbers(column: Column) -> Floats:
    import numpy as np

    numbers: Floats = np.ascontiguousarray(column.values, dtype=np.float64)
    if column.missing is not None:
        numbers = numbers.copy()
        numbers[column.missing] = np.nan
    return numbers


def _from_words(column: Column, repair: Repair) -> Floats:
    """Text in a CSV file may be numbers but for some rows; elsewhere all of it is text."""
    import numpy as np

    words = column.words or []
    parsed = np.full(len(words) + 1, np.nan)
    wrong = np.zeros(len(words) + 1, dtype=bool)
    for code, word in enumerate(words):
        try:
            parsed[code] = float(word.replace("_", "x"))
        except ValueError:
            wrong[code] = True
    if not wrong.any():
        wrong[:-1] = True
    bad = np.flatnonzero(wrong[column.values])
    if len(bad):
        word = words[int(column.values[bad[0]])]
        _refuse(repair, bad, column.name, word, all_bad=len(bad) == len(column.values))
    return np.asarray(parsed[column.values])


def _refuse(repair: Repair, bad: Ints, column: str, value: Any, *, all_bad: bool) -> None:
    if all_bad:
        # A column of text is a wrong column, not some wrong rows: dropping all of them helps nobody.
        raise _text_error(repair, int(bad[0]), column, value)
    repair.refuse(bad, "data.text", _sentence(value), column, f"{_way_out(value)}; {DROP}")


def _sentence(value: Any) -> str:
    # A whole number that is refused is one that overflows.
    return f"{shown(value)} {'is larger than any float' if type(value) is int else 'is not a number'}"


def _text_error(repair: Repair, row: int, column: str, value: Any) -> Exception:
    return repair.place.error("data.text", _sentence(value), row=row, column=column, way_out=_way_out(value))


def _way_out(value: Any) -> str:
    """How to make a number of a cell; for one with marks, how to take these away."""
    text = value.strip() if isinstance(value, str) else ""
    grouped, comma = _GROUPED.fullmatch(text), _COMMA.fullmatch(text)
    if not grouped and not comma:
        return _WAY_OUT
    first = next(mark for mark in text.lstrip("+-") if not mark.isdigit())
    decimal = "," if comma or text.rfind(",") > text.find(".") >= 0 else "."
    ways = []
    if grouped:
        mark = repr(first)
        point = ".str.replace(',', '.')" if decimal == "," and first != "," else ""
        ways.append(f"if {mark} groups thousands, frame[column].str.replace({mark}, ''){point}.astype(float)")
    if comma:
        ways.append("if ',' marks decimals, frame[column].str.replace(',', '.').astype(float)")
    return f"give numbers (pandas: {'; '.join(ways)}; read_csv has thousands= and decimal=)"
