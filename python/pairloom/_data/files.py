"""Files as columns, and what is the matter with those that the reader cannot make sense of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._data import tables

if TYPE_CHECKING:
    from pairloom._data.fault import Place

#: From here on not every whole number is a float64.
_EXACT = 2.0**53


def read_columns(path: str, place: Place) -> list[tuple[Any, ...]]:
    """The columns of a CSV, Parquet or Feather file, as the native reader returns them."""
    columns = _read(path, place, [])
    rounded = [name for name, kind, values, *_ in columns if kind == "float" and _is_rounded_time(name, values)]
    if not rounded:
        return columns
    # A missing cell made floats of whole numbers; as text they keep their last digits.
    exact = {column[0]: column for column in _read(path, place, rounded)}
    return [exact[column[0]] if _is_whole(exact[column[0]]) else column for column in columns]


def _read(path: str, place: Place, as_text: list[str]) -> list[tuple[Any, ...]]:
    from pairloom import _native

    labels = [*tables.PAIRS, *(name.strip().lower() for name in as_text)]
    columns: list[tuple[Any, ...]] = list(_native.read_table(path, place.origin, tables.TEXT, labels))
    return columns


def _is_rounded_time(name: str, values: Any) -> bool:
    import numpy as np

    if name.strip().lower() not in (*tables.TIMES, tables.CLOSE_TIME):
        return False
    known = values[~np.isnan(values)]
    return 0 < len(known) < len(values) and bool((np.abs(known) >= _EXACT).any())


def _is_whole(column: tuple[Any, ...]) -> bool:
    """Whether a column of text is whole numbers; one of decimals is better read as such."""
    return column[1] == "text" and all(word.lstrip("-").isdigit() for word in column[3])
