"""What a sweep gives back: its combinations, the best of them, a heat map, and the folds of a walk-forward."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from pairloom._show.messages import nobody_left_line, quarantined_line
from pairloom._show.numbers import clean, described
from pairloom._sweep.grid import Parameters
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError, PairloomError
from pairloom.heat_map import HeatMap
from pairloom.stats.ratios import total_return
from pairloom.stats.statistics import DESCRIPTIONS, Statistics

if TYPE_CHECKING:
    from pairloom._native import Table
    from pairloom._sweep.plan import Plan
    from pairloom._sweep.walk import Spans
    from pairloom.result import Result

__all__ = ["Combination", "Fold", "SweepResult", "check_maximize", "to_json"]

Maximize: TypeAlias = "str | Callable[[Combination], float]"

VALUES = ("equity", *DESCRIPTIONS)
"""What may be maximized by its name."""

_COUNTS = ("trades", "open_trades")


def check_maximize(maximize: Any) -> Maximize:
    """Return a statistic's name or a function; raises ``ConfigError`` with the nearest name."""
    if callable(maximize) or (isinstance(maximize, str) and maximize in VALUES):
        return maximize  # type: ignore[no-any-return]
    hint = nearest(maximize, VALUES) or f"; there are {listing(VALUES, most=len(VALUES))}"
    raise ConfigError(f"maximize={maximize!r} is no statistic{hint}", code="config.maximize")


