"""Of which pair each row of a table is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pairloom._data import tables
from pairloom._data.fault import listed, shown

if TYPE_CHECKING:
    from pairloom._data.names import Names
    from pairloom._data.series import Ints
    from pairloom._data.sources import Source
    from pairloom._data.tables import Column, Table

#: Numbers in these are markets; in the other names of a pair column they are the user's own.
_NUMBERED = ("product_id", "instrument_id")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def by_pair(table: Table, source: Source, names: Names) -> list[tuple[str, Table]]:
    """The table cut by its pair column, or whole for the pair that is otherwise known."""
    column = _pair_column(table)
    if column is None or len(table) == 0:
        return [(source.pair or _only_pair(source, names, table), table)]
    parts = _cut(column, table, names)
    if source.pair is not None:
        if len(parts) == 1 and _is_base(column, parts[0][0], source.pair):
            return [(source.pair, table)]
        other = next((pair for pair, _ in parts if pair != source.pair), None)
        if other is not None:
            raise table.place.error(
                "data.pair_name",
                f"its name says {source.pair}, but its column '{column.name}' says {other}",
                way_out="give each pair its own table, or the table without a pair",
            )
    return parts


def _pair_column(table: Table) -> Column | None:
    """The column that names each row's market, the surest of several."""
    for name in tables.PAIRS:
        column = table.columns.get(name)
        if column is None:
            continue
        if name in tables.SURE_PAIRS or _has_text(column):
            return column
        numbers = _as_numbers(column)
        table.columns[name] = numbers
        if name in _NUMBERED:
            _check_one_number(numbers, table)
    return None


def _check_one_number(column: Column, table: Table) -> None:
    """Refuses markets that are told apart by numbers, of which nobody knows the pairs."""
    import numpy as np

    values = column.values
    if column.ignored is not None or values.dtype.kind not in "iuf":
        return
    known = values == values  # NaN is not equal to itself
    if column.missing is not None:
        known[column.missing] = False
    rows = np.flatnonzero(known)
    other = rows[values[rows] != values[rows[0]]] if len(rows) else rows
    if len(other):
        raise table.place.error(
            "data.pair_name",
            f"names several markets by numbers, {shown(values[rows[0]])} and {shown(values[other[0]])}",
            row=int(other[0]),
            column=column.name,
            way_out="give a column 'pair' with the pair of each row, such as 'ETH/BTC'",
        )


def _has_text(column: Column) -> bool:
    if column.ignored is not None:
        return False
    if column.words is not None:
        return not all(_NUMBER.fullmatch(word) for word in column.words)
    values = column.values
    return values.dtype.kind in "US" or (values.dtype.kind == "O" and any(isinstance(cell, str) for cell in values))


def _as_numbers(column: Column) -> Column:
    """A file's column of numbers that was read as text because of its name."""
    import numpy as np

    if column.words is None or column.ignored is not None:
        return column
    numbers = np.array([*(float(word) for word in column.words), np.nan])
    return tables.Column(column.name, numbers[column.values])


def _is_base(column: Column, said: str, pair: str) -> bool:
    """Whether a column such as 'asset' names what a pair is about, and leaves open in what it is quoted."""
    sure = column.name.strip().lower() in tables.SURE_PAIRS
    return not sure and said.split("/")[0] == pair.split("/")[0].upper()


def _only_pair(source: Source, names: Names, table: Table) -> str:
    if names.only is None:
        raise table.place.error(
            "data.unknown_pair",
            f"nothing says of which pair these rows are, and {_traded(names.patterns)} traded",
            way_out="give a dict {'ETH/BTC': data}, a column 'pair', or a file named ETH_BTC.csv",
        )
    if source.origin != "data":
        names.assumptions.append(f"{source.origin} holds {names.only}, the one pair traded")
    unread = [column.name for column in table.columns.values() if _is_text_left_out(column)]
    # Candles of several markets stand at one time, which is refused; quotes and trades may.
    if unread and "open" not in table.columns:
        names.assumptions.append(
            f"text in {source.origin} is left out ({listed(unread)}), and all its rows are taken for {names.only}; "
            "rows of several markets need a column 'pair'"
        )
    return names.only


def _is_text_left_out(column: Column) -> bool:
    if column.name.strip().lower() in tables.TEXT:
        return False
    if column.ignored is not None:
        return column.ignored in ("text", "categories", "Utf8", "LargeUtf8", "Utf8View")
    values = column.values
    return column.words is None and values.dtype.kind in "OU" and len(values) > 0 and isinstance(values[0], str)


def _traded(patterns: list[str]) -> str:
    return f"{listed(patterns)} {'is' if len(patterns) == 1 and '*' not in patterns[0] else 'are'}"


def _cut(column: Column, table: Table, names: Names) -> list[tuple[str, Table]]:
    """Tables by the words of the pair column, rows in their order."""
    import numpy as np

    codes, words = _words(column, table)
    pairs = [names.of_key(word) for word in words]
    for code, (word, pair) in enumerate(zip(words, pairs, strict=True)):
        if pair is None:
            row = int(np.flatnonzero(codes == code)[0])
            raise table.place.error(
                "data.pair_name",
                f"{shown(word)} is no pair",
                row=row,
                column=column.name,
                way_out="pairs are written BASE/QUOTE, such as ETH/BTC",
            )
    # Two spellings of one pair are one market.
    spelled = [str(pair) for pair in pairs]
    different = sorted(set(spelled))
    numbers = np.array([different.index(pair) for pair in spelled], dtype=np.int64)[codes]
    if len(different) == 1:
        return [(different[0], table)]
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=len(different)))
    parts = np.split(order, ends[:-1])
    return [(pair, table.take(rows)) for pair, rows in zip(different, parts, strict=True) if len(rows)]


def _words(column: Column, table: Table) -> tuple[Ints, list[str]]:
    import numpy as np

    way_out = "give every row its pair, such as 'ETH/BTC'"
    if column.ignored is not None:
        raise table.place.error("data.pair_name", f"holds {column.ignored}", column=column.name, way_out=way_out)
    if column.words is not None:
        codes, words = column.values.astype(np.int64), column.words
    else:
        numbered: dict[object, int] = {}
        cells = column.values.tolist()
        keys = [cell if isinstance(cell, str) else None for cell in cells]
        codes = np.array(
            [-1 if key is None else numbered.setdefault(key, len(numbered)) for key in keys],
            dtype=np.int64,
        )
        words = [str(key) for key in numbered]
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        value = None if column.words is not None else column.values[missing[0]]
        raise table.place.error(
            "data.pair_name",
            f"{shown(value)} is no pair",
            row=int(missing[0]),
            column=column.name,
            way_out=way_out,
        )
    return codes, words
