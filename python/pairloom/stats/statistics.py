"""The statistics of a run and of each of its traders, computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pairloom._frames import pandas
from pairloom.stats.daily import DAY_NS, DailyReturns, daily_equity, simple_returns
from pairloom.stats.drawdown import max_drawdown, max_drawdown_duration
from pairloom.stats.facts import RunFacts, nanoseconds
from pairloom.stats.ratios import cagr, calmar, sharpe, sortino, total_return, volatility
from pairloom.stats.trading import exposure, outcomes, turnover

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pairloom.stats.daily import Floats, Times

DESCRIPTIONS: dict[str, tuple[str, str]] = {
    "total_return": ("fraction", "end / start - 1"),
    "pnl": ("money", "end - start"),
    "cagr": ("fraction", "compound annual growth rate, 365 days a year"),
    "volatility": ("fraction", "annualised standard deviation of daily returns"),
    "sharpe": ("ratio", "annualised mean / standard deviation of daily returns"),
    "sortino": ("ratio", "annualised mean / downside deviation of daily returns"),
    "calmar": ("ratio", "cagr / |max_drawdown|"),
    "max_drawdown": ("fraction", "deepest fall from a peak, negative"),
    "max_drawdown_duration": ("days", "longest time below a peak"),
    "exposure": ("fraction", "share of the time with a position"),
    "trades": ("count", "trades, the open ones included"),
    "open_trades": ("count", "trades still open at the end"),
    "win_rate": ("fraction", "closed trades with a profit after fees"),
    "profit_factor": ("ratio", "gross profit / gross loss of closed trades"),
    "average_win": ("money", "mean profit of the winning trades"),
    "average_loss": ("money", "mean loss of the losing trades, negative"),
    "expectancy": ("money", "mean profit of a closed trade"),
    "turnover": ("ratio", "traded notional / average equity"),
    "fees": ("money", "fees paid"),
}
"""Each statistic's unit (fraction, ratio, money in the account's currency, days, count) and its meaning."""


class Statistics(Mapping[str, float]):
    """Statistics by name: `stats["sharpe"]`, `stats.sharpe`, `dict(stats)`, `stats.to_pandas()`.

    Fractions are not percents (0.01 is one per cent), money is in the account's currency, durations are in
    days; NaN means that there is no such number, as a Sharpe ratio of a single day.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, float]) -> None:
        """Hold the values by name."""
        self._values = dict(values)

    def __getitem__(self, name: str) -> float:
        """One statistic."""
        return self._values[name]

    def __getattr__(self, name: str) -> float:
        """The statistic of that name."""
        # `_values` itself is missing while a copy or an unpickled object is being built.
        if name != "_values" and name in self._values:
            return self._values[name]
        known = "" if name.startswith("_") else f"; there are {', '.join(self._values)}"
        raise AttributeError(f"no statistic {name!r}{known}", name=name, obj=self)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the statistics' names."""
        return iter(self._values)

    def __len__(self) -> int:
        """The number of statistics."""
        return len(self._values)

    def __dir__(self) -> list[str]:
        """With the statistics' names, for completion."""
        return [*super().__dir__(), *self._values]

    def __reduce__(self) -> tuple[type[Statistics], tuple[dict[str, float]]]:
        """Pickled as plain values."""
        return Statistics, (self._values,)

    def to_pandas(self) -> Any:
        """A pandas Series of float64, indexed by the statistics' names."""
        pd = pandas()

        return pd.Series(self._values, dtype="float64", name="statistics")

    def __repr__(self) -> str:
        """A table with the meanings."""
        from pairloom._show.text import statistics_text

        return statistics_text(self)

    def _repr_html_(self) -> str:
        from pairloom._show.html import statistics_html

        return statistics_html(self)


class RunStatistics(Statistics):
    """The statistics of a whole run; `traders` holds those of each trader."""

    __slots__ = ("_traders",)

    def __init__(self, facts: RunFacts) -> None:
        """Compute the statistics of a run."""
        super().__init__(_of_run(facts))
        self._traders = TraderStatistics(facts)

    @property
    def traders(self) -> TraderStatistics:
        """The statistics of each trader, by its name."""
        return self._traders


