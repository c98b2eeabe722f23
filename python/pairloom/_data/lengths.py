"""What the gaps between candles tell of how long these last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairloom._data.series import Array, Ints

#: So many equal gaps in a row are candles of that length, and not rows that happen to be missing.
_RUN = 10
#: Of gaps between rows that are missing at random no length makes up more than this share.
_SHARE = 0.25
#: How often a run may stand in random data before it passes for no accident.
_ACCIDENTS = 1e-3


class Gaps:
    """The gaps between the candles of one series, counted once."""

    def __init__(self, ts: Ints) -> None:
        import numpy as np

        self._gaps: Ints = np.diff(ts)
        self._lengths, self._counts = np.unique(self._gaps, return_counts=True)

    @property
    def commonest(self) -> int | None:
        """The gap that most candles have to the one before; of equals the smallest."""
        import numpy as np

        return int(self._lengths[int(np.argmax(self._counts))]) if len(self._gaps) else None

    def shorter_than(self, length: int) -> int:
        """How many gaps are shorter."""
        if len(self._gaps) == 0 or self._lengths[0] >= length:
            return 0
        return int(self._counts[self._lengths < length].sum())

    def longer_run(self, length: int) -> tuple[int, int, int] | None:
        """The first run of equal gaps longer than ``length`` that is no accident: its row, how many gaps, a gap."""
        import numpy as np

        if len(self._gaps) == 0 or self._lengths[-1] <= length:
            return None
        longer = self._lengths > length
        if not bool((longer & (self._counts >= _RUN)).any()):
            return None
        ends = np.append(np.flatnonzero(np.diff(self._gaps)) + 1, len(self._gaps))
        starts = np.append(0, ends[:-1])
        counts = ends - starts
        long = (counts >= _RUN) & (self._gaps[starts] > length)
        starts, counts = starts[long], counts[long]
        if len(starts) == 0:
            return None
        found = np.flatnonzero(self._no_accident(self._gaps[starts], counts))
        if len(found) == 0:
            return None
        first = int(found[0])
        return int(starts[first]), int(counts[first]), int(self._gaps[starts[first]])

    def _no_accident(self, gaps: Ints, counts: Ints) -> Array:
        """Whether rows missing at random would hardly ever leave such a run among as many rows."""
        import numpy as np

        # A gap that stands nowhere else cannot be one of those that are common by chance.
        elsewhere = self._counts[np.searchsorted(self._lengths, gaps)] - counts
        share = np.clip(elsewhere / len(self._gaps), 0.0, _SHARE)
        found: Array = len(self._gaps) * share**counts < _ACCIDENTS
        return found
