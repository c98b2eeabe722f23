"""Compare a result of the package with the model: every row, every column, first difference first."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from .engine import Reference

ATTO = Fraction(1, 10**18)
EQUITY_TOLERANCE = Fraction(1, 10**8)
RETURN_TOLERANCE = 1e-12
CONTEXT_ROWS = 3

ORDER_COLUMNS = (
    "ts",
    "order_id",
    "trader",
    "pair",
    "side",
    "type",
    "quantity",
    "limit_price",
    "status",
    "reason",
)
FILL_COLUMNS = (
    "ts",
    "trader",
    "pair",
    "side",
    "quantity",
    "price",
    "fee",
    "fee_currency",
    "order_id",
    "liquidity",
)
REFUSAL_COLUMNS = ("ts", "trader", "pair", "check")
TRADE_COLUMNS = (
    "trader",
    "pair",
    "entry_ts",
    "exit_ts",
    "side",
    "quantity",
    "entry_price",
    "exit_price",
    "pnl",
    "return",
    "fees",
    "exit_reason",
)
# Averages and split fees have no finite decimals: the table's last digit may go either way, once
# for each of the few divisions behind it.
ROUNDED = {"entry_price": 2, "exit_price": 2, "pnl": 4, "fees": 4}


class Difference(AssertionError):
    """The result and the model disagree."""


def plain(value: Any) -> Any:
    """A cell as the model writes it: fractions, integer nanoseconds, text, None."""
    if isinstance(value, Decimal):
        return Fraction(value)
    return value


def rows_of(table: Any, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of one of the result's tables, exact, by way of Arrow."""
    arrow = pa.table(table)
    cells: dict[str, list[Any]] = {}
    for name in columns:
        if name not in arrow.column_names:
            raise Difference(f"the table has no column {name!r}; it has {arrow.column_names}")
        column = arrow.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        cells[name] = [plain(value) for value in column.to_pylist()]
    return [{name: cells[name][i] for name in columns} for i in range(arrow.num_rows)]


def shown(row: dict[str, Any]) -> str:
    """A row for people: fractions as decimals."""
    parts = []
    for name, value in row.items():
        if isinstance(value, Fraction):
            value = Decimal(value.numerator) / Decimal(value.denominator)
        parts.append(f"{name}={value}")
    return " ".join(parts)


def same_cell(name: str, got: Any, wanted: Any) -> bool:
    """Whether one cell agrees; see ROUNDED for the only columns that may differ in a last digit."""
    if got is None or wanted is None:
        # An order that is refused before it has a limit has none; an empty reason is a text.
        return got is None and wanted is None
    if name == "return":
        return math.isclose(float(got), float(wanted), rel_tol=RETURN_TOLERANCE, abs_tol=1e-15)
    if name in ROUNDED:
        return bool(abs(got - wanted) <= ROUNDED[name] * ATTO)
    return bool(got == wanted)


def first_difference(got: list[dict[str, Any]], wanted: list[dict[str, Any]], columns: tuple[str, ...]) -> str | None:
    """A message about the first row that differs, with the rows before it, or None."""
    for i in range(max(len(got), len(wanted))):
        if i < len(got) and i < len(wanted):
            bad = [c for c in columns if not same_cell(c, got[i][c], wanted[i].get(c))]
            if not bad:
                continue
            head = f"row {i} differs in {', '.join(bad)}"
        else:
            head = f"{len(got)} rows, the model has {len(wanted)}"
        lines = [head]
        lines += [f"  both   [{j}] {shown(wanted[j])}" for j in range(max(0, i - CONTEXT_ROWS), i)]
        for j in range(i, i + CONTEXT_ROWS):
            if j < len(got):
                lines.append(f"  result [{j}] {shown(got[j])}")
        for j in range(i, i + CONTEXT_ROWS):
            if j < len(wanted):
                lines.append(f"  model  [{j}] {shown({c: wanted[j].get(c) for c in columns})}")
        return "\n".join(lines)
    return None


def close_enough(got: float, wanted: Fraction) -> bool:
    scale = max(Fraction(1), abs(wanted))
    return bool(abs(Fraction(got) - wanted) <= EQUITY_TOLERANCE * scale)


def equity_difference(result: Any, reference: Reference) -> str | None:
    """The equity curve: the same times, the same equity to 1e-8."""
    got = rows_of(result.equity_curve, ("ts", "equity"))
    # A run without any step has no time for a row; the model writes one at zero.
    wanted = [row for row in reference.equity_curve if getattr(result, "steps", 1) or row[0] != 0]
    for i in range(max(len(got), len(wanted))):
        if i >= len(got) or i >= len(wanted):
            extra = got[i]["ts"] if i < len(got) else wanted[i][0]
            return f"{len(got)} rows, the model has {len(wanted)}; first extra at {extra}"
        ts, equity = wanted[i]
        if got[i]["ts"] != ts or not close_enough(float(got[i]["equity"]), equity):
            return f"row {i}: {shown(got[i])}, the model has ts={ts} equity={float(equity)}"
    return None


def quarantine_rows(records: Any) -> list[dict[str, Any]]:
    """Quarantine records as rows, whether they are objects or dicts."""

    def field(record: Any, name: str) -> Any:
        return record[name] if isinstance(record, dict) else getattr(record, name)

    names = ("trader", "pair", "ts", "kind")
    return [{name: field(record, name) for name in names} for record in records]


def differences(result: Any, reference: Reference) -> list[tuple[str, str]]:
    """Every part of the result that differs, in the order in which causes come before effects."""
    found: list[tuple[str, str | None]] = []
    quarantined = quarantine_rows(reference.quarantined)
    found.append(
        (
            "quarantined",
            first_difference(quarantine_rows(result.quarantined), quarantined, ("trader", "pair", "ts", "kind")),
        )
    )
    for name, columns in (
        ("orders", ORDER_COLUMNS),
        ("fills", FILL_COLUMNS),
        ("refusals", REFUSAL_COLUMNS),
        ("trades", TRADE_COLUMNS),
    ):
        got = rows_of(getattr(result, name), columns)
        found.append((name, first_difference(got, getattr(reference, name), columns)))
    found.append(("equity_curve", equity_difference(result, reference)))
    cash = Fraction(result.cash[result.currency])
    if cash != reference.cash:
        found.append(("cash", f"{cash} is not {reference.cash}"))
    positions = {pair: Fraction(size) for pair, size in result.positions.items() if size}
    wanted = {pair: size for pair, size in reference.positions.items() if size}
    if positions != wanted:
        found.append(("positions", f"{positions} is not {wanted}"))
    if not close_enough(result.equity, reference.equity):
        found.append(("equity", f"{result.equity} is not {float(reference.equity)}"))
    if not math.isclose(result.fees, float(reference.fees), rel_tol=1e-9, abs_tol=1e-15):
        found.append(("fees", f"{result.fees} is not {float(reference.fees)}"))
    # A run that ends early, with its last trader in quarantine, has not seen every row; the model counts them all.
    stopped_early = 0 < len(getattr(result, "traders", ())) == len(result.quarantined)
    if not stopped_early and result.events != reference.events:
        found.append(("events", f"{result.events} is not {reference.events}"))
    return [(name, text) for name, text in found if text is not None]


def assert_equal(result: Any, reference: Reference, context: str = "") -> None:
    """Raise, with the first difference of every table, unless the result is the model's."""
    found = differences(result, reference)
    if found:
        parts = "\n".join(f"{name}: {text}" for name, text in found)
        raise Difference(f"{context}\n{parts}" if context else parts)
