"""What the trades and fills say: wins and losses, time in the market, turnover."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pairloom.stats.ratios import ratio

if TYPE_CHECKING:
    from pairloom.stats.daily import Floats, Times


class Outcomes(NamedTuple):
    """The results of closed trades; money is in the account's currency and net of fees."""

    win_rate: float
    profit_factor: float
    average_win: float
    average_loss: float
    expectancy: float


def outcomes(pnl: Floats) -> Outcomes:
    """Wins and losses of the closed trades whose profits `pnl` are.

    A win is a profit above zero after fees, a loss one below zero; a trade of exactly zero is neither, but
    counts for the win rate and the expectancy, the mean profit of a trade.  The profit factor is gross profit
    over gross loss, infinite without a loss.  The average loss is negative.
    """
    import numpy as np

    if len(pnl) == 0:
        return Outcomes(math.nan, math.nan, math.nan, math.nan, math.nan)
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    with np.errstate(all="ignore"):
        gained, lost = float(wins.sum()), float(losses.sum())
        return Outcomes(
            win_rate=len(wins) / len(pnl),
            profit_factor=ratio(gained, -lost),
            average_win=gained / len(wins) if len(wins) else math.nan,
            average_loss=lost / len(losses) if len(losses) else math.nan,
            expectancy=float(pnl.mean()),
        )


def exposure(entries: Times, exits: Times, first: int, last: int) -> float:
    """The share of the time from `first` to `last` (ns) in which at least one of the trades was open.

    Trades may overlap: time is counted once.  An open trade's exit is to be given as `last`.  NaN for a run
    without duration.
    """
    import numpy as np

    if last <= first:
        return math.nan
    if len(entries) == 0:
        return 0.0
    order = np.argsort(entries, kind="stable")
    begin = np.clip(entries[order], first, last)
    # The furthest end so far: a trade inside an earlier one adds nothing, and one that begins later leaves a
    # gap.
    reach = np.maximum.accumulate(np.clip(exits[order], first, last))
    gaps = np.maximum(begin[1:] - reach[:-1], 0)
    return int(reach[-1] - begin[0] - gaps.sum()) / (last - first)


def turnover(quantity: Floats, price: Floats, average_equity: float) -> float:
    """Traded notional, buys and sells, over the average equity; of the whole run, not annualised.

    1.0 means that the average equity was traded once.  NaN without an equity above zero.
    """
    import numpy as np

    if not average_equity > 0.0:
        return math.nan
    with np.errstate(all="ignore"):
        return float(np.dot(np.abs(quantity), price)) / average_equity
