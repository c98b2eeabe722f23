"""The arguments of `Engine.sweep`: which combinations they name, and what is said of wrong ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import ConfigError, Engine, ParameterError, Signal, Strategy
from pairloom._sweep.grid import Parameters


class Mine(Strategy):
    fast: int = 3
    slow: int = 8
    level: float | None = None
    plain = 5

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.CLOSE


@pytest.fixture(scope="module")
def data() -> Any:
    return pairloom.synthetic(["ETH/BTC", "LTC/BTC"], rows=60, seed=1)


@pytest.fixture
def engine() -> Engine:
    made = Engine(cash={"BTC": 10})
    made.trade("ETH/BTC", Mine(), size=1)
    return made


def swept(engine: Engine, data: Any, **asked: Any) -> list[dict[str, Any]]:
    return [dict(each.parameters) for each in engine.sweep(data, progress=False, **asked)]


def test_the_last_parameter_changes_fastest(engine: Engine, data: Any) -> None:
    assert swept(engine, data, fast=(1, 2), slow=range(5, 7)) == [
        {"fast": 1, "slow": 5},
        {"fast": 1, "slow": 6},
        {"fast": 2, "slow": 5},
        {"fast": 2, "slow": 6},
    ]


def test_values_come_in_many_forms(engine: Engine, data: Any) -> None:
    found = swept(engine, data, fast=np.arange(1, 3), slow=7, level=[None, np.float64(0.5)])
    assert found[1] == {"fast": 1, "slow": 7, "level": 0.5}
    assert all(type(each["fast"]) is int and type(each["level"]) in (float, type(None)) for each in found)
    assert swept(engine, data, fast=(n for n in (4, 2))) == [{"fast": 4}, {"fast": 2}]
    assert swept(engine, data, options={"fast": [1]}, slow=[9]) == [{"fast": 1, "slow": 9}]


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def _raises_what_has_no_words(fast):
    raise Wordless


@pytest.mark.parametrize(
    "where",
    [
        lambda fast, slow: fast < slow,
        lambda slow, fast: fast < slow,
        lambda p: p.fast < p.slow,
        lambda p: p["fast"] < p["slow"],
        lambda **p: p["fast"] < p["slow"],
        lambda fast, slow, more=1: fast * more < slow,
    ],
)
def test_where_takes_its_parameters_as_it_likes(engine: Engine, data: Any, where: Any) -> None:
    assert swept(engine, data, fast=[1, 6, 9], slow=[5, 7], where=where) == [
        {"fast": 1, "slow": 5},
        {"fast": 1, "slow": 7},
        {"fast": 6, "slow": 7},
    ]


def test_where_may_look_at_one_parameter_alone(engine: Engine, data: Any) -> None:
    assert swept(engine, data, fast=[1, 6], slow=[5], where=lambda fast: fast > 3) == [{"fast": 6, "slow": 5}]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, ConfigError, r"a sweep needs parameters with their values, as in engine\.sweep\(data, fast=range"),
        ({"fats": [1]}, ParameterError, "Mine has no parameter 'fats'; did you mean 'fast'"),
        ({"plain": [1]}, ParameterError, "plain is not a parameter; annotate it: plain: int = 5"),
        ({"fast": []}, ConfigError, r"fast=\[\] is empty"),
        ({"fast": [1, 2, 1]}, ConfigError, "fast has 1 twice"),
        ({"fast": {1, 2}}, ConfigError, "has no order"),
        ({"fast": {"a": 1}}, ConfigError, "has no order"),
        ({"fast": range(2000), "slow": range(2000)}, ConfigError, "4,000,000 combinations are more than"),
        ({"fast": [1], "options": {"fast": [2]}}, ConfigError, "given both in options and as a keyword"),
        ({"fast": [1], "options": [2]}, ConfigError, "must be a dict of values"),
        ({"fast": [1], "where": 3}, ConfigError, "must be a function"),
        ({"fast": [1], "where": lambda f, s: True}, ConfigError, "where takes f, s; the parameters of this sweep are"),
        ({"fast": [1], "where": lambda fast, slw: True}, ConfigError, "where takes slw; "),
        ({"fast": [1], "where": lambda: True}, ConfigError, "where takes "),
        ({"fast": [1], "where": lambda fast: 1 / 0}, ConfigError, "where failed for fast=1: ZeroDivisionError"),
        ({"fast": [1], "where": _raises_what_has_no_words}, ConfigError, "where failed for fast=1: Wordless"),
        ({"fast": [1], "where": lambda p: p.fats}, ConfigError, "no parameter 'fats'; did you mean 'fast'"),
        ({"fast": [1, 2], "where": lambda fast: False}, ConfigError, "where leaves none of the 2 combinations"),
        ({"fast": [1], "maximize": "sharp"}, ConfigError, "maximize='sharp' is no statistic; did you mean 'sharpe'"),
        ({"fast": [1], "maximize": None}, ConfigError, "maximize=None is no statistic; there are equity, total_"),
        ({"fast": [1], "folds": 0}, ConfigError, "folds"),
        ({"fast": [1], "folds": "5 or so"}, ConfigError, "folds"),
        ({"fast": [1], "folds": {"anchord": 3}}, ConfigError, "folds: 'anchord' is unknown; did you mean 'anchored'"),
        ({"fast": [1], "folds": {"anchored": 1, "rolling": 2}}, ConfigError, "must have one key"),
        ({"fast": [1], "executor": 4}, ConfigError, r"executor=4 has no submit\(\)"),
        (
            {"fast": [1], "executor": ThreadPoolExecutor},
            ConfigError,
            "is a class; give one of it: Thread",
        ),
        ({"fast": range(10**18)}, ConfigError, "fast has more than 1,000,000 values"),
        ({"fast": [[1], [2], [1]]}, ConfigError, r"fast has \[1\] twice"),
        ({"fast": [1, True]}, ConfigError, "fast has True twice"),
        ({"fast": [1], "start": "2024-02-01", "end": "2024-01-01"}, ConfigError, "is not before"),
        ({"fast": [1], "progress": 3}, ConfigError, "progress=3"),
    ],
)
def test_wrong_arguments_are_refused_before_any_data_are_read(
    engine: Engine, asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        engine.sweep("there is no such file", **{"progress": False, **asked})


def test_an_engine_without_traders_cannot_be_swept(data: Any) -> None:
    with pytest.raises(ConfigError, match="the engine has no traders"):
        Engine(cash={"BTC": 1}).sweep(data, fast=[1])


def test_a_name_that_several_strategies_lack_has_the_nearest_of_any(engine: Engine, data: Any) -> None:
    engine.trade("LTC/BTC", "rsi", size=1)
    with pytest.raises(
        ParameterError, match="no strategy of the engine has a parameter 'perod'; did you mean 'period'"
    ):
        engine.sweep(data, perod=[3])


@pytest.mark.filterwarnings("ignore::pairloom.SweepWarning", "ignore::pairloom.RefusalWarning")
def test_a_parameter_goes_to_every_strategy_that_has_it(engine: Engine, data: Any) -> None:
    engine.trade("LTC/BTC", "sma_cross", side="long", size=1)
    sweep = engine.sweep(data, fast=[2, 3], side=["long"], progress=False)
    assert len(sweep) == 2

    def alone(fast: int) -> str:
        made = Engine(cash={"BTC": 10})
        made.trade("ETH/BTC", Mine(fast=fast), size=1)
        made.trade("LTC/BTC", "sma_cross", side="long", size=1, fast=fast)
        return made.backtest(data, progress=False).digest

    assert [each.digest for each in sweep] == [alone(2), alone(3)]


def test_parameters_are_read_by_key_and_by_name() -> None:
    parameters = Parameters(fast=1, slow="x")
    assert (parameters.fast, parameters["slow"], str(parameters)) == (1, "x", "fast=1, slow='x'")
    with pytest.raises(AttributeError, match="did you mean 'slow'"):
        _ = parameters.slw


def test_an_executor_that_takes_no_work_is_refused(engine: Engine, data: Any) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ConfigError, match=r"takes no work: RuntimeError.*give a fresh one"):
        engine.sweep(data, fast=[1, 2], executor=executor, progress=False)
