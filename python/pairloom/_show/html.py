"""Results as HTML for notebooks.

Colours are inherited from the notebook or half transparent, so that a table is legible on light and on dark;
every text is escaped, since names and messages come from users and files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from pairloom._show import text
from pairloom._show.summary import summary

if TYPE_CHECKING:
    from pairloom.result import Result
    from pairloom.stats.statistics import Statistics, TraderStatistics

_BOX = "color:inherit;background:transparent;font-size:13px;line-height:1.5;max-width:60em"
TABLE = "border-collapse:collapse;margin:0.3em 0;color:inherit;background:transparent"
_CELL = "padding:2px 12px 2px 4px;text-align:left;vertical-align:top;border:0;"
_LINE = "border-bottom:1px solid rgba(128,128,128,0.3);"
ALERT = "border-left:4px solid rgba(230,120,0,0.9);background:rgba(230,120,0,0.14);padding:4px 10px;margin:4px 0"


def result_html(result: Result) -> str:
    """The summary of a result: alerts, a table of two columns, and the assumptions folded away."""
    shown = summary(result)
    alerts = "".join(f'<div style="{ALERT}">{escape(line)}</div>' for line in shown.alerts)
    assumed = ""
    if shown.assumptions:
        items = "".join(f"<li>{escape(line)}</li>" for line in shown.assumptions)
        assumed = f"<details><summary>Assumed ({len(result.assumptions):,})</summary><ul>{items}</ul></details>"
    title = f"<div><b>Result of {escape(shown.title)}</b></div>"
    return f'<div style="{_BOX}">{alerts}{title}{table((), shown.rows)}{assumed}</div>'


def statistics_html(stats: Statistics) -> str:
    """A table of the statistics with their meanings."""
    rows = [(name, text.shown_value(name, value), text.meaning(name)) for name, value in stats.items()]
    return boxed(table(("statistic", "value", "meaning"), rows))


def traders_html(traders: TraderStatistics) -> str:
    """A table of the first traders."""
    rows = text.trader_rows(traders)
    hidden = len(traders) - len(rows)
    note = f"<div>and {hidden:,} more; <code>.to_pandas()</code> has them all</div>" if hidden else ""
    return boxed(table(("trader", *text.TRADER_COLUMNS), rows) + note)


def boxed(inner: str) -> str:
    return f'<div style="{_BOX}">{inner}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th style="{_CELL}{_LINE}">{escape(name)}</th>' for name in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<table style="{TABLE}">{head}<tbody>{body}</tbody></table>'


def _cells(row: Sequence[str]) -> str:
    # The first cell names the row: a header cell, which screen readers read out with each value.
    first, *others = row
    named = f'<th scope="row" style="{_CELL}{_LINE}font-weight:600">{escape(first)}</th>'
    return named + "".join(f'<td style="{_CELL}{_LINE}">{escape(cell)}</td>' for cell in others)
