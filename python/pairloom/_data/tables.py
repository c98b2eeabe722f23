"""Columns of any form, before anybody knows what they mean."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairloom._data.fault import Place, listed, shown
from pairloom._words import with_article
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.series import Array, Ints

TIMES = ("ts", "date", "datetime", "time", "timestamp", "open_time")
CLOSE_TIME = "close_time"
#: The index of a frame that holds times beside columns that do, too.
INDEX = "datetimeindex"
#: Columns that name a row's market; those behind the second count where they hold text.
PAIRS = ("pair", "symbol", "ticker", "product_id", "instrument", "instrument_id", "asset")
SURE_PAIRS = PAIRS[:2]
QUANTITIES = ("quantity", "amount", "size")
#: The columns of all kinds that must hold numbers.
NUMBERS = (
    *("open", "high", "low", "close", "volume"),
    *("bid", "ask", "bid_size", "ask_size", "price"),
    *QUANTITIES,
)
#: Columns whose text matters; other text is not even read.
TEXT = [*TIMES, CLOSE_TIME, *NUMBERS, "side"]
ROW_LIST = ("ts", "open", "high", "low", "close", "volume")

#: Up to here every whole number is a float64.
_EXACT = 2**53


@dataclass
class Column:
    """One column: values of any type, or numbered words, or a note of why it was not read."""

    name: str
    values: Array
    #: For text: the words that ``values`` number; -1 is a missing value.
    words: list[str] | None = None
    #: Rows of integers that have no value.
    missing: Ints | None = None
    #: What the column holds, if that cannot be used.
    ignored: str | None = None

    def take(self, rows: Ints) -> Column:
        """The same column with only these rows."""
        import numpy as np

        missing = self.missing
        if missing is not None:
            gone = np.zeros(len(self.values), dtype=bool)
            gone[missing] = True
            missing = np.flatnonzero(gone[rows])
        values = self.values if self.ignored is not None else self.values[rows]
        return Column(self.name, values, self.words, missing, self.ignored)


@dataclass
class Table:
    """Columns of one length, by their names in lower case."""

    place: Place
    columns: dict[str, Column]

    @classmethod
    def of(cls, place: Place, columns: list[Column]) -> Table:
        """A table whose columns have one length and different names."""
        by_name: dict[str, Column] = {}
        for column in columns:
            name = column.name.strip().lower()
            if not name:
                continue  # row numbers that a frame's index left in a file
            if name in by_name:
                raise place.error(
                    "data.duplicate_column",
                    f"has two columns '{by_name[name].name}' and '{column.name}'",
                    way_out="names are case-insensitive: rename or drop one",
                )
            by_name[name] = column
        table = cls(place, by_name)
        table._check_lengths()
        return table

    def _check_lengths(self) -> None:
        lengths = {c.name: len(c.values) for c in self.columns.values() if c.ignored is None}
        if len(set(lengths.values())) > 1:
            text = ", ".join(f"'{name}' {length:,}" for name, length in lengths.items())
            raise self.place.error(
                "data.length",
                f"columns of different lengths: {text}",
                way_out="give every column one value per row",
            )

    def __len__(self) -> int:
        used = (c for c in self.columns.values() if c.ignored is None)
        first = next(used, None)
        return 0 if first is None else len(first.values)

    def take(self, rows: Ints) -> Table:
        """The same table with only these rows."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Table(self.place.keep(rows), columns)

    @property
    def names(self) -> str:
        """The columns as the input spells them, for messages."""
        return listed([column.name for column in self.columns.values()], 20)


def from_native(place: Place, columns: list[tuple[Any, ...]]) -> Table:
    """The table that the native readers return."""
    import numpy as np

    made = []
    for name, kind, values, *rest in columns:
        if kind == "int":
            made.append(Column(name, values, missing=rest[0]))
        elif kind == "time":
            made.append(Column(name, values.view("datetime64[ns]")))
        elif kind == "half":
            made.append(Column(name, values.astype(np.float16)))
        elif kind == "text":
            made.append(Column(name, values, words=rest[0]))
        elif kind == "ignored":
            made.append(Column(name, np.empty(0), ignored=values))
        else:
            made.append(Column(name, values))
    return Table.of(place, made)


def from_file(path: str, place: Place) -> Table:
    """The table in a CSV, Parquet or Feather file."""
    from pairloom._data.files import read_columns

    return from_native(place, read_columns(path, place))


def from_stream(data: Any, place: Place) -> Table:
    """The table of any object with an Arrow stream."""
    from pairloom import _native

    return from_native(place, _native.read_stream(data, place.origin, TEXT, list(PAIRS)))


def from_mapping(data: Mapping[Any, Any], place: Place) -> Table:
    """A dict of arrays."""
    return Table.of(place, [array_column(str(name), values, place) for name, values in data.items()])


def from_rows(data: Any, place: Place) -> Table:
    """Rows as ccxt gives them: milliseconds, open, high, low, close, volume."""
    import numpy as np

    if not isinstance(data, np.ndarray):
        if len(data) == 0:
            raise place.error("data.empty", "there are no rows", way_out="give at least one row")
        for index, row in enumerate(data):
            _check_row(row, len(data[0]) if isinstance(data[0], Sequence) else 0, index, place)
        columns = [list(column) for column in zip(*data, strict=True)]
    elif data.ndim == 2 and data.shape[1] in (5, 6):
        columns = list(data.T)
    else:
        raise place.error(
            "data.shape",
            f"an array of shape {data.shape} is no table",
            way_out="give a dict of one-dimensional arrays, or rows of 5 or 6 numbers",
        )
    names = ROW_LIST[: len(columns)]
    return Table.of(
        place,
        [array_column(name, column, place) for name, column in zip(names, columns, strict=True)],
    )


