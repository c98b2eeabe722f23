"""What the statistics are computed from: a run's tables and its first and last equity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy.typing as npt

    from pairloom.stats.daily import Floats, Times


class Columns(Protocol):
    """A table as the statistics see it: named NumPy columns of one length."""

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def column(self, name: str, /) -> npt.NDArray[Any]:
        """One column; times are datetime64, money float64, text objects."""
        ...


@dataclass(frozen=True)
class RunFacts:
    """One run: `start`, `end` and `fees` in the account's currency, and a reader of tables by name."""

    start: float
    end: float
    fees: float
    traders: Sequence[tuple[str, str]]
    table: Callable[[str], Columns]

    def curve(self) -> tuple[Times, Floats]:
        """The equity curve: times in ns UTC and equity."""
        table = self.table("equity_curve")
        return nanoseconds(table.column("ts")), table.column("equity")


def nanoseconds(times: npt.NDArray[Any]) -> Times:
    """A datetime64 column as ns since 1970-01-01 UTC; a missing time (NaT) is the smallest int64."""
    import numpy as np

    return times.astype("datetime64[ns]", copy=False).view(np.int64)
