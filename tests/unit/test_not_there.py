"""What the README says is not there: all of it, and nothing that is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import pairloom
from pairloom import Engine, Result, Signal, SystemCtx
from pairloom.cli import make_parser

README = Path(__file__).parents[2] / "README.md"
SECTION = README.read_text(encoding="utf-8").partition("## What it does not do")[2].partition("\n## ")[0]

CALLS = {
    "Engine": (Engine, "cash fee fill risk num_threads workers time_limit journal seed participation"),
    "start": (Engine.start, "feed broker"),
    "buy": (SystemCtx.buy, "quantity limit stop post_only reduce_only tif tag"),
    "sell": (SystemCtx.sell, "quantity limit stop post_only reduce_only tif tag"),
    "long": (Signal.long, "size limit stop_loss take_profit"),
    "short": (Signal.short, "size limit stop_loss take_profit"),
}
MEMBERS = "equity fees orders fills trades refusals equity_curve stats returns assumptions quarantined digest lanes"
COMMANDS = "demo backtest paper live exchange risk replay journal sweep report dashboard"


@pytest.mark.parametrize("call", CALLS)
def test_an_argument_is_there_or_named_as_one_that_is_not(call: str) -> None:
    called, names = CALLS[call]
    there = inspect.signature(called).parameters
    for name in names.split():
        named = re.search(rf"`(?:Engine\.\w+\()?{name}=\)?`", SECTION) is not None
        # Workers are named there for where they cannot be had.
        assert named != (name in there) or name == "workers", name


def test_what_a_result_has_is_there_or_named() -> None:
    for name in [*MEMBERS.split(), "report", "plot"]:
        assert hasattr(Result, name) != (f"`result.{name}`" in SECTION), name


def test_a_command_is_there_or_named() -> None:
    (commands,) = (action.choices for action in make_parser()._actions if isinstance(action.choices, dict))
    for name in COMMANDS.split():
        assert (name in commands) != (f"`pairloom {name}`" in SECTION), name


def test_what_is_refused_is_refused() -> None:
    engine = Engine(cash={"USD": 1})
    engine.trade("A/USD", "simple", size=1)
    with pytest.raises(TypeError, match="broker"):
        engine.start(pairloom.SyntheticFeed(["A/USD"]), broker="any")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="stop_loss"):
        Signal.long(stop_loss=1)  # type: ignore[call-arg]