class TraderStatistics(Mapping[str, Statistics]):
    """Each trader's statistics by its name: `stats.traders["SmaCross ETH/BTC"].win_rate`.

    Traders share one account, so a trader has no equity of its own.  Its curve is the account's equity at the
    start plus the profits that the trader's closed trades realised (net of fees), each at its exit:
    `total_return`, `pnl`, `cagr`, `volatility`, the ratios and draw-downs are of that curve, so that a
    trader's `total_return` is what it added to the account's, and open trades do not count.  `exposure` and
    `fees` (of every fill) are the trader's own; `turnover` is its traded notional over the account's average
    equity.
    """

    __slots__ = ("__dict__", "_facts", "_names")

    def __init__(self, facts: RunFacts) -> None:
        """Keep the run; nothing is computed yet."""
        self._facts = facts
        self._names = {name: index for index, (name, _) in enumerate(facts.traders)}

    @cached_property
    def _grouped(self) -> _Grouped:
        return _Grouped.of_run(self._facts, self._names)

    def __getitem__(self, name: str) -> Statistics:
        """The statistics of one trader."""
        if name not in self._names:
            raise KeyError(f"no trader {name!r}; {self._some_names()}")
        return Statistics(self._grouped.statistics(self._names[name]))

    def __contains__(self, name: object) -> bool:
        """Whether the run had a trader of that name."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Iterate over the traders' names."""
        return iter(self._names)

    def __len__(self) -> int:
        """The number of traders."""
        return len(self._names)

    def _some_names(self) -> str:
        names = [repr(name) for name in list(self._names)[:5]]
        more = f" and {len(self) - 5:,} more" if len(self) > 5 else ""
        return f"there are {', '.join(names)}{more}" if names else "the run had none"

    def to_pandas(self) -> Any:
        """A pandas DataFrame: a row for each trader, its `pair`, then a column for each statistic."""
        pd = pandas()

        pairs = [pair for _, pair in self._facts.traders]
        frame = pd.DataFrame([dict(self[name]) for name in self], columns=list(DESCRIPTIONS))
        frame.insert(0, "pair", pairs)
        frame.index = pd.Index(list(self), name="trader", dtype="object")
        return frame

    def __repr__(self) -> str:
        """A table of the first traders."""
        from pairloom._show.text import traders_text

        return traders_text(self)

    def _repr_html_(self) -> str:
        from pairloom._show.html import traders_html

        return traders_html(self)


class _Trades(NamedTuple):
    """The columns of trades that the statistics need; an open trade's exit is the run's end."""

    entry: Times
    exit: Times
    pnl: Floats
    open: npt.NDArray[np.bool_]

    def rows(self, which: npt.NDArray[np.int64] | slice) -> _Trades:
        return _Trades(self.entry[which], self.exit[which], self.pnl[which], self.open[which])


def _trade_columns(facts: RunFacts, last: int) -> _Trades:
    import numpy as np

    table = facts.table("trades")
    exit_ts = table.column("exit_ts")
    still_open = np.isnat(exit_ts)
    return _Trades(
        entry=nanoseconds(table.column("entry_ts")),
        exit=np.where(still_open, last, nanoseconds(exit_ts)),
        pnl=table.column("pnl"),
        open=still_open,
    )


def _of_run(facts: RunFacts) -> dict[str, float]:
    ts, equity = facts.curve()
    first, last = (int(ts[0]), int(ts[-1])) if len(ts) else (0, 0)
    fills = facts.table("fills")
    notional = turnover(fills.column("quantity"), fills.column("price"), _average(equity, facts.start))
    return {
        **_of_curve(
            ts,
            equity,
            facts.start,
            facts.end,
            DailyReturns.of_curve(ts, equity, facts.start).values,
        ),
        **_of_trades(_trade_columns(facts, last), first, last),
        "turnover": notional,
        "fees": facts.fees,
    }