class Combination:
    """One run of a sweep: its parameters and what they came to.

    One that failed has an ``error``, and nothing is chosen by its numbers: NaN and zero where it could not run, and
    what it came to without them where traders were quarantined. `backtest` makes the whole `Result` of any that ran.
    """

    def __init__(self, parameters: Parameters, summary: Mapping[str, Any], plan: Plan, run: dict[str, Any]) -> None:
        """Hold what the core summed up, and what it takes to run it again."""
        self._summary = summary
        self._plan = plan
        self._run = run
        self._judged: tuple[Callable[[Combination], float], float] | None = None
        self._unjudged: Exception | None = None
        self.parameters = parameters
        """The parameters, by key or by attribute."""

    @cached_property
    def error(self) -> str | None:
        """Why it failed: its parameters are wrong, a trader was quarantined, or ``maximize`` raised; else None."""
        if self._unjudged is not None:
            return f"maximize failed: {described(self._unjudged)}"
        raised = self._summary.get("error")
        if raised is not None:
            return clean(str(raised)) if isinstance(raised, PairloomError) else described(raised)
        if not self.quarantined:
            return None
        first = self.quarantined[0]
        return f"{clean(first['trader'])} was quarantined: {described(first['error'])}"

    @property
    def exception(self) -> BaseException | None:
        """The exception itself behind `error`."""
        if self.quarantined:
            error: BaseException = self.quarantined[0]["error"]
            return error
        return self._unjudged or self._summary.get("error")

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The traders that erred, each a dict of trader, pair, strategy, ts, error and kind."""
        return list(self._summary.get("quarantined", ()))

    @property
    def start_equity(self) -> float:
        """The equity before the first step."""
        return float(self._summary.get("start_equity", "nan"))

    @property
    def equity(self) -> float:
        """The equity at the end."""
        return float(self._summary.get("equity", "nan"))

    @property
    def total_return(self) -> float:
        """The equity at the end over that at the start, less one; a fraction."""
        return total_return(self.start_equity, self.equity)

    @cached_property
    def stats(self) -> Statistics:
        """The statistics by name, as those of a `Result`; see `pairloom.stats`."""
        found = self._summary.get("statistics", {})
        values = {name: found.get(name, math.nan) for name in DESCRIPTIONS}
        return Statistics({name: int(v) if name in _COUNTS and v == v else v for name, v in values.items()})

    @property
    def fees(self) -> float:
        """All fees paid."""
        return float(self.stats["fees"])

    @property
    def orders(self) -> int:
        """How many orders reached the gate, the refused ones too."""
        return int(self._summary.get("orders", 0))

    @property
    def fills(self) -> int:
        """How many fills there were."""
        return int(self._summary.get("fills", 0))

    @property
    def refusals(self) -> dict[str, int]:
        """How many orders or fills were refused or cut, by check."""
        return dict(self._summary.get("refusals", {}))

    @property
    def digest(self) -> str | None:
        """The fingerprint of all that was decided: that of a backtest with the same parameters."""
        return self._summary.get("digest")

    @property
    def events(self) -> int:
        """Market rows seen, each counted once."""
        return int(self._summary.get("events", 0))

    @property
    def elapsed(self) -> float:
        """Seconds from the first step to the last fill."""
        return float(self._summary.get("elapsed", 0.0))

    @property
    def assumptions(self) -> list[str]:
        """What the run took for granted."""
        return list(self._summary.get("assumptions", ()))

    def judge(self, maximize: Maximize) -> None:
        """Ask the sweep's own function for the value, once; where it raises, this combination has failed."""
        if not callable(maximize) or self.error is not None:
            return
        try:
            self._judged = maximize, float(maximize(self))
        except Exception as error:
            self._unjudged = error
            del self.error  # Read anew, it says this.

    def value(self, maximize: Maximize) -> float:
        """A statistic by its name, the ``"equity"``, or what a function makes of the combination; NaN if it failed.

        Raises ``ConfigError`` where the function fails.
        """
        if self.error is not None:
            return math.nan
        if callable(maximize):
            if self._judged is not None and self._judged[0] is maximize:
                return self._judged[1]
            try:
                return float(maximize(self))
            except Exception as error:
                raise ConfigError(
                    f"maximize failed for {self.parameters}: {described(error)}", code="config.maximize"
                ) from error
        return self.equity if maximize == "equity" else float(self.stats[maximize])

    def __reduce__(self) -> NoReturn:
        """Refuse to travel: it holds the market's data, to be run again."""
        raise TypeError(
            "a Combination cannot be pickled or copied, since it holds the data; take what you need of it, as "
            "dict(combination.parameters), combination.equity or combination.stats"
        )

    def backtest(self) -> Result:
        """Run it again, alone and over the same data, for its tables: the whole `Result`, with the same digest.

        It warns and raises as `Engine.backtest` does, ``StrategyError`` where every trader was quarantined.
        """
        return self._plan.backtest_aloud(self.parameters, self._run)

    def __repr__(self) -> str:
        """The parameters and how it went, on one line."""
        from pairloom._show.sweep import combination_line

        return combination_line(self)


class Fold:
    """One fold of a walk-forward: what was chosen on the training span, and how it did on the span after it."""

    def __init__(self, span: Spans, train: SweepResult, best: Combination | None, test: Result | None) -> None:
        """Hold the parts."""
        self.start, self.split, self.end = span
        """Where training begins, where the test begins, and where that ends, in ns UTC; an end is not included.

        ``backtest`` takes them as times: ``start=np.datetime64(fold.split, "ns")``.
        """
        self.train = train
        """The sweep over the training span."""
        self.best = best
        """What it chose; None where no combination had a number to choose by, or Ctrl-C came before all had one."""
        self.test = test
        """The backtest of the choice over the test span; as far as it came where its traders were quarantined.

        None where nothing was chosen, or Ctrl-C came before its end.
        """

    @property
    def error(self) -> str | None:
        """Why its test proves nothing, or not all: which traders were quarantined in it; else None."""
        if self.test is None:
            return None
        return nobody_left_line(self.test) or quarantined_line(self.test)

    def __repr__(self) -> str:
        """One line: the choice and how it did."""
        from pairloom._show.sweep import fold_line

        return fold_line(self)


