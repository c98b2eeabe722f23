"""The table of a live run, made of a plain status: text in lines, no terminal needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["status_line", "table_lines"]

COLUMNS = (("market", 14), ("price", 12), ("signal", 8), ("position", 12), ("P&L", 12))
GREEN, RED, BOLD, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"


def table_lines(status: Mapping[str, Any], *, width: int, height: int, color: bool) -> list[str]:
    """Return the table, at most ``height`` lines of at most ``width`` letters.

    ``status`` has ``elapsed`` (seconds), ``markets`` (each with ``pair, price, signal,
    position, pnl``, numbers or ``None``) and ``totals`` (names and numbers).
    """
    markets: Sequence[Mapping[str, Any]] = status.get("markets", ())
    totals = _totals(status)
    head = "  ".join(_fit(name, size, left=place == 0) for place, (name, size) in enumerate(COLUMNS))
    # Head, an empty line and the totals stay, whatever the number of markets.
    room = max(height - 3, 1)
    hidden = 0 if len(markets) <= room else len(markets) - room + 1
    shown = markets[: len(markets) - hidden]
    lines = [_painted(head[:width], BOLD, color)]
    lines += [_row(market, width, color) for market in shown]
    if hidden:
        lines.append(f"... and {hidden:,} more markets"[:width])
    lines += ["", totals[:width]]
    return lines


def status_line(status: Mapping[str, Any]) -> str:
    """Return one line for where nothing can be redrawn, such as a log."""
    markets: Sequence[Mapping[str, Any]] = status.get("markets", ())
    few = ", ".join(
        f"{market['pair']} {_number(market.get('price'))} ({_number(market.get('pnl'))})" for market in markets[:3]
    )
    return f"{_totals(status)}{'; ' if few else ''}{few}"


def _totals(status: Mapping[str, Any]) -> str:
    parts = [f"{float(status.get('elapsed', 0.0)):.1f} s"]
    parts += [f"{name.replace('_', ' ')} {_number(value)}" for name, value in status.get("totals", {}).items()]
    return " | ".join(parts)


def _row(market: Mapping[str, Any], width: int, color: bool) -> str:
    cells = (
        str(market["pair"]),
        _number(market.get("price")),
        str(market.get("signal") or "-").lower(),
        _number(market.get("position")),
        _number(market.get("pnl")),
    )
    fitted = [
        _fit(cell, size, left=place == 0) for place, (cell, (_, size)) in enumerate(zip(cells, COLUMNS, strict=True))
    ]
    line = "  ".join(fitted)[:width]
    pnl = market.get("pnl") or 0.0
    if not pnl or math.isnan(pnl):
        return line
    # Only the last cell is painted; a cut line has lost it.
    start = len(line) - len(fitted[-1])
    if len("  ".join(fitted)) > width:
        return line
    return line[:start] + _painted(line[start:], GREEN if pnl > 0 else RED, color)


def _fit(text: str, size: int, *, left: bool) -> str:
    cut = text if len(text) <= size else text[: size - 1] + "…"
    return cut.ljust(size) if left else cut.rjust(size)


def _number(value: Any) -> str:
    """Six digits are enough to watch; counts are shown whole."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    number = float(value)
    if number == 0:
        return "0"
    if abs(number) >= 1_000:
        return f"{number:,.2f}"
    digits = max(0, 5 - math.floor(math.log10(abs(number))))
    return f"{number:.{min(digits, 8)}f}"


def _painted(text: str, paint: str, color: bool) -> str:
    return f"{paint}{text}{PLAIN}" if color else text
