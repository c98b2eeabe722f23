"""Random limits over random portfolios: the gate refuses what the independent model refuses, for the same reason."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairloom
from pairloom import ConfigError
from reference.compare import FILL_COLUMNS, ORDER_COLUMNS, REFUSAL_COLUMNS, assert_equal, first_difference, rows_of
from reference.limit_scenarios import add_limits, choices
from reference.package import engine_of, limits_of, on_model, on_package, tables_for_package
from reference.scenarios import Shape, scenario

pytest.importorskip("pairloom._native", reason="the native module is not built")

SEED = int(os.environ.get("RISK_SEED", "1"))
SPEED = 30_000


def check(shape: Shape, seed: int, only: str | None = None, driver: str = "backtest") -> Counter[str]:
    """Run both sides; returns how often each check refused."""
    made, _ = scenario(shape)
    add_limits(made, seed, only)
    reference = on_model(made)
    assert_equal(on_package(made, driver), reference, f"{shape} limits={seed} only={only}\n{made.settings.risk}")
    counted = Counter(row["check"] for row in reference.refusals)
    counted["orders"] = len(reference.orders)
    return counted


def shapes() -> st.SearchStrategy[Shape]:
    """Small portfolios of every kind."""
    return st.builds(
        Shape,
        seed=st.integers(0, 2**32 - 1),
        markets=st.integers(1, 4),
        rows=st.integers(3, 40),
        traders=st.integers(1, 5),
        account=st.sampled_from(("spot", "margin", "margin")),
        fill=st.sampled_from(("next_open", "close")),
        bounded=st.booleans(),
        erring=st.booleans(),
    )


@settings(max_examples=200)
@given(shapes(), st.integers(0, 2**32 - 1))
def test_some_limits(shape: Shape, seed: int) -> None:
    """Several controls at once, of the account and of traders."""
    check(shape, seed)


@settings(max_examples=60)
@given(shapes(), st.integers(0, 2**32 - 1))
def test_paper_refuses_the_same(shape: Shape, seed: int) -> None:
    """The live driver on the same data."""
    check(shape, seed, driver="paper")


CONTROLS = {
    "max_order_quantity": "order_quantity",
    "max_order_notional": "order_notional",
    "price_collar": "price_collar",
    "price_band": "price_band",
    "max_position": "position",
    "max_gross_exposure": "gross_exposure",
    "max_net_exposure": "net_exposure",
    "max_order_rate": "order_rate",
    "max_cancel_rate": "cancel_rate",
    "max_repeats": "repeated_execution",
    "duplicate_window": "duplicate_intent",
    "prevent_self_trade": "self_trade",
    "max_daily_loss": "daily_loss",
    "max_drawdown": "drawdown",
    "max_data_age": "stale_data",
    "refuse_crossed_quotes": "crossed_quote",
    "max_price_gap": "price_gap",
    "known_instruments_only": "unknown_instrument",
    "halted": "halted",
    "restricted": "restricted",
    "session": "session",
    "reduce_only": "reduce_only",
}


@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_refuses_some_and_passes_others(control: str) -> None:
    """Alone, over many portfolios, so that no control is silent in the comparison above."""
    counted: Counter[str] = Counter()
    for case in range(12):
        seed = SEED * 1_000 + case
        shape = Shape(seed=seed, markets=2, rows=40, traders=4, account="margin", fill=("close", "next_open")[case % 2])
        counted += check(shape, seed, control)
    print(f"seed {SEED}: {counted}")
    assert 0 < counted[CONTROLS[control]] < counted["orders"]


def test_every_control_is_drawn() -> None:
    """The scenarios know all the controls that there are."""
    from pairloom._risk_values import READERS

    made, _ = scenario(Shape(seed=1, markets=1, rows=5, traders=1))
    # What is done when a connection is lost refuses no order; tests/flow/test_faults.py has it.
    assert set(CONTROLS) == set(READERS) - {"cancel_on_disconnect"} == set(choices(Random(1), made))


@pytest.mark.parametrize("case", range(6))
def test_limits_that_change_while_a_run_goes_on(case: int) -> None:
    """A person changes the limits of a recorded run; the model changes them after the steps that the result names."""
    seed = SEED * 1_000 + case
    rng = Random(seed)
    shape = Shape(seed=seed, markets=2, rows=400, traders=4, account="margin", hooks=False, traced=False, eager=2)
    made, _ = scenario(shape)
    # Prices are watched from the beginning; what was not would not be known to new limits.
    given = [add_limits(made, rng.randrange(2**32)).settings.risk | {"max_data_age": 86_400} for _ in range(8)]
    made.settings.risk = given[0]
    engine = engine_of(made.settings)
    for entry in made.entries:
        engine.trade(entry.pair, entry.define(pairloom), size=entry.size, name=entry.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pairloom.RefusalWarning)
        # Slow enough that there is a run to change on a machine that does other things, too.
        running = engine.start(tables_for_package(made.data), speed=SPEED)
        for number, limits in enumerate(given[1:], start=1):
            reached = running.status()["steps"]
            # Each holds for some steps; where the run is over before, fewer were changed.
            while not running.finished and running.status()["steps"] < reached + 60:
                pass
            with contextlib.suppress(ConfigError):
                running.set_limits(limits_of(limits), by=str(number))
        result = running.wait()
    changes = [(change["ts"], given[int(change["by"])]) for change in result.risk_changes]
    print(f"seed {seed}: {len(changes)} changes, {len(result.orders)} orders, {result.refusals_by_check}")
    assert changes, "the run was over before any change"
    made.settings.risk_changes = list(changes)
    reference = on_model(made)
    told = f"seed {seed}, {len(changes)} changes\n{given}"
    tables = (("orders", ORDER_COLUMNS), ("fills", FILL_COLUMNS), ("refusals", REFUSAL_COLUMNS))
    for name, columns in tables:
        difference = first_difference(rows_of(getattr(result, name), columns), getattr(reference, name), columns)
        assert difference is None, f"{name}: {difference}\n{told}"
    assert Fraction(result.cash[result.currency]) == reference.cash
