"""Sweeps as text for terminals and as HTML for notebooks."""

from __future__ import annotations

import math
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

from pairloom._show import html, numbers, text
from pairloom._show.messages import CUT, checks_and_hints
from pairloom._times import utc_text
from pairloom.errors import PairloomError
from pairloom.stats.statistics import DESCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairloom.heat_map import HeatMap
    from pairloom.sweep import Combination, Fold, Maximize, SweepResult

SHOWN = 10
SHOWN_ACROSS = 16
COLUMNS = ("total_return", "sharpe", "max_drawdown", "trades", "win_rate")
"""The statistics shown of each combination, besides the one that the sweep goes by."""


def name_of(maximize: Maximize) -> str:
    """What a sweep goes by, as a word."""
    return maximize if isinstance(maximize, str) else str(getattr(maximize, "__name__", "a function"))


def shown(maximize: Maximize, value: float) -> str:
    """A value in the unit of what it is."""
    if maximize == "equity":
        return numbers.money(value)
    if isinstance(maximize, str) and maximize in DESCRIPTIONS:
        return text.shown_value(maximize, value)
    return f"{value:.6g}"


def combination_line(row: Combination) -> str:
    """A combination on one line."""
    if row.error is not None:
        return f"<Combination {row.parameters}: failed: {row.error}>"
    return (
        f"<Combination {row.parameters}: equity {numbers.money(row.equity)}, "
        f"{numbers.fraction(row.total_return)}, Sharpe {numbers.ratio(row.stats.sharpe)}, "
        f"{numbers.counted(row.orders, 'order')}>"
    )


def fold_line(fold: Fold) -> str:
    """A fold on one line: its choice and how that did."""
    spans = f"train {utc_text(fold.start)}, test {utc_text(fold.split)} to {utc_text(fold.end)}"
    if fold.best is None:
        return f"<Fold {spans}: nothing chosen>"
    if fold.test is None:
        return f"<Fold {spans}: {fold.best.parameters}, not tested>"
    outcome = f"return {numbers.fraction(fold.test.total_return)}" if fold.error is None else f"failed: {fold.error}"
    return f"<Fold {spans}: {fold.best.parameters}, {outcome}>"


def sweep_line(sweep: SweepResult) -> str:
    """A sweep on one line."""
    return f"<SweepResult {_title(sweep)}>"


def sweep_text(sweep: SweepResult) -> str:
    """The summary that `print(sweep)` shows: what went wrong, the best, the folds, and the first combinations."""
    lines = [f"! {line}" for line in alerts(sweep)]
    if lines:
        lines.append("")
    lines.append(f"Sweep of {_title(sweep)}")
    facts = _facts(sweep)
    width = max(len(label) for label, _ in facts)
    lines += [f"  {label:<{width}}  {value}" for label, value in facts]
    if sweep.folds:
        header, rows = _fold_rows(sweep)
        lines += ["", text.table(header, rows, right=range(len(header)))]
    else:
        header, rows = _ranked_rows(sweep)
        lines += ["", text.table(header, rows, right=range(len(header)))] if rows else []
        hidden = len(sweep) - len(rows)
        lines += [f"and {hidden:,} more in .table"] if hidden else []
    if sweep.assumptions:
        lines += ["", "Assumed", *(f"- {numbers.clean(line, 400)}" for line in sweep.assumptions)]
    return "\n".join(lines)


def sweep_html(sweep: SweepResult) -> str:
    """The same for notebooks, with the heat map where two parameters have several values."""
    warned = "".join(f'<div style="{html.ALERT}">{escape(line)}</div>' for line in alerts(sweep))
    title = f"<div><b>Sweep of {escape(_title(sweep))}</b></div>"
    header, rows = _fold_rows(sweep) if sweep.folds else _ranked_rows(sweep)
    tables = html.table((), _facts(sweep)) + html.table(header, rows)
    several = [name for name, values in sweep.parameters.items() if len(values) > 1]
    grid = sweep.heat_map()._repr_html_() if len(several) == 2 and len(sweep) else ""
    return html.boxed(warned + title + tables + grid)


