"""The checks of rows, and what ``repair="drop"`` leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._data.fault import DROP, Place, shown

if TYPE_CHECKING:
    from pairloom._data.series import Array, Floats, Ints, Kind

_ORDER_WAY_OUT = {
    "data.time_backwards": f"sort the rows by time first, or {DROP}",
    "data.duplicate_time": f"keep one of them: two pairs in one table need a 'pair' column; or {DROP}",
}


class Repair:
    """Refuses wrong rows at once, or marks them for dropping."""

    def __init__(self, place: Place, rows: int, *, drop: bool) -> None:
        self.place = place
        self.drop = drop
        self._rows = rows
        self._bad: Array | None = None

    def refuse(self, rows: Ints, code: str, sentence: str, column: str, way_out: str) -> None:
        """These rows are wrong, the first for the reason given."""
        import numpy as np

        if not self.drop:
            raise self.place.error(code, sentence, row=int(rows[0]), column=column, way_out=way_out)
        if self._bad is None:
            self._bad = np.zeros(self._rows, dtype=bool)
        self._bad[rows] = True

    @property
    def kept(self) -> Ints | None:
        """The rows to go on with, ``None`` for all."""
        import numpy as np

        return None if self._bad is None else np.flatnonzero(~self._bad)


def first_wrong(
    kind: Kind,
    ts: Ints,
    close_ts: Ints | None,
    columns: dict[str, Floats],
    place: Place,
    spelled: dict[str, str],
) -> None:
    """Refuses the first row that breaks a rule of its kind."""
    from pairloom import _native

    found = _native.first_offence(kind, ts, close_ts, columns)
    if found is None:
        return
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
    raise place.error(
        code,
        f"{value} {rule}",
        row=row,
        column=spelled.get(column, column),
        way_out=_ORDER_WAY_OUT.get(code, DROP),
    )


def wrong(kind: Kind, ts: Ints, close_ts: Ints | None, columns: dict[str, Floats]) -> Ints:
    """All rows to drop, so that the others break no rule."""
    from pairloom import _native

    bad: Ints = _native.offending_rows(kind, ts, close_ts, columns)
    return bad


def iso(nanoseconds: int) -> str:
    """A time for a message."""
    import numpy as np

    text: Any = np.datetime64(nanoseconds, "ns")
    return str(text).removesuffix(".000000000") + "Z"
