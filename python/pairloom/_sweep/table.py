"""A sweep as a table: a row for each combination."""

from __future__ import annotations

from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom.stats.statistics import DESCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairloom._native import Table
    from pairloom.sweep import SweepResult

__all__ = ["table"]

OWN = ("fold", "equity", *DESCRIPTIONS, "orders", "fills", "refusals", "error", "digest")
"""The names that a parameter cannot have as a column."""

# What a column of integers holds.
LEAST, MOST = -(2**63), 2**63 - 1


def table(sweep: SweepResult) -> Table:
    """Lay out a sweep; the types of the columns do not depend on what came out."""
    rows = list(sweep)
    columns: list[tuple[str, str, list[Any]]] = []
    if sweep.folds:
        columns.append(("fold", "integer", [number for number, fold in enumerate(sweep.folds) for _ in fold.train]))
    for name, values in sweep.parameters.items():
        kind = _kind(values)
        # One array of a single number must not be taken for that number: what is no number is text.
        cells = [_cell(row.parameters[name], kind) for row in rows]
        columns.append((f"parameter_{name}" if name in OWN else name, kind, cells))
    columns.append(("equity", "number", [row.equity for row in rows]))
    for name in DESCRIPTIONS:
        found = [row.stats[name] for row in rows]
        columns.append((name, "number", [None if value != value else value for value in found]))
    columns.append(("orders", "integer", [row.orders for row in rows]))
    columns.append(("fills", "integer", [row.fills for row in rows]))
    columns.append(("refusals", "integer", [sum(row.refusals.values()) for row in rows]))
    columns.append(("error", "text", [row.error for row in rows]))
    columns.append(("digest", "text", [row.digest for row in rows]))
    return _native.make_table("sweep", columns)


def _kind(values: Sequence[Any]) -> str:
    """What the column of a parameter holds: integer, number or text."""
    given = [value for value in values if value is not None]
    if not all(map(_is_number, given)):
        return "text"
    whole = all(isinstance(value, Integral) and LEAST <= int(value) <= MOST for value in given)
    return "integer" if given and whole else "number"


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return False
    try:
        float(value)
    except (ArithmeticError, ValueError):
        # Beyond what a float can be.
        return False
    return True


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind == "integer":
        return value
    return float(value) if kind == "number" else str(value)