def alerts(sweep: SweepResult) -> list[str]:
    """What went wrong, if anything: an early end, and what `troubles` says."""
    if not sweep.interrupted:
        return troubles(sweep)
    tested = sum(1 for fold in sweep.folds if fold.test is not None)
    proven = f", and {numbers.counted(tested, 'fold')} tested" if sweep.folds else ""
    return [f"interrupted: {len(sweep):,} of {sweep.asked:,} combinations were run{proven}", *troubles(sweep)]


def troubles(sweep: SweepResult) -> list[str]:
    """Combinations and tests of folds that failed, and orders that were refused in either, on a line each."""
    lines = (failed_line(sweep), failed_tests_line(sweep), refused_line(sweep), refused_in_tests_line(sweep))
    return [line for line in lines if line]


def failed_line(sweep: SweepResult) -> str | None:
    """How many combinations failed, and why the first did; None when none did."""
    failed = sweep.failed
    if not failed:
        return None
    return (
        f"{len(failed):,} of {numbers.counted(len(sweep), 'combination')} failed; "
        f"first {failed[0].parameters}: {failed[0].error}"
    )


def failed_tests_line(sweep: SweepResult) -> str | None:
    """In how many tests of folds traders were quarantined, and what was the matter in the first; None without any."""
    failed = sweep.failed_folds
    if not failed:
        return None
    first = failed[0]
    return (
        f"{len(failed):,} of {numbers.counted(len(sweep.folds), 'fold')} failed in the test; "
        f"first folds[{sweep.folds.index(first)}], tested from {utc_text(first.split)}: {first.error}"
    )


def refused_line(sweep: SweepResult) -> str | None:
    """How many orders were refused in how many combinations, by check; None when none was."""
    return _refused([row.refusals for row in sweep], "combination", "")


def refused_in_tests_line(sweep: SweepResult) -> str | None:
    """How many orders were refused in the tests of how many folds, by check; None when none was."""
    tests = [fold.test for fold in sweep.folds if fold.test is not None]
    return _refused([test.refusals_by_check for test in tests], "fold", "the test of ")


def _refused(runs: Sequence[dict[str, int]], noun: str, of: str) -> str | None:
    by_check: Counter[str] = Counter()
    for refusals in runs:
        by_check.update(refusals)
    by_check.pop(CUT, None)
    if not by_check:
        return None
    counts, hints = checks_and_hints(by_check)
    touched = numbers.counted(sum(1 for refusals in runs if refusals.keys() - {CUT}), noun)
    return f"{numbers.counted(by_check.total(), 'order')} refused in {of}{touched}: {'; '.join([counts, *hints])}"


def _title(sweep: SweepResult) -> str:
    sizes = " x ".join(f"{name} ({len(values)})" for name, values in sweep.parameters.items())
    folds = f", {numbers.counted(len(sweep.folds), 'fold')}" if sweep.folds else ""
    return f"{numbers.counted(len(sweep), 'combination')} of {sizes}{folds}, by {name_of(sweep.maximize)}"


def _facts(sweep: SweepResult) -> list[tuple[str, str]]:
    try:
        best = sweep.best()
        value = shown(sweep.maximize, best.value(sweep.maximize))
        facts = [("Best", f"{best.parameters}: {name_of(sweep.maximize)} {value}")]
    except PairloomError as error:
        facts = [("Best", f"none: {error}")]
    stats = sweep.out_of_sample
    if stats is not None:
        facts.append(
            (
                "Out of sample",
                f"return {numbers.fraction(stats.total_return)}, Sharpe {numbers.ratio(stats.sharpe)}, "
                f"max drawdown {numbers.fraction(stats.max_drawdown)}, {numbers.counted(int(stats.trades), 'trade')}",
            )
        )
    rate = sweep.events / sweep.elapsed if sweep.elapsed > 0 else math.nan
    facts.append(
        (
            "Speed",
            f"{numbers.counted(sweep.events, 'event')} in {numbers.seconds(sweep.elapsed)} "
            f"({numbers.rate(rate)} events/s) on {sweep.ran_on}, "
            f"load {numbers.seconds(sweep.load_s)}",
        )
    )
    return facts