def _check_row(row: Any, length: int, index: int, place: Place) -> None:
    if isinstance(row, Mapping):
        raise place.error(
            "data.type",
            "is a list of dicts, one per row",
            way_out="give columns: pandas.DataFrame(rows), or {name: [row[name] for row in rows]}",
        )
    if isinstance(row, str) or not isinstance(row, Sequence):
        raise place.error(
            "data.type",
            f"{shown(row)} is no row",
            row=index,
            way_out="a list means rows: [[milliseconds, open, high, low, close, volume], ...]",
        )
    if length not in (5, 6) or len(row) != length:
        raise place.error(
            "data.length",
            f"has {len(row)} values",
            row=index,
            way_out="a row is [milliseconds, open, high, low, close, volume]",
        )


def array_column(name: str, values: Any, place: Place) -> Column:
    """A column of a dict: an array, a list, or anything that NumPy can read."""
    import numpy as np

    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
        raise place.error(
            "data.type",
            f"is {shown(values)}, not an array",
            column=name,
            way_out="give one value per row",
        )
    if isinstance(values, np.ndarray):
        array = values
    elif isinstance(values, (list, tuple)):
        array = _array_of_list(values)
    else:
        # pandas, polars and pyarrow columns know best how they become an array.
        whole = _whole_numbers(values)
        array = np.asarray(values) if whole is None else whole
    missing = None
    if isinstance(array, np.ma.MaskedArray) and array.dtype.kind in "iu" and array.ndim == 1:
        missing = np.flatnonzero(np.ma.getmaskarray(array))
        array = array.filled(0)
    elif isinstance(array, np.ma.MaskedArray):
        floats = array.dtype if array.dtype.kind == "f" else np.float64
        array = np.ma.filled(array.astype(floats), np.nan)
    if array.ndim != 1:
        raise place.error(
            "data.shape",
            f"is an array of shape {array.shape}",
            column=name,
            way_out="give one-dimensional arrays, one value per row",
        )
    return Column(name, array, missing=missing if missing is not None and len(missing) else None)


def _whole_numbers(values: Any) -> Array | None:
    """The integers of a polars or pyarrow column that lacks some; NumPy would take floats, which round nanoseconds."""
    import numpy as np

    module = type(values).__module__.partition(".")[0]
    if module == "polars":
        whole, lacks = values.dtype.is_integer(), values.null_count() > 0
    elif module == "pyarrow":
        whole, lacks = str(values.type).lstrip("u").startswith("int"), values.null_count > 0
    else:
        return None
    if not whole or not lacks:
        return None
    return np.ma.array(np.asarray(values.fill_null(0)), mask=np.asarray(values.is_null()))


def _array_of_list(values: Sequence[Any]) -> Array:
    """A list without NumPy's guesses: mixed values stay as they are, to be named in errors."""
    import numpy as np

    kinds = {type(value) for value in values}
    # Floats would round integers of nanoseconds, beside a NaN for a missing one.
    exact = kinds != {int, float} or all(type(value) is float or abs(value) <= _EXACT for value in values)
    if kinds <= {int, float} and values and exact:
        for number in (np.int64, np.float64) if kinds == {int} else (np.float64,):
            with contextlib.suppress(OverflowError):
                return np.array(values, dtype=number)
        # One of them is beyond what a float holds, and is to be named.
    if kinds and all(issubclass(kind, (bool, np.generic)) for kind in kinds):
        return np.array(values)
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array


def from_structured(data: Array, place: Place) -> Table:
    """A NumPy array with named fields."""
    return from_mapping({name: data[name] for name in data.dtype.names or ()}, place)


def from_any(data: Any, place: Place) -> Table:
    """The table of one object in memory."""
    import numpy as np

    module = type(data).__module__.partition(".")[0]
    if module == "pandas":
        from pairloom._data import frames

        return frames.from_pandas(data, place)
    if isinstance(data, Mapping):
        return from_mapping(data, place)
    if isinstance(data, np.ndarray):
        return from_structured(data, place) if data.dtype.names else from_rows(data, place)
    if module == "polars" and type(data).__name__ == "LazyFrame":
        raise place.error("data.type", "is a lazy frame", way_out="collect it: data.collect()")
    if module == "polars" and type(data).__name__ == "Series":
        raise single_column(place)
    if hasattr(data, "__arrow_c_stream__"):
        return from_stream(data, place)
    if isinstance(data, (list, tuple)):
        return from_rows(data, place)
    raise unknown_form(data, place)


def single_column(place: Place) -> DataError:
    """The error for one column where a table is needed."""
    return place.error(
        "data.type",
        "is a single column, not a table",
        way_out="give a frame with a time and the columns open, high, low and close",
    )


def unknown_form(data: Any, place: Place) -> DataError:
    """The error for an object that is no data at all."""
    if type(data).__module__ == "pairloom.feed":
        return place.error(
            "data.type",
            "a SyntheticFeed runs in real time, and a backtest needs recorded data",
            way_out="give it to engine.start(feed) or engine.paper(feed, duration=...), or make recorded "
            "data with pairloom.synthetic(pairs, rows=...)",
        )
    return place.error(
        "data.type",
        f"{with_article(type(data).__name__)} is no market data",
        way_out="give a table with Arrow support (pandas, polars, pyarrow), a dict of arrays, a "
        "path to a CSV, Parquet or Feather file or a folder of them, ccxt rows, or a dict "
        "{'ETH/BTC': one of these}",
    )
