"""Results as plain text, in ASCII so that every terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from pairloom._show import numbers
from pairloom._show.summary import summary
from pairloom.stats.statistics import DESCRIPTIONS

if TYPE_CHECKING:
    from pairloom.result import Result
    from pairloom.stats.statistics import Statistics, TraderStatistics

TRADER_COLUMNS = ("total_return", "trades", "win_rate", "profit_factor", "exposure", "fees")
"""The statistics that fit beside a trader's name on a line."""

SHOWN_TRADERS = 20


def result_text(result: Result) -> str:
    """The summary that `print(result)` shows: what went wrong first, then a line for each thing."""
    shown = summary(result)
    lines = [f"! {line}" for line in shown.alerts]
    if lines:
        lines.append("")
    lines.append(f"Result of {shown.title}")
    width = max(len(label) for label, _ in shown.rows)
    lines += [f"  {label:<{width}}  {value}" for label, value in shown.rows]
    if shown.assumptions:
        lines.append("  Assumed")
        lines += [f"  - {text}" for text in shown.assumptions]
    return "\n".join(lines)


def result_line(result: Result) -> str:
    """A result on one line, for logs and debuggers; it computes no statistics."""
    quarantined = f", {len(result.quarantined):,} quarantined" if result.quarantined else ""
    return (
        f"<Result {numbers.money(result.equity)} {result.currency}, "
        f"{numbers.fraction(result.total_return)}, "
        f"{numbers.counted(len(result.trades), 'trade')}{quarantined}, "
        f"digest {result.digest[:12]}>"
    )


def statistics_text(stats: Statistics) -> str:
    """A name, a value and its meaning on each line."""
    rows = [(name, shown_value(name, value), meaning(name)) for name, value in stats.items()]
    return table(("statistic", "value", "meaning"), rows, right=(1,))


def traders_text(traders: TraderStatistics) -> str:
    """The first traders, one a line."""
    rows = trader_rows(traders)
    text = table(("trader", *TRADER_COLUMNS), rows, right=range(1, len(TRADER_COLUMNS) + 1))
    hidden = len(traders) - len(rows)
    return f"{text}\nand {hidden:,} more; .to_pandas() has them all" if hidden else text


def trader_rows(traders: TraderStatistics) -> list[tuple[str, ...]]:
    """The rows of the table of traders: the name and `TRADER_COLUMNS`."""
    rows = []
    for name in islice(traders, SHOWN_TRADERS):
        stats = traders[name]
        cells = (shown_value(column, stats[column]) for column in TRADER_COLUMNS)
        rows.append((numbers.clean(name, 40), *cells))
    return rows


def shown_value(name: str, value: float) -> str:
    """A statistic's value in its unit."""
    unit, _ = DESCRIPTIONS.get(name, ("ratio", ""))
    return numbers.statistic(unit, value)


def meaning(name: str) -> str:
    """A statistic's meaning in a few words."""
    return DESCRIPTIONS.get(name, ("", ""))[1]


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: range | tuple[int, ...]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
