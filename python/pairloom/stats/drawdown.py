"""Draw-downs over the full equity curve, not only over its daily ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pairloom.stats.daily import DAY_NS

if TYPE_CHECKING:
    from pairloom.stats.daily import Floats, Times


def max_drawdown(equity: Floats, start: float) -> float:
    """The deepest fall from a peak, as a **negative** fraction: min(E / peak - 1), 0 when there was none.

    The equity before the first row, `start`, is the first peak.  An equity below zero gives less than -1.
    NaN when there was no equity to fall from.
    """
    import numpy as np

    if len(equity) == 0:
        return 0.0 if start > 0.0 else math.nan
    if not start > 0.0:
        return math.nan
    peak = np.maximum(np.maximum.accumulate(equity), start)
    with np.errstate(all="ignore"):
        return min(float(np.min(equity / peak)) - 1.0, 0.0)


def max_drawdown_duration(ts: Times, equity: Floats, start: float) -> float:
    """The longest time under water, in **days** (a float; 0 when there was none).

    It runs from the last row at a peak to the first row back at that height or above it, or to the last row
    when the peak was never seen again.  `start` counts as a peak at the first row's time.
    """
    import numpy as np

    if len(equity) == 0:
        return 0.0
    peak = np.maximum(np.maximum.accumulate(equity), start)
    under = equity < peak
    rows = np.arange(len(equity))
    # Row 0 stands in for the starting equity, which has no row of its own.
    at_peak = np.maximum.accumulate(np.where(under, 0, rows))
    elapsed = ts - ts[at_peak]
    # A row that is back at the peak ends the spell that the row before it belongs to.
    elapsed[1:] = np.where(~under[1:] & under[:-1], ts[1:] - ts[at_peak[:-1]], elapsed[1:])
    return int(elapsed.max()) / DAY_NS