def _of_curve(ts: Times, equity: Floats, start: float, end: float, returns: Floats) -> dict[str, float]:
    growth = cagr(start, end, len(returns))
    fall = max_drawdown(equity, start)
    return {
        "total_return": total_return(start, end),
        "pnl": end - start,
        "cagr": growth,
        "volatility": volatility(returns),
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "calmar": calmar(growth, fall),
        "max_drawdown": fall,
        "max_drawdown_duration": max_drawdown_duration(ts, equity, start),
    }


def _of_trades(trades: _Trades, first: int, last: int) -> dict[str, float]:
    closed = outcomes(trades.pnl[~trades.open])
    return {
        "exposure": exposure(trades.entry, trades.exit, first, last),
        "trades": len(trades.entry),
        "open_trades": int(trades.open.sum()),
        **closed._asdict(),
    }


def _average(equity: Floats, start: float) -> float:
    """The mean over the rows of the equity curve; before the first row there is only `start`."""
    return float(equity.mean()) if len(equity) else start


class _Grouped(NamedTuple):
    """The run's trades and fills, sorted by trader once, so that each trader's are one slice."""

    start: float
    first: int
    last: int
    average: float
    trades: _Trades
    trade_bounds: npt.NDArray[np.int64]
    quantity: Floats
    price: Floats
    fee: Floats
    fill_bounds: npt.NDArray[np.int64]

    @classmethod
    def of_run(cls, facts: RunFacts, names: dict[str, int]) -> _Grouped:
        ts, equity = facts.curve()
        first, last = (int(ts[0]), int(ts[-1])) if len(ts) else (0, 0)
        order, trade_bounds = _by_trader(facts.table("trades").column("trader"), names)
        trades = _trade_columns(facts, last).rows(order)
        fills = facts.table("fills")
        order, fill_bounds = _by_trader(fills.column("trader"), names)
        return cls(
            start=facts.start,
            first=first,
            last=last,
            average=_average(equity, facts.start),
            trades=trades,
            trade_bounds=trade_bounds,
            quantity=fills.column("quantity")[order],
            price=fills.column("price")[order],
            fee=fills.column("fee")[order],
            fill_bounds=fill_bounds,
        )

    def statistics(self, trader: int) -> dict[str, float]:
        own = slice(self.trade_bounds[trader], self.trade_bounds[trader + 1])
        trades = self.trades.rows(own)
        own = slice(self.fill_bounds[trader], self.fill_bounds[trader + 1])
        return {
            **self._curve_of(trades),
            **_of_trades(trades, self.first, self.last),
            "turnover": turnover(self.quantity[own], self.price[own], self.average),
            "fees": float(self.fee[own].sum()),
        }

    def _curve_of(self, trades: _Trades) -> dict[str, float]:
        import numpy as np

        exits, pnl = trades.exit[~trades.open], trades.pnl[~trades.open]
        order = np.argsort(exits, kind="stable")
        realised = self.start + np.cumsum(pnl[order])
        end = float(realised[-1]) if len(realised) else self.start
        # The curve lasts as long as the run: a peak that the trader never saw again lasts until the run's
        # end.
        ts = np.concatenate(([self.first], exits[order], [self.last]))
        equity = np.concatenate(([self.start], realised, [end]))
        days = daily_equity(ts, equity, self.start, self.first // DAY_NS, self.last // DAY_NS)
        returns = simple_returns(days, self.start)
        return _of_curve(ts, equity, self.start, end, returns)


def _by_trader(names: npt.NDArray[Any], index: dict[str, int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows sorted by trader, stable, and where each trader's begin and end."""
    import numpy as np

    # A dictionary codes a million names in a tenth of the time in which NumPy sorts them.
    codes = np.fromiter((index[name] for name in names.tolist()), dtype=np.int64, count=len(names))
    order = np.argsort(codes, kind="stable")
    return order, np.searchsorted(codes[order], np.arange(len(index) + 1))
