"""Worker processes and blame: what a trader leaves behind, or does when its error is packed, costs nobody else."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest

import pairloom
from pairloom import Engine
from process_strategies import Detailed, Doomed, Harmful, Refused

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

PAIRS = [f"S{number:04}/USD" for number in range(1, 11)]
HARMFUL = "Harmful S0001/USD"


@pytest.fixture(scope="module")
def candles() -> Any:
    return pairloom.synthetic(10, rows=300, seed=7, volatility=0.01)


def among_ten(candles: Any, how: str, workers: int = 1, **settings: Any) -> Any:
    engine = Engine(cash={"USD": 100_000}, workers=workers, **settings)
    engine.trade(PAIRS[0], Harmful(how=how), size=0.1)
    engine.trade(PAIRS[1:], Doomed(at=-1), size=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return engine.backtest(candles, progress=False)


def of_the_others(result: Any) -> list[tuple[Any, ...]]:
    columns = [result.fills.column(name) for name in ("trader", "ts", "side", "quantity", "price", "fee")]
    return [row for row in zip(*columns, strict=True) if row[0] != HARMFUL]


@pytest.fixture(scope="module")
def undisturbed(candles: Any) -> Any:
    return among_ten(candles, "none", workers=0)


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("pack_and_exit", "died", "ended with status 4 while the error of its call was packed"),
        ("pack_and_crash", "died", "segmentation fault"),
        ("pack_for_ever", "time_limit", "the error of its call was not packed after time_limit=0.5 s"),
        ("log_and_exit", "died", "ended with status 5 in this call"),
        ("interrupt", "raised", "not from you"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_it_costs_its_own_trader_alone(
    candles: Any, undisturbed: Any, how: str, kind: str, text: str, workers: int, capfd: Any
) -> None:
    result = among_ten(candles, how, workers, time_limit=0.5)
    assert [(each.trader, each.kind) for each in result.quarantined] == [(HARMFUL, kind)]
    assert text in str(result.quarantined[0].error)
    assert isinstance(result.quarantined[0].error, KeyboardInterrupt) == (how == "interrupt")
    assert not result.interrupted
    assert of_the_others(result) == of_the_others(undisturbed)


@pytest.mark.parametrize("how", ["timer", "handled", "set_again", "trace", "profile"])
def test_what_it_leaves_running_ends_with_its_call(candles: Any, undisturbed: Any, how: str) -> None:
    result = among_ten(candles, how)
    assert not result.quarantined
    assert result.counters["worker_restarts"] == 0
    assert result.digest == undisturbed.digest


def test_an_error_with_arguments_of_its_own_comes_back_as_itself(candles: Any) -> None:
    engine = Engine(cash={"USD": 1_000}, workers=1)
    engine.trade(PAIRS[:2], Refused, size=1)
    with pytest.raises(pairloom.StrategyError) as caught:
        engine.backtest(candles, progress=False)
    for record in caught.value.result.quarantined:
        error = record.error
        assert type(error) is Detailed
        assert (error.what, error.errno, str(error)) == ("this", 7, "[Errno 7] this and 7")
        assert "in generate_signal" in record.traceback
