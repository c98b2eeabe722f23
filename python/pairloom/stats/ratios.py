"""Growth, volatility and the ratios made of them, from daily returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairloom.stats.daily import Floats

DAYS_PER_YEAR = 365
"""These markets trade on every day of the year."""

ROUNDING = 1e-14
"""A quotient of two float64 near 1 is known to 2e-16: a daily deviation below this is rounding, not risk."""


def ratio(numerator: float, denominator: float) -> float:
    """The quotient with IEEE rules and without exceptions: x / 0 is infinite with x's sign, 0 / 0 is NaN."""
    if denominator != 0.0:
        return numerator / denominator
    if numerator == 0.0 or math.isnan(numerator):
        return math.nan
    return math.copysign(math.inf, numerator)


def total_return(start: float, end: float) -> float:
    """end / start - 1, a fraction; NaN when the run began without equity."""
    return end / start - 1.0 if start > 0.0 else math.nan


def cagr(start: float, end: float, days: int) -> float:
    """Compound annual growth rate, a fraction a year: (end / start) ** (365 / days) - 1.

    `days` is the number of daily returns.  NaN under two days and where the equity ends below zero, since a
    loss of more than everything does not compound.
    """
    if days < 2 or not start > 0.0 or not end >= 0.0:
        return math.nan
    try:
        return math.pow(end / start, DAYS_PER_YEAR / days) - 1.0
    except OverflowError:
        return math.inf


def volatility(returns: Floats) -> float:
    """Annualised volatility, a fraction: the standard deviation (ddof=1) of daily returns times sqrt(365)."""
    return _deviation(returns) * math.sqrt(DAYS_PER_YEAR)


def sharpe(returns: Floats) -> float:
    """Annualised Sharpe ratio: mean / standard deviation (ddof=1) of daily returns times sqrt(365).

    W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1), 1994 (the ex-post ratio).
    """
    deviation = _deviation(returns)
    return _annual_ratio(returns, deviation)


def sortino(returns: Floats) -> float:
    """Annualised Sortino ratio: mean of daily returns / downside deviation times sqrt(365), target 0.

    The downside deviation is sqrt(mean(min(r, 0) ** 2)) over **all** days, those without a loss included, as
    in F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework", Journal of
    Investing 3 (3), 1994; not the standard deviation of the losing days alone, which some packages call by
    this name.
    """
    import numpy as np

    if len(returns) < 2:
        return math.nan
    with np.errstate(all="ignore"):
        downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _annual_ratio(returns, downside)


def calmar(growth: float, drawdown: float) -> float:
    """Calmar ratio: CAGR / |max drawdown|, here over the whole run.

    T. W. Young, "Calmar Ratio: A Smoother Tool", Futures, October 1991, over 36 months.
    """
    return ratio(growth, abs(drawdown))


def _deviation(returns: Floats) -> float:
    import numpy as np

    if len(returns) < 2:
        return math.nan
    with np.errstate(all="ignore"):
        return float(np.std(returns, ddof=1))


def _annual_ratio(returns: Floats, deviation: float) -> float:
    import numpy as np

    if math.isnan(deviation):
        return math.nan
    with np.errstate(all="ignore"):
        mean = float(np.mean(returns))
    if deviation < ROUNDING:
        # A curve that grows by the same factor each day would otherwise show a Sharpe ratio of 1e15, made of
        # rounding.
        deviation = 0.0
        mean = 0.0 if abs(mean) < ROUNDING else mean
    return ratio(mean, deviation) * math.sqrt(DAYS_PER_YEAR)
