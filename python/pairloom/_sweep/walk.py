"""Walk-forward: folds in time, each a span to choose on and the span after it to prove the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from pairloom._times import utc_text
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError
from pairloom.numbers import whole_number
from pairloom.stats.facts import RunFacts, nanoseconds
from pairloom.stats.statistics import RunStatistics, Statistics

if TYPE_CHECKING:
    from pairloom._data import Loaded, Series
    from pairloom.result import Result

__all__ = ["Spans", "fold_setting", "fold_spans", "joined_statistics"]

MODES = ("rolling", "anchored")
MOST_FOLDS = 1_000
SECOND = 1_000_000_000

FoldSetting = tuple[str, int]


class Spans(NamedTuple):
    """One fold: where its training begins and ends, and where its test ends; ns UTC, `[start, end)`."""

    start: int
    split: int
    end: int


def fold_setting(folds: object) -> FoldSetting | None:
    """Return the mode and the number of ``5``, ``{"rolling": 5}`` or ``{"anchored": 5}``; raises ``ConfigError``."""
    if folds is None:
        return None
    if not isinstance(folds, Mapping):
        return "rolling", whole_number(folds, "folds", least=1, most=MOST_FOLDS)
    if len(folds) != 1:
        raise ConfigError(
            f"folds={dict(folds)!r} must have one key: write folds={{'rolling': 5}} or {{'anchored': 5}}",
            code="config.folds",
        )
    ((mode, count),) = folds.items()
    if mode not in MODES:
        hint = nearest(mode, MODES) or f"; it is one of {listing(MODES)}"
        raise ConfigError(f"folds: {mode!r} is unknown{hint}", code="config.folds")
    return mode, whole_number(count, f"folds.{mode}", least=1, most=MOST_FOLDS)


def fold_spans(
    setting: FoldSetting, loaded: Loaded, pairs: Sequence[str], start: int | None, end: int | None
) -> list[Spans]:
    """Cut the time in which rows open into equal parts, one more than there are folds.

    A rolling fold trains on one part and is tested on the next; an anchored one trains on all parts before its test.
    A cut that falls into a candle of any market is moved to the next moment at which all are closed: what a training
    knows is then known by its split, and no test goes on beside the one after it. Rows belong to a part by their
    opening, so that where all candles have one grid the parts have the same rows wherever in a candle a cut falls.
    Raises ``ConfigError`` where there is not enough time.
    """
    mode, count = setting
    traded = [series for series in loaded.series if series.pair in pairs and len(series.ts)]
    opens = [series.ts for series in traded]
    first = min((int(ts[0]) for ts in opens), default=0)
    last = max((int(ts[-1]) for ts in opens), default=0)
    first = first if start is None else max(first, start)
    beyond = last + 1 if end is None else min(last + 1, end)
    # Whole seconds, where these are not too coarse, are moments that a person can write down.
    grain = SECOND if (beyond - first) // (count + 1) > 60 * SECOND else 1
    cuts = [first + (beyond - first) * part // (count + 1) // grain * grain for part in range(1, count + 1)]
    edges = [first]
    for cut in cuts:
        # A cut that was moved beyond the next one is where that goes, too.
        edges.append(edges[-1] if edges[-1] > cut else _all_closed(traded, cut))
    edges.append(beyond)
    if edges[-2] >= beyond > cuts[-1]:
        raise ConfigError(
            f"folds={{{mode!r}: {count}}}: from {utc_text(cuts[-1])} on a candle of some market is always open, so a "
            "training would know what lies behind its split; use fewer folds, or candles that close together",
            code="config.folds",
        )
    spans = [
        Spans(edges[fold] if mode == "rolling" else edges[0], edges[fold + 1], edges[fold + 2]) for fold in range(count)
    ]
    for part, (begin, finish) in enumerate(pairwise(edges), start=1):
        # A part without a row would leave a fold nothing to choose on, or to prove it.
        if not any(ts.searchsorted(begin) < ts.searchsorted(finish) for ts in opens):
            raise ConfigError(
                f"folds={{{mode!r}: {count}}}: part {part} of {count + 1} of the time has no rows; use fewer folds",
                code="config.folds",
            )
    return spans


def _all_closed(traded: Sequence[Series], moment: int) -> int:
    """Return the first moment from this one on at which no candle has opened that is not closed yet."""
    while True:
        closes = [close for series in traded if (close := _open_until(series, moment)) > moment]
        if not closes:
            return moment
        moment = max(closes)


def _open_until(series: Series, moment: int) -> int:
    """When the newest row that opened before this moment is known."""
    newest = int(series.ts.searchsorted(moment)) - 1
    if newest < 0 or series.kind != "candle":
        return moment
    if series.close_ts is not None:
        return int(series.close_ts[newest])
    return int(series.ts[newest]) + (series.interval or 0)


def joined_statistics(results: Sequence[Result]) -> Statistics:
    """The statistics of several runs, one after another in time, as if their equity had been carried on.

    Each run began with the same cash; its curve is scaled to where the one before it ended, so returns are chained.
    Money (profits of trades, fees) is as each run had it. Behind a run that ended with an equity of zero or below there
    is nothing to trade with: the equity stays as it is, and what the runs after it did does not count.
    """
    import numpy as np

    equity = results[0].start_equity
    curves = []
    chained = []
    for result in results:
        curve = result.equity_curve
        ts = nanoseconds(curve.column("ts"))
        if equity > 0.0:
            curves.append((ts, curve.column("equity") * (equity / result.start_equity)))
            equity *= result.equity / result.start_equity
            chained.append(result)
        else:
            curves.append((ts, np.full(len(ts), equity)))
    joined = {
        "ts": np.concatenate([ts for ts, _ in curves]).view("datetime64[ns]"),
        "equity": np.concatenate([values for _, values in curves]),
    }
    tables = {
        "equity_curve": _Joined(joined),
        "trades": _Joined.of(chained, "trades", ("entry_ts", "exit_ts", "pnl")),
        "fills": _Joined.of(chained, "fills", ("quantity", "price")),
    }
    facts = RunFacts(
        start=results[0].start_equity,
        end=equity,
        fees=sum(result.fees for result in chained),
        traders=results[0].traders,
        table=tables.__getitem__,
    )
    # A position that is open when a fold ends is not held through the folds after it, so the time in the market is
    # added up by fold.
    exposed = [result.stats.exposure * _length(ts) for result, (ts, _) in zip(chained, curves, strict=False)]
    whole = sum(_length(ts) for ts, _ in curves)
    values = {**RunStatistics(facts), "exposure": sum(exposed) / whole if whole else float("nan")}
    # Scaled curves and unscaled fills do not go together; what each run turned over does add up.
    return Statistics({**values, "turnover": sum(result.stats.turnover for result in chained)})


def _length(ts: Any) -> int:
    return int(ts[-1] - ts[0]) if len(ts) else 0


class _Joined:
    """Tables of several runs under one another."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns

    @classmethod
    def of(cls, results: Sequence[Result], table: str, columns: Sequence[str]) -> _Joined:
        """The columns named, of one table of each run."""
        import numpy as np

        return cls({name: np.concatenate([getattr(each, table).column(name) for each in results]) for name in columns})

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def column(self, name: str) -> Any:
        """One column by its name."""
        return self._columns[name]
