"""Random small portfolios: the engine does what the independent model does, row by row."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from reference.compare import Difference, assert_equal
from reference.package import on_model, on_package
from reference.scenarios import Shape, scenario

pytest.importorskip("pairloom._native", reason="the native module is not built")


def shapes(**fixed: Any) -> st.SearchStrategy[Shape]:
    """Shapes that shrink towards one market, few rows and one trader."""
    drawn: dict[str, Any] = {
        "seed": st.integers(0, 2**32 - 1),
        "markets": st.integers(1, 4),
        "rows": st.integers(3, 40),
        "traders": st.integers(1, 5),
        "account": st.sampled_from(("spot", "margin")),
        "fill": st.sampled_from(("next_open", "close")),
        "bounded": st.booleans(),
    }
    drawn.update({name: st.just(value) for name, value in fixed.items()})
    return st.builds(Shape, **drawn)


def same_entry(got: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Two lines of traces: floats agree to the last digits that a conversion may cost."""
    if len(got) != len(wanted):
        return False
    for a, b in zip(got, wanted, strict=True):
        if isinstance(a, float) or isinstance(b, float):
            if not math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12):
                return False
        elif a != b:
            return False
    return True


def check_traces(logs: list[dict[str, list[Any]]]) -> None:
    """What each strategy saw, call by call, on both sides."""
    for index, log in enumerate(logs):
        model, package = log["reference.api"], log["pairloom"]
        for i in range(max(len(model), len(package))):
            got = package[i] if i < len(package) else None
            wanted = model[i] if i < len(model) else None
            if got is None or wanted is None or not same_entry(got, wanted):
                before = model[max(0, i - 3) : i]
                raise Difference(f"trader t{index}, call {i}: saw {got}, the model {wanted}; before: {before}")


def check(shape: Shape) -> None:
    """Run both sides and compare tables first (causes), then what the strategies saw."""
    made, logs = scenario(shape)
    note(f"{shape}\n{made.settings}\n{[(e.name, e.pair, e.size) for e in made.entries]}")
    reference = on_model(made)
    result = on_package(made)
    assert_equal(result, reference, f"{shape}")
    # Where `end` comes before every row there is no step, and so no time at which a strategy could be called.
    if result.steps:
        check_traces(logs)


@settings(max_examples=150)
@given(shapes(orders=False))
def test_signals(shape: Shape) -> None:
    """Signals of every kind, sizes good and bad."""
    check(shape)


@settings(max_examples=250)
@given(shapes())
def test_signals_and_orders(shape: Shape) -> None:
    """Explicit orders, limits, cancels and replaces beside the signals, from every hook."""
    check(shape)


@settings(max_examples=150)
@given(shapes(latency=True, fill="next_open"))
# An order that arrives at the very time of its market's first quote.
@example(Shape(seed=4, markets=1, rows=4, traders=4, account="margin", fill="next_open", latency=True))
def test_latency(shape: Shape) -> None:
    """Orders that arrive later than they were decided."""
    check(shape)


@settings(max_examples=150)
@given(shapes(erring=True))
def test_quarantine(shape: Shape) -> None:
    """Strategies that raise, or return what is no signal, harm nobody else."""
    check(shape)


@settings(max_examples=60)
@given(shapes())
def test_paper_does_the_same(shape: Shape) -> None:
    """The live driver on the same data, against the same model."""
    made, _ = scenario(shape)
    note(f"{shape}")
    assert_equal(on_package(made, "paper"), on_model(made), f"{shape}")