class SweepResult(Sequence[Combination]):
    """The combinations of a sweep, in the order of the parameters given, the last one changing fastest.

    `print(sweep)` shows the best, `sweep.best()` is the first of them, `sweep.table` has a row of each for
    pandas, polars or Arrow. With ``folds`` it holds the combinations of every fold's training, and
    `out_of_sample` says how the choices did. It keeps the data, so that any combination can be run again.
    """

    def __init__(
        self,
        rows: Sequence[Combination],
        *,
        values: dict[str, list[Any]],
        maximize: Maximize,
        asked: int,
        folds: Sequence[Fold],
        assumptions: Sequence[str],
        interrupted: bool,
        ran_on: str,
        elapsed: float,
        load_s: float,
    ) -> None:
        """Hold what the runs came to."""
        self._rows = tuple(rows)
        self._values = values
        self.maximize = maximize
        """What `best` goes by unless it is told otherwise."""
        self.asked = asked
        """How many combinations there were to run."""
        self.folds = tuple(folds)
        """The folds of a walk-forward, in the order of time."""
        self.assumptions = list(assumptions)
        """What was assumed where nothing was said."""
        self.interrupted = interrupted
        """Whether Ctrl-C ended the sweep before all combinations were run."""
        self.ran_on = ran_on
        """Where the runs took place: the engine's threads, the calling thread, or an executor."""
        self.elapsed = elapsed
        """Seconds that all runs took together."""
        self.load_s = load_s
        """Seconds spent reading and checking the data, once for all."""

    def __reduce__(self) -> NoReturn:
        """Refuse to travel: any combination can be run again, over the market's data."""
        raise TypeError(
            "a SweepResult cannot be pickled or copied, since it holds the data; take what you need of it, as "
            "sweep.to_pandas(), dict(sweep.best().parameters), sweep.heat_map() or sweep.out_of_sample"
        )

    def __len__(self) -> int:
        """The number of combinations that were run."""
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """One combination, or some of them."""
        return self._rows[index]

    def __iter__(self) -> Iterator[Combination]:
        """Iterate over the combinations."""
        return iter(self._rows)

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """The values that were asked for, by parameter."""
        return {name: list(values) for name, values in self._values.items()}

    @property
    def failed(self) -> list[Combination]:
        """The combinations that failed; each says why in `error`."""
        return [row for row in self._rows if row.error is not None]

    @property
    def failed_folds(self) -> list[Fold]:
        """The folds in whose test traders were quarantined; each says in `error` which and why."""
        return [fold for fold in self.folds if fold.error is not None]

    @property
    def events(self) -> int:
        """Market rows seen by all runs together."""
        return sum(row.events for row in self._rows)

    def ranked(self, maximize: Maximize | None = None) -> list[Combination]:
        """The combinations that have a number to go by, the best first; equals in their own order."""
        chosen = self.maximize if maximize is None else check_maximize(maximize)
        valued = [(value, row) for row in self._latest if not math.isnan(value := row.value(chosen))]
        return [row for _, row in sorted(valued, key=lambda each: -each[0])]

    def best(self, maximize: Maximize | None = None) -> Combination:
        """The combination with the highest value of ``maximize``; those that failed and NaN are passed over.

        After a walk-forward it is the choice of the last fold whose training was not interrupted. Raises
        ``PairloomError`` where there is none.
        """
        ranked = self.ranked(maximize)
        if ranked:
            return ranked[0]
        if self.failed:
            first = self.failed[0]
            why = f"{len(self.failed):,} of {len(self):,} combinations failed; first {first.parameters}: {first.error}"
        elif not self._rows:
            why = "no combination was run"
        else:
            chosen = self.maximize if maximize is None else maximize
            if callable(chosen):
                why = (
                    "maximize gave NaN for every combination; let the function give a number for those to choose among"
                )
            else:
                why = f"no combination has {chosen!r}: ratios need two days of data; try maximize='total_return'"
        raise PairloomError(why, code="sweep.no_best")

    def heat_map(self, x: str | None = None, y: str | None = None, value: Maximize | None = None) -> HeatMap:
        """A statistic over two parameters: ``y`` down, ``x`` across; by default the first two with several values.

        Where there are more parameters, a cell shows the best over them. ``value`` is what the sweep
        maximizes unless it is given. After a walk-forward it is of the last fold's training.
        """
        chosen = self.maximize if value is None else check_maximize(value)
        return HeatMap.of(self._latest, self._values, x, y, chosen)

    @property
    def _latest(self) -> Sequence[Combination]:
        """What the choice is among: after a walk-forward, the training of the last fold, unless Ctrl-C ended that."""
        whole = [fold for fold in self.folds if not fold.train.interrupted] or self.folds
        return tuple(whole[-1].train) if whole else self._rows

    @cached_property
    def out_of_sample(self) -> Statistics | None:
        """The statistics of the test spans one after another, their returns chained; None without folds.

        Each fold's test begins with the engine's cash: fees and what trades brought are as each had it, and the equity,
        with all that is read off it (``pnl``, ``total_return``), is scaled to go on where the test before it ended.
        Behind a test that ended with an equity of zero or below nothing is chained: the equity stays there.
        """
        from pairloom._sweep.walk import joined_statistics

        tests = [fold.test for fold in self.folds if fold.test is not None]
        return joined_statistics(tests) if tests else None

    @cached_property
    def table(self) -> Table:
        """A row for each combination: fold (if any), parameters, equity, statistics, counts, error and digest.

        The types of the columns do not depend on what came out: equity and statistics are float64, null where there is
        no such number, counts int64, errors text; a parameter's is that of the values asked for.
        """
        from pairloom._sweep.table import table

        return table(self)

    @property
    def columns(self) -> list[str]:
        """The names of the table's columns."""
        return self.table.columns

    def column(self, name: str) -> Any:
        """One column of the table as a NumPy array."""
        return self.table.column(name)

    def to_pandas(self) -> Any:
        """The table as a pandas frame."""
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        """The table as a polars frame."""
        return self.table.to_polars()

    def __str__(self) -> str:
        """The summary, which `print(sweep)` shows."""
        from pairloom._show.sweep import sweep_text

        return sweep_text(self)

    def __repr__(self) -> str:
        """One line, for logs and debuggers."""
        from pairloom._show.sweep import sweep_line

        return sweep_line(self)

    def _repr_html_(self) -> str:
        from pairloom._show.sweep import sweep_html

        return sweep_html(self)


