"""How wrong data are refused: with the place, the value and the way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.series import Ints

DROP = 'correct the row, or pass repair="drop" to leave such rows out'


@dataclass(frozen=True)
class Place:
    """Where cells come from: the input, its pair, and which of its rows these are."""

    origin: str
    pair: str | None = None
    #: The rows of the input that are left, where some are not; ``None`` is all of them.
    rows: Ints | None = None

    def row(self, index: int) -> int:
        """The row of the input, from 0, of a row that is left."""
        return index if self.rows is None else int(self.rows[index])

    def keep(self, kept: Ints) -> Place:
        """The same place with only these of its rows."""
        return replace(self, rows=kept if self.rows is None else self.rows[kept])

    def error(
        self,
        code: str,
        sentence: str,
        *,
        row: int | None = None,
        column: str | None = None,
        way_out: str = "",
    ) -> DataError:
        """The error that names everything known about the place."""
        where = [self.origin]
        if self.pair is not None:
            where.append(f"pair {self.pair}")
        if row is not None:
            where.append(f"row {self.row(row)}")
        if column is not None:
            where.append(f"column '{column}'")
        out = f"; {way_out}" if way_out else ""
        return DataError(f"{', '.join(where)}: {sentence}{out}", code=code)


def listed(names: list[str], limit: int = 8) -> str:
    """Names for a message, the first few of many."""
    if not names:
        return "none"
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def shown(value: object) -> str:
    """A value for a message, short enough for one line."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        # Python writes no integers of thousands of digits.
        text = f"{type(value).__name__} of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."
