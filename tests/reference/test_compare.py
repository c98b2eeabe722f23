"""The comparison itself: a result that is the model's passes, and any one changed cell is found."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from reference.compare import (
    FILL_COLUMNS,
    ORDER_COLUMNS,
    REFUSAL_COLUMNS,
    TRADE_COLUMNS,
    Difference,
    assert_equal,
)
from reference.model import Reference
from reference.package import on_model
from reference.scenarios import Shape, scenario

MONEY = pa.decimal128(38, 18)
TYPES = {"ts": pa.timestamp("ns", "UTC"), "entry_ts": pa.timestamp("ns", "UTC"), "exit_ts": pa.timestamp("ns", "UTC")}


def decimal(value: Any) -> Any:
    if not isinstance(value, Fraction):
        return value
    with localcontext() as context:
        context.prec = 60
        return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(1).scaleb(-18))


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Any:
    """A table such as the package hands out."""
    arrays = {}
    for name in columns:
        values = [decimal(row[name]) for row in rows]
        kind = TYPES.get(name) or (MONEY if any(isinstance(v, Decimal) for v in values) else None)
        arrays[name] = pa.array(values, type=kind)
    return pa.table(arrays)


def as_result(model: Reference) -> SimpleNamespace:
    curve = [{"ts": ts, "equity": equity} for ts, equity in model.equity_curve]
    return SimpleNamespace(
        orders=table(model.orders, ORDER_COLUMNS),
        fills=table(model.fills, FILL_COLUMNS),
        trades=table(model.trades, TRADE_COLUMNS),
        refusals=table(model.refusals, REFUSAL_COLUMNS),
        equity_curve=table(curve, ("ts", "equity")),
        quarantined=model.quarantined,
        cash={"USD": decimal(model.cash)},
        currency="USD",
        positions={pair: decimal(size) for pair, size in model.positions.items()},
        equity=float(model.equity),
        fees=float(model.fees),
        events=model.events,
    )


@pytest.fixture(scope="module")
def model() -> Reference:
    made, _ = scenario(Shape(7, 3, 40, 4, "margin", erring=False))
    reference = on_model(made)
    assert reference.fills and reference.refusals
    assert any(row["pnl"] is not None for row in reference.trades)
    return reference


def test_the_models_own_result_passes(model: Reference) -> None:
    assert_equal(as_result(model), model)


def one_cell(result: Any, name: str, column: str, value: Any) -> None:
    arrow = getattr(result, name)
    at = arrow.column_names.index(column)
    cells = arrow.column(column).to_pylist()
    cells[-1] = value(cells[-1])
    setattr(result, name, arrow.set_column(at, column, pa.array(cells, type=arrow.schema.field(column).type)))


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("orders", "status", lambda _: "working"),
        ("orders", "reason", lambda _: "because"),
        ("fills", "price", lambda price: price + Decimal(1).scaleb(-18)),
        ("fills", "fee", lambda fee: fee + Decimal(1).scaleb(-18)),
        ("fills", "liquidity", lambda _: "nobody"),
        ("refusals", "check", lambda _: "mood"),
        ("trades", "quantity", lambda quantity: quantity + Decimal(1).scaleb(-18)),
        ("equity_curve", "equity", lambda equity: equity + 1),
    ],
)
def test_one_changed_cell_is_found(model: Reference, name: str, column: str, value: Any) -> None:
    result = as_result(model)
    one_cell(result, name, column, value)
    with pytest.raises(Difference, match=rf"{name}: row \d+"):
        assert_equal(result, model)


def test_a_missing_row_is_found(model: Reference) -> None:
    result = as_result(model)
    result.fills = result.fills.slice(0, len(model.fills) - 1)
    with pytest.raises(Difference, match="the model has"):
        assert_equal(result, model)


@pytest.mark.parametrize("name", ["equity", "fees", "events"])
def test_a_changed_total_is_found(model: Reference, name: str) -> None:
    result = as_result(model)
    setattr(result, name, getattr(result, name) + 1)
    with pytest.raises(Difference, match=name):
        assert_equal(result, model)
