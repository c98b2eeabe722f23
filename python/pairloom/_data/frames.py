"""pandas frames, with or without pyarrow installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._data import tables
from pairloom._data.fault import Place
from pairloom._data.tables import Column, Table

if TYPE_CHECKING:
    import pandas as pd

WANTED = frozenset([*tables.TEXT, *tables.PAIRS])
#: pandas' own types of less than double precision.
_FLOATS = {
    "halffloat[pyarrow]": "float16",
    **dict.fromkeys(("Float32", "float[pyarrow]", "float32[pyarrow]"), "float32"),
}


def from_pandas(data: Any, place: Place) -> Table:
    """The columns of a frame and the levels of its index that have a meaning."""
    import pandas as pd

    if isinstance(data, (pd.Series, pd.Index)):
        raise tables.single_column(place)
    if not isinstance(data, pd.DataFrame):
        raise tables.unknown_form(data, place)
    if data.columns.nlevels > 1:
        raise place.error(
            "data.columns",
            f"has columns of {data.columns.nlevels} levels, such as {data.columns[0]!r}",
            way_out="flatten them: frame.columns = frame.columns.get_level_values(0)",
        )
    names = {str(name).strip().lower() for name in data.columns}
    columns = [_column(str(name), data.iloc[:, place_]) for place_, name in enumerate(data.columns)]
    return Table.of(place, _index_columns(data.index, names, place) + columns)


def _index_columns(index: pd.Index, names: set[str], place: Place) -> list[Column]:
    """The index as columns: a time, a pair, or nothing but row numbers."""
    import pandas as pd

    timed = any(name in names for name in tables.TIMES)
    columns = []
    for level in range(index.nlevels):
        values = index.get_level_values(level)
        name = "" if values.name is None else str(values.name).strip().lower()
        if isinstance(values, pd.PeriodIndex):
            raise place.error("data.time", "its index holds periods", way_out="use frame.to_timestamp()")
        dated = isinstance(values, pd.DatetimeIndex)
        if name in names:
            if dated and name in tables.TIMES:
                columns.append(_column("DatetimeIndex", values.to_series()))
        elif dated and name not in (*tables.TIMES, tables.CLOSE_TIME):
            columns.append(_column("DatetimeIndex" if timed else "ts", values.to_series()))
        elif name in WANTED:
            columns.append(_column(name, values.to_series()))
    return columns


def _column(name: str, values: pd.Series[Any]) -> Column:
    import numpy as np
    import pandas as pd

    kind = values.dtype
    wanted = name.strip().lower() in WANTED
    if isinstance(kind, pd.CategoricalDtype):
        return _words(name, values) if wanted else Column(name, np.empty(0), ignored="categories")
    if isinstance(kind, pd.DatetimeTZDtype):
        return Column(name, values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if isinstance(kind, pd.StringDtype) or str(kind) in ("string[pyarrow]", "large_string[pyarrow]"):
        return _words(name, values) if wanted else Column(name, np.empty(0), ignored="text")
    if isinstance(kind, np.dtype):
        if kind.kind == "O" and not wanted and pd.api.types.infer_dtype(values) == "string":
            return Column(name, np.empty(0), ignored="text")
        return Column(name, values.to_numpy())
    if pd.api.types.is_bool_dtype(kind) and not values.isna().any():
        return Column(name, values.to_numpy(dtype=bool))
    if pd.api.types.is_integer_dtype(kind):
        # Through floats times in nanoseconds would lose their last digits to a missing neighbour.
        missing = np.flatnonzero(values.isna().to_numpy())
        whole = values.fillna(0) if len(missing) else values
        number = np.uint64 if pd.api.types.is_unsigned_integer_dtype(kind) else np.int64
        return Column(name, whole.to_numpy(dtype=number), missing=missing if len(missing) else None)
    if pd.api.types.is_numeric_dtype(kind):
        return Column(name, values.to_numpy(dtype=_FLOATS.get(str(kind), "float64"), na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(kind):
        times = pd.to_datetime(values, utc=True).dt.tz_localize(None)
        return Column(name, times.to_numpy(dtype="datetime64[ns]"))
    return Column(name, values.to_numpy(dtype=object))


def _words(name: str, values: pd.Series[Any]) -> Column:
    import numpy as np
    import pandas as pd

    codes, words = pd.factorize(values)
    return Column(name, codes.astype(np.int32), words=[str(word) for word in words])


def split_levels(data: Any) -> dict[str, Any] | None:
    """Frames by ticker, if the columns have two levels of which one names prices.

    That is how yfinance returns prices: (Price, Ticker), or (Ticker, Price) when grouped.
    """
    import pandas as pd

    if not isinstance(data, pd.DataFrame) or data.columns.nlevels != 2:
        return None
    for level in (0, 1):
        words = {str(word).strip().lower() for word in data.columns.get_level_values(level)}
        if "close" in words:
            tickers = data.columns.get_level_values(1 - level).unique()
            return {str(ticker): data.xs(ticker, axis=1, level=1 - level).dropna(how="all") for ticker in tickers}
    return None
