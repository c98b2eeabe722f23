"""The arguments of `Engine.sweep`: which combinations they name, and what is said of wrong ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
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


class Takes(Strategy):
    """Any value at all."""

    w: Any = None

    def setup(self, ctx: Any) -> None:
        SEEN.append(self.w)

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG if ctx.ts % 7 else Signal.CLOSE


SEEN: list[Any] = []
"""What strategies were handed over."""


def handed(data: Any, values: Any, **asked: Any) -> tuple[Any, list[Any]]:
    """A sweep over the values of one parameter, and what the strategies had of it."""
    engine = Engine(cash={"BTC": 1_000})
    engine.trade("ETH/BTC", Takes(), size=1)
    SEEN.clear()
    sweep = engine.sweep(data, w=values, maximize=lambda each: float(np.ravel(each.parameters.w)[0]), **asked)
    return sweep, list(SEEN)


@pytest.mark.parametrize(
    "values",
    [
        [np.array([5]), np.array([7])],
        [np.array([0.5, 0.5]), np.array([0.75, 0.25]), np.array([0.75])],
        [np.zeros((2, 3)), np.ones((2, 3))],
        np.arange(6.0).reshape(3, 2),
        [pd.Series([1.0, 2.0]), pd.Series([2.0, 1.0])],
    ],
)
@pytest.mark.filterwarnings("ignore::pairloom.SweepWarning")
def test_arrays_are_handed_over_as_they_are(data: Any, values: Any) -> None:
    sweep, seen = handed(data, values)
    for given, each, there in zip(values, sweep, seen, strict=True):
        assert type(there) is type(each.parameters.w) is type(given)
        assert str(there) == str(each.parameters.w) == str(given)
    assert sweep.column("w").tolist() == [str(given) for given in values]
    assert sweep.to_pandas()["w"].tolist() == [str(given) for given in values]
    assert sweep.best().parameters.w is max((each.parameters.w for each in sweep), key=lambda w: np.ravel(w)[0])
    chosen, _ = handed(data, values, where=lambda w: np.ravel(w)[0] == np.ravel(sweep.best().parameters.w)[0])
    assert 1 <= len(chosen) < len(values)
    heat = sweep.heat_map(value="equity")
    assert heat.values[:, 0].tolist() == [each.equity for each in sweep]
    assert len(heat.to_pandas()) == len(values) and "\n" not in str(sweep[0].parameters)
    assert all(len(line) < 400 for line in str(sweep).splitlines())


def test_times_of_numpy_stay_times_and_other_scalars_are_pythons(data: Any) -> None:
    days = np.array(["2024-01-01", "2024-01-02"], dtype="M8[ns]")
    for values in (days, list(days), days[0], np.array(days[0]), list(days - days[0])):
        _, seen = handed(data, values)
        assert [type(each) for each in seen] == [type(each) for each in np.ravel(values)]
        assert seen == np.ravel(values).tolist() or seen == list(np.ravel(values))
    for values in (np.array([1, 2]), [np.int64(1), np.int64(2)], np.int32(1), np.array(1)):
        assert {type(each) for each in handed(data, values)[1]} == {int}
    assert type(handed(data, [np.float32(0.5)])[1][0]) is float
    assert [type(each) for each in handed(data, [1, np.bool_(False)])[1]] == [int, bool]


@pytest.mark.parametrize(
    "twice",
    [
        [np.array([1, 2]), 3, np.array([1, 2])],
        [pd.Series([1, 2]), "x", pd.Series([1, 2])],
        [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})],
        [(1, np.array([2])), (1, np.array([2]))],
        [{"a": np.array([2])}, {"a": np.array([2])}],
    ],
)
def test_arrays_that_are_given_twice_are_found(engine: Engine, twice: list[Any]) -> None:
    with pytest.raises(ConfigError, match=r"fast has .* twice; give each value once"):
        engine.sweep("there is no such file", fast=twice)


def test_containers_of_arrays_are_told_apart(data: Any) -> None:
    values = [(1, np.array([2, 3])), [1, np.array([2, 3])], (1, np.array([2, 4])), {"a": np.array([2])}]
    engine = Engine(cash={"BTC": 1_000})
    engine.trade("ETH/BTC", Takes(), size=1)
    sweep = engine.sweep(data, w=values, maximize="equity", progress=False)
    assert [each.parameters.w for each in sweep] == values and all(each.error is None for each in sweep)


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
        ({"fast": [1], "folds": "5 or so"}, ConfigError, "folds='5 or so' is not a whole number; write folds=1"),
        ({"fast": [1], "folds": "3"}, ConfigError, "folds='3' is not a whole number; write folds=3"),
        ({"fast": [1], "folds": {"anchored": 4.0}}, ConfigError, "is not a whole number; write folds.anchored=4"),
        ({"fast": [1], "folds": "0"}, ConfigError, "write folds=1"),
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
