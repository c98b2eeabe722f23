"""The checks of rows, and what ``repair="drop"`` leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pairloom._data.fault import DROP, Place, shown
from pairloom._data.order import in_order

if TYPE_CHECKING:
    from pairloom._data.series import Array, Floats, Ints, Kind

_SORT = 'sort the rows by time first, as in df.sort_values("ts")'
_TWICE = f"keep one of them: two pairs in one table need a 'pair' column; or {DROP}"


#: A row of the input, its column, and what is wrong there.
First: TypeAlias = tuple[int, str, str]


class Named(NamedTuple):
    """What messages call rows and columns."""

    place: Place
    spellings: dict[str, str]

    def spelled(self, column: str) -> str:
        """A column as the input spells it."""
        return self.spellings.get(column) or column


class Repair:
    """Refuses wrong rows at once, or marks them for dropping."""

    def __init__(self, place: Place, rows: int, *, drop: bool) -> None:
        self.place = place
        self.drop = drop
        self._rows = rows
        self._bad: Array | None = None
        #: The first row that was marked, with its column and what is wrong there.
        self.first: First | None = None
        #: The unit of times that are numbers, told by their size.
        self.unit: str | None = None

    def refuse(self, rows: Ints, code: str, sentence: str, column: str, way_out: str) -> None:
        """These rows are wrong, the first for the reason given."""
        import numpy as np

        if not self.drop:
            raise self.place.error(code, sentence, row=int(rows[0]), column=column, way_out=way_out)
        if self._bad is None:
            self._bad = np.zeros(self._rows, dtype=bool)
        self._bad[rows] = True
        self.first = earlier(self.first, (self.place.row(int(rows[0])), column, sentence))

    @property
    def kept(self) -> Ints | None:
        """The rows to go on with, ``None`` for all."""
        import numpy as np

        return None if self._bad is None else np.flatnonzero(~self._bad)


def first_wrong(kind: Kind, ts: Ints, close_ts: Ints | None, columns: dict[str, Floats], named: Named) -> None:
    """Refuses the first row that breaks a rule of its kind."""
    found = _offence(kind, ts, close_ts, columns)
    if found is None:
        return
    row, column, sentence, code = found
    way_out = DROP
    if code == "data.duplicate_time":
        way_out = _TWICE
    elif code == "data.time_backwards":
        lost, among = _out_of_order(kind, ts, in_order(ts, repeats=kind != "candle"))
        # Where most rows are out of order, dropping them is no repair.
        way_out = f"{_SORT}, or {DROP}"
        if 2 * lost > among:
            way_out = f'{_SORT}; repair="drop" would leave only {among - lost:,} of {among:,} times'
    raise named.place.error(code, sentence, row=row, column=named.spelled(column), way_out=way_out)


def wrong(
    kind: Kind, ts: Ints, close_ts: Ints | None, columns: dict[str, Floats], named: Named
) -> tuple[Ints, First | None]:
    """The fewest rows to drop so that the others break no rule, and the first of them; refuses rows that need sorting.

    A row whose content is wrong goes first, so that its time cannot condemn others.
    """
    import numpy as np

    if _offence(kind, ts, close_ts, columns) is None:
        return np.empty(0, dtype=np.int64), None
    bad = _wrong_content(kind, ts, close_ts, columns)
    good = np.flatnonzero(~bad)
    in_time = in_order(ts[good], repeats=kind != "candle")
    lost, among = _out_of_order(kind, ts[good], in_time)
    if 2 * lost > among:
        raise named.place.error(
            "data.time_backwards",
            f'repair="drop" would drop {lost:,} of {among:,} times because of their order alone',
            column=named.spelled("ts"),
            way_out=_SORT,
        )
    kept = good[in_time]
    if close_ts is not None:
        kept = kept[in_order(close_ts[kept], repeats=True)]
    dropped: Ints = np.delete(np.arange(len(ts)), kept)
    row = int(dropped[0])
    found = _offence(kind, *_rows([row], ts, close_ts, columns)) if bad[row] else None
    column, sentence = ("ts", "is out of the order of time") if found is None else found[1:3]
    if found is None:
        sentence = f"{iso(int(ts[row]))} {sentence}"
    return dropped, (named.place.row(row), named.spelled(column), sentence)


def earlier(one: First | None, other: First | None) -> First | None:
    """Which of two rows stands first in the input."""
    known = [each for each in (one, other) if each is not None]
    return min(known, key=lambda each: each[0], default=None)


def _out_of_order(kind: Kind, ts: Ints, kept: Array) -> tuple[int, int]:
    """How many rows would be dropped because of their order, and of how many; of candles at one time one counts."""
    import numpy as np

    among = len(np.unique(ts)) if kind == "candle" else len(ts)
    return among - int(kept.sum()), among


def _wrong_content(kind: Kind, ts: Ints, close_ts: Ints | None, columns: dict[str, Floats]) -> Array:
    """Which rows are wrong in themselves, wherever they stand."""
    import numpy as np

    from pairloom import _native

    bad = np.zeros(len(ts), dtype=bool) if close_ts is None else close_ts <= ts
    # With times that rise, no row is wrong because of its neighbours.
    bad[_native.offending_rows(kind, np.arange(len(ts)), None, columns)] = True
    return bad


def _rows(
    rows: list[int], ts: Ints, close_ts: Ints | None, columns: dict[str, Floats]
) -> tuple[Ints, Ints | None, dict[str, Floats]]:
    closes = None if close_ts is None else close_ts[rows]
    return ts[rows], closes, {name: values[rows] for name, values in columns.items()}


def _offence(
    kind: Kind, ts: Ints, close_ts: Ints | None, columns: dict[str, Floats]
) -> tuple[int, str, str, str] | None:
    """The first row that breaks a rule: the row, its column, what is wrong in words, and the code."""
    from pairloom import _native

    found = _native.first_offence(kind, ts, close_ts, columns)
    if found is None:
        return None
    row, column, number, time, code, rule = found
    value = iso(time) if number is None else shown(number)
    if code == "data.high_low":
        low, high = columns["low"][row], columns["high"][row]
        rule = f"does not lie between low {shown(low)} and high {shown(high)}"
        if column == "low":
            rule = f"is above high {shown(high)}"
    elif column in ("ts", "close_time") and row > 0:
        times = ts if column == "ts" or close_ts is None else close_ts
        rule = f"{rule} ({iso(int(times[row - 1]))})"
    return row, column, f"{value} {rule}", code


def iso(nanoseconds: int) -> str:
    """A time for a message."""
    import numpy as np

    text: Any = np.datetime64(nanoseconds, "ns")
    return str(text).removesuffix(".000000000") + "Z"
