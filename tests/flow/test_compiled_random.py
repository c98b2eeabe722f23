"""Random numbers in compiled strategies: what no seed repeats is refused, and the way out repeats."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import Signal, Strategy, compiled, uncompiled

HEAD = """
import random, math
import numpy as np
from numpy import random as draws
from random import gauss
import pairloom
from pairloom import Signal, Strategy

def inner():
    return np.random.normal()

def twice():
    return np.random.random() + random.random()

def outer():
    return math.sqrt(abs(inner()))

def harmless(x):
    return math.sqrt(x)

@pairloom.compiled
class S(Strategy):
    def generate_signal(self, ctx):
        return Signal.LONG if {} > 0.5 else Signal.CLOSE
"""


def backtest(strategy: Any, seed: int = 0) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 1_000_000}, seed=seed)
    engine.trade("*", strategy, size=1)
    return engine.backtest(pairloom.synthetic(2, rows=300, seed=3), progress=False)


def written(tmp_path: Path, expression: str) -> Any:
    path = tmp_path / "drawing.py"
    path.write_text(HEAD.replace("{}", expression))
    spec = importlib.util.spec_from_file_location("drawing", path)
    assert spec and spec.loader
    sys.modules["drawing"] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made.S


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("random.random()", "random.random()"),
        ("random.uniform(0, 1)", "random.uniform()"),
        ("gauss(0, 1)", "random.gauss()"),
        ("np.random.rand()", "np.random.rand()"),
        ("np.random.normal(0.0, 1.0)", "np.random.normal()"),
        ("draws.random()", "np.random.random()"),
        ("inner()", "np.random.normal()"),
        ("outer()", "np.random.normal()"),
        ("twice()", "np.random.random()"),
    ],
)
def test_what_no_seed_repeats_is_refused_with_its_line(tmp_path: Path, expression: str, named: str) -> None:
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(written(tmp_path, expression))
    assert caught.value.code == "config.compiled"
    assert f"{named} cannot be called: compiled code draws from a state that nothing seeds" in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'drawing.py'}, line ")
    assert "ctx.random" in str(caught.value)


def test_functions_that_draw_nothing_are_compiled(tmp_path: Path) -> None:
    assert backtest(written(tmp_path, "harmless(2.0)")).lanes == {"compiled": 2}


@compiled
class Drawn(Strategy):
    def setup(self, ctx: Any) -> None:
        self.draws = np.array([ctx.random.random() for _ in range(1000)])
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        return Signal.LONG if self.draws[self.seen % 1000] > 0.5 else Signal.CLOSE


def test_numbers_drawn_in_setup_repeat() -> None:
    first = backtest(Drawn)
    assert first.lanes == {"compiled": 2} and len(first.fills) > 100
    assert first.digest == backtest(Drawn).digest == backtest(uncompiled(Drawn)).digest
    assert first.digest != backtest(Drawn, seed=1).digest


def test_what_ctx_has_in_compiled_code_is_named_whole(tmp_path: Path) -> None:
    with pytest.raises(pairloom.ConfigError, match="volume, position, equity, cash, ts, orders, buy, sell, replace"):
        backtest(written(tmp_path, "ctx.foo"))