def to_json(sweep: SweepResult) -> dict[str, Any]:
    """The document that `pairloom sweep --json` prints, made of JSON's types alone but for NaN."""
    try:
        best: dict[str, Any] | None = _row_json(sweep.best())
    except PairloomError:
        best = None
    return {
        "maximize": sweep.maximize if isinstance(sweep.maximize, str) else None,
        "parameters": sweep.parameters,
        "asked": sweep.asked,
        "run": len(sweep),
        "failed": len(sweep.failed),
        "interrupted": sweep.interrupted,
        "best": best,
        "combinations": [_row_json(row) for row in sweep],
        "folds": [
            {
                "start": fold.start,
                "split": fold.split,
                "end": fold.end,
                "best": None if fold.best is None else _row_json(fold.best),
                "test": None if fold.test is None else _test_json(fold.test),
                "error": fold.error,
            }
            for fold in sweep.folds
        ],
        "out_of_sample": None if sweep.out_of_sample is None else dict(sweep.out_of_sample),
        "events": sweep.events,
        "elapsed_s": sweep.elapsed,
        "ran_on": sweep.ran_on,
        "assumptions": sweep.assumptions,
    }


def _test_json(test: Result) -> dict[str, Any]:
    return {"equity": test.equity, "refusals": len(test.refusals), "stats": dict(test.stats)}


def _row_json(row: Combination) -> dict[str, Any]:
    return {
        "parameters": dict(row.parameters),
        "equity": row.equity,
        "orders": row.orders,
        "fills": row.fills,
        "refusals": sum(row.refusals.values()),
        "error": row.error,
        "digest": row.digest,
        "stats": dict(row.stats),
    }
