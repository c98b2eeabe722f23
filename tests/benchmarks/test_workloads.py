"""What the measurements measure comes to the known results: a fast wrong answer is no figure."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import probes, workloads
from benchmarks.report import table
from benchmarks.workloads import W1_SHORT, Outcome, Workload

# Few enough markets for every run of the tests; the loop beside says what has to come out.
W3_SHORT = Workload("W3", "20 markets", range(1000, 1020), 4_000, 0, "")


def test_the_plain_loop_comes_to_the_known_result() -> None:
    closes = [columns["close"].tolist() for columns in W1_SHORT.data().values()]
    assert W1_SHORT.agrees(workloads.plain_loop(closes))


def test_a_wrong_result_would_be_noticed() -> None:
    assert not W1_SHORT.agrees(Outcome(W1_SHORT.orders, 9_992_347.6843))
    assert not W1_SHORT.agrees(Outcome(W1_SHORT.orders + 1, 9_992_347.6842))


@pytest.mark.parametrize("strategy", ["sma_cross", workloads.Cross])
def test_the_engine_comes_to_the_known_result(strategy: Any) -> None:
    result = workloads.engine(strategy).backtest(W1_SHORT.data(), interval="1m", progress=False)
    assert W1_SHORT.agrees(Outcome(len(result.orders), result.equity))


@pytest.mark.parametrize("strategy", ["sma_cross", workloads.Cross])
def test_many_markets_in_one_account_come_to_what_the_loop_does(strategy: Any) -> None:
    data = W3_SHORT.data()
    loop = workloads.plain_loop([columns["close"].tolist() for columns in data.values()])
    result = workloads.engine(strategy).backtest(data, interval="1m", progress=False)
    assert (len(result.orders), f"{result.equity:.4f}") == (loop.orders, f"{loop.equity:.4f}")


def test_the_loops_for_one_and_for_many_markets_are_the_same_rule() -> None:
    closes = workloads.bars(1000, 4_000)["close"].tolist()
    assert workloads.one_market_loop(closes) == workloads.many_markets_loop([closes])


def test_a_sweep_comes_to_the_known_result() -> None:
    sweep = workloads.engine("sma_cross").sweep(workloads.W4.data(), interval="1m", progress=False, **workloads.GRID)
    orders, equity = sum(each.orders for each in sweep), sum(each.equity for each in sweep)
    assert workloads.W4.agrees(Outcome(orders, equity))
    assert not workloads.W4.agrees(Outcome(orders, equity + 0.002))
    closes = next(iter(workloads.W4.data().values()))["close"].tolist()
    loop = workloads.one_market_loop(closes, 20, 90)
    same = next(each for each in sweep if each.parameters == {"fast": 20, "slow": 90})
    assert (same.orders, f"{same.equity:.4f}") == (loop.orders, f"{loop.equity:.4f}")


def test_an_idle_trader_is_small() -> None:
    """The goal is 8 KiB beyond its window; the process's other allocations make the figure a little uneven."""
    assert 0 < probes.bytes_per_trader("backtest", "native", many=4_000) < 12 * 1024


def test_a_table_is_aligned() -> None:
    assert table(["a", "b"], [("one", 1), ("two", 22)]) == "| a   |  b |\n| --- | -: |\n| one |  1 |\n| two | 22 |"
