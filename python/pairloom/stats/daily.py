"""Daily UTC equity and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._frames import pandas, polars

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    Times = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

DAY_NS = 86_400_000_000_000
"""Nanoseconds in a UTC day; UTC as used here has no leap seconds."""


def daily_equity(ts: Times, equity: Floats, start: float, first_day: int, last_day: int) -> Floats:
    """Equity at the end of each UTC day from `first_day` to `last_day` (since 1970-01-01, both included).

    `ts` (ns, never decreasing) and `equity` are the curve.  A day's equity is that of its last row; a day
    without rows carries the day before it forward; before the first row it is `start`.
    """
    import numpy as np

    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    # The first instant of the next day bounds a day, so a row at midnight belongs to the day that begins.
    newest = np.searchsorted(ts, (days + 1) * DAY_NS, side="left") - 1
    padded = np.concatenate((np.array([start], dtype=np.float64), equity))
    return padded[newest + 1]


def simple_returns(equity: Floats, start: float) -> Floats:
    """Simple returns E[i] / E[i-1] - 1; the first is measured from `start`.

    A return on an equity that is zero or below has no meaning and is NaN: it is never guessed.
    """
    import numpy as np

    before = np.concatenate((np.array([start], dtype=np.float64), equity[:-1]))
    with np.errstate(all="ignore"):
        return np.where(before > 0.0, equity / before - 1.0, np.nan)


class DailyReturns:
    """The daily UTC returns of a run, as fractions (0.01 is one per cent).

    `dates` (datetime64[D]) and `values` (float64) have equal lengths and no gaps; `to_pandas()` gives a
    Series with a UTC DatetimeIndex, ready for whatever takes one; `numpy.asarray(returns)` gives the values.
    """

    __slots__ = ("_dates", "_values")

    def __init__(self, dates: npt.NDArray[np.datetime64], values: Floats) -> None:
        """Hold dates and returns of equal length."""
        self._dates = dates
        self._values = values
        # The object is shared by every reader of the result, so nobody may change it under another.
        self._dates.flags.writeable = False
        self._values.flags.writeable = False

    @classmethod
    def of_curve(cls, ts: Times, equity: Floats, start: float) -> DailyReturns:
        """The returns of an equity curve: `ts` in ns UTC, `start` the equity before its first row."""
        import numpy as np

        if len(ts) == 0:
            return cls(np.empty(0, dtype="datetime64[D]"), np.empty(0, dtype=np.float64))
        first, last = int(ts[0]) // DAY_NS, int(ts[-1]) // DAY_NS
        values = simple_returns(daily_equity(ts, equity, start, first, last), start)
        return cls(np.arange(first, last + 1, dtype=np.int64).view("datetime64[D]"), values)

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The UTC days, datetime64[D], without gaps."""
        return self._dates

    @property
    def values(self) -> Floats:
        """The simple return of each day, a fraction."""
        return self._values

    @property
    def columns(self) -> list[str]:
        """The names that `column` takes."""
        return ["date", "return"]

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column by name, as the result's tables give theirs."""
        if name == "date":
            return self._dates
        if name == "return":
            return self._values
        raise KeyError(f"no column {name!r}; the columns are 'date' and 'return'")

    def to_pandas(self) -> Any:
        """A pandas Series named "return" over a daily UTC DatetimeIndex named "date"."""
        pd = pandas()

        index = pd.DatetimeIndex(self._dates.astype("datetime64[ns]"), name="date").tz_localize("UTC")
        return pd.Series(self._values.copy(), index=index, name="return")

    def to_polars(self) -> Any:
        """A polars DataFrame with the columns `date` (Date) and `return` (Float64)."""
        pl = polars()

        return pl.DataFrame({"date": self._dates.copy(), "return": self._values.copy()})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The values, for NumPy."""
        import numpy as np

        wanted = np.dtype(np.float64 if dtype is None else dtype)
        if copy is False and wanted != self._values.dtype:
            raise ValueError(f"the returns are float64; {wanted} needs a copy")
        return self._values.astype(wanted, copy=bool(copy))

    def __len__(self) -> int:
        """The number of days."""
        return len(self._values)

    def __iter__(self) -> Iterator[float]:
        """Iterate over the days."""
        return iter(self._values.tolist())

    def __getitem__(self, index: int) -> float:
        """The return of one day."""
        return float(self._values[index])

    def __repr__(self) -> str:
        """The number of days and their range."""
        if not len(self):
            return "DailyReturns(no days)"
        days = "1 day" if len(self) == 1 else f"{len(self):,} days"
        return f"DailyReturns({days}, {self._dates[0]} to {self._dates[-1]})"
