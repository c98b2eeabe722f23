"""Files as columns, and what is the matter with those that the reader cannot make sense of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._data import tables
from pairloom._data.fault import shown
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.fault import Place

#: The endings of files that are text.
_TEXT = (".csv", ".tsv", ".txt")
#: So much of a file holds its first lines, of which so many may stand before the header.
_HEAD = 1 << 16
_PREAMBLE = 20
#: From here on not every whole number is a float64.
_EXACT = 2.0**53


def read_columns(path: str, place: Place) -> list[tuple[Any, ...]]:
    """The columns of a CSV, Parquet or Feather file, as the native reader returns them."""
    text = path.lower().endswith(_TEXT)
    try:
        columns = _read(path, place, [])
    except DataError as error:
        # Of a line that is no header the reader says that the good lines behind it are too long.
        found = _wrong_header(path, place) if text and error.code == "data.length" else None
        if found is not None:
            raise found from None
        raise
    if text:
        found = _wrong_header(path, place)
        if found is not None:
            raise found
    rounded = [name for name, kind, values, *_ in columns if kind == "float" and _is_rounded_time(name, values)]
    if not rounded:
        return columns
    # A missing cell made floats of whole numbers; as text they keep their last digits.
    exact = {column[0]: column for column in _read(path, place, rounded)}
    return [exact[column[0]] if _is_whole(exact[column[0]]) else column for column in columns]


def _wrong_header(path: str, place: Place) -> DataError | None:
    """What is wrong with the first line of a text, if that is no header as the reader knows them."""
    with open(path, "rb") as file:
        text = file.read(_HEAD).decode("utf-8-sig", "replace")
    # The reader passes over empty lines, too.
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if _known(first, ",;\t") > 0:
        return None
    for separator in "| ":
        if _known(first, separator) > 1:
            return place.error(
                "data.separator",
                f"its columns are separated by {separator!r}, but only commas, semicolons and tabs are read",
                way_out=f"write it with commas: pandas.read_csv(path, sep={separator!r}).to_csv(path, index=False)",
            )
    header = next((row for row, line in enumerate(lines[:_PREAMBLE]) if _known(line, ",;\t") > 1), None)
    if header is not None:
        return place.error(
            "data.no_header",
            f"its first line, {shown(first)}, does not name the columns, but {shown(lines[header])} does",
            way_out=f"remove only what stands before that: {header} line{'s' if header > 1 else ''}",
        )
    words = _words(first, ",;\t")
    if len(words) > 1 and _are_values(words):
        return place.error(
            "data.no_header",
            f"has no header: its first line is {shown(first)}",
            way_out="add a line of column names (ts,open,high,low,close,volume)",
        )
    return None


def _words(line: str, separators: str) -> list[str]:
    """The cells of a line, by the separator that it has most of."""
    return [word.strip().strip('"') for word in line.split(max(separators, key=line.count))]


def _known(line: str, separators: str) -> int:
    """How many columns that have a meaning a line names."""
    known = {*tables.TIMES, *tables.NUMBERS, tables.CLOSE_TIME, *tables.PAIRS}
    return len(known.intersection(word.lower() for word in _words(line, separators)))


def _are_values(words: list[str]) -> bool:
    """Whether cells are a row: one of them is a date, or most of them are numbers."""
    from pairloom import _native

    _, others, _ = _native.parse_times(list(words))
    numbers = sum(word.replace(".", "", 1).lstrip("-").isdigit() for word in words)
    return len(others) < len(words) or 2 * numbers > len(words)


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