def _ranked_rows(sweep: SweepResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    by = sweep.maximize
    columns = [name for name in COLUMNS if name != by]
    names = list(sweep.parameters)
    rows = []
    for row in sweep.ranked()[:SHOWN]:
        cells = [numbers.clean(str(row.parameters[name]), 20) for name in names]
        cells += [shown(by, row.value(by)), *(text.shown_value(name, row.stats[name]) for name in columns)]
        rows.append((*cells, numbers.money(row.equity), f"{row.orders:,}"))
    return (*names, name_of(by), *columns, "equity" if by != "equity" else "end", "orders"), rows


def _fold_rows(sweep: SweepResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header = ("train from", "test from", "to", "chosen", name_of(sweep.maximize), "test return", "test Sharpe")
    rows = []
    for fold in sweep.folds:
        spans = (utc_text(fold.start), utc_text(fold.split), utc_text(fold.end))
        cells: Sequence[Any] = ("nothing", "", "", "")
        if fold.best is not None:
            value = shown(sweep.maximize, fold.best.value(sweep.maximize))
            stats = None if fold.test is None else fold.test.stats
            proof = ("", "") if stats is None else (numbers.fraction(stats.total_return), numbers.ratio(stats.sharpe))
            cells = (str(fold.best.parameters), value, *proof)
        rows.append((*(span.removesuffix(" UTC") for span in spans), *cells))
    return header, rows


def heat_map_text(heat: HeatMap) -> str:
    """The grid as numbers; the best cell has a star."""
    hidden = len(heat.x) - SHOWN_ACROSS
    xs = heat.x[:SHOWN_ACROSS]
    corner = f"{heat.y_name} \\ {heat.x_name}" if heat.x_name else heat.y_name
    header = (corner, *(numbers.clean(str(x), 12) if heat.x_name else heat.name for x in xs))
    rows = []
    for down, (y, line) in enumerate(zip(heat.y, heat.values, strict=True)):
        shown_values = [shown(heat.name, value) for value in line[:SHOWN_ACROSS]]
        cells = [f"{value}{'*' if (down, across) == heat.best else ' '}" for across, value in enumerate(shown_values)]
        rows.append((numbers.clean(str(y), 20), *cells))
    lines = [heat.name, text.table(tuple(f"{name} " for name in header), rows, right=range(1, len(header)))]
    if hidden > 0:
        lines.append(f"and {hidden:,} more columns in .values")
    return "\n".join(lines)


def heat_map_html(heat: HeatMap) -> str:
    """The grid in colour: the higher, the stronger."""
    least, most = _extremes(heat)
    cell = "padding:2px 8px;text-align:right;"
    head = "".join(f'<th style="{cell}">{escape(str(x))}</th>' for x in heat.x) if heat.x_name else ""
    corner = escape(f"{heat.y_name} \\ {heat.x_name}" if heat.x_name else heat.y_name)
    lines = [f'<tr><th style="{cell}">{corner}</th>{head}</tr>']
    for y, row in zip(heat.y, heat.values, strict=True):
        cells = ""
        for value in row:
            share = _share(float(value), least, most)
            # Half transparent, so that it can be read on light and on dark.
            colour = f"background:rgba(30,140,80,{0.65 * share:.2f});"
            cells += f'<td style="{cell}{colour}">{escape(shown(heat.name, value))}</td>'
        lines.append(f'<tr><th scope="row" style="{cell}">{escape(str(y))}</th>{cells}</tr>')
    table = f'<table style="{html.TABLE}"><caption>{escape(heat.name)}</caption>{"".join(lines)}</table>'
    return html.boxed(table)


def _share(value: float, least: float, most: float) -> float:
    """Where a value lies between the least and the most of the finite ones; beyond them is at their end."""
    if math.isinf(value):
        return 1.0 if value > 0.0 else 0.0
    return (value - least) / (most - least) if most > least and math.isfinite(value) else 0.0


def _extremes(heat: HeatMap) -> tuple[float, float]:
    finite = [float(value) for line in heat.values for value in line if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (math.nan, math.nan)
