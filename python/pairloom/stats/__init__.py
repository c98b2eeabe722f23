"""Statistics of a run: daily returns, ratios, draw-downs, and what the trades say.

Conventions, the same everywhere: fractions and not percents; daily UTC returns; 365 days a year, since these
markets never close; a risk-free rate of 0.  A ratio over zero is infinite, zero over zero is NaN, and
whatever needs a daily return is NaN when there are fewer than two of them.  No module here imports NumPy
before it is needed, so `import pairloom` stays quick.
"""

from __future__ import annotations

from pairloom.stats.daily import DailyReturns
from pairloom.stats.statistics import DESCRIPTIONS, Statistics, TraderStatistics

__all__ = ["DESCRIPTIONS", "DailyReturns", "Statistics", "TraderStatistics"]
