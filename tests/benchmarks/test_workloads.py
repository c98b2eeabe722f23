"""What the measurements measure comes to the known results: a fast wrong answer is no figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import contenders, loops, numba_loops, peers, strategies, workloads
from benchmarks.contenders import LOOP, NATIVE
from benchmarks.workloads import W1_SHORT, W2, W3, W4, Outcome, Workload

# Small enough for every run of the tests; the loop beside says what has to come out.
W2_SHORT = Workload("W2", "50,000 quotes", lambda: {"M000/USD": workloads.quotes(50_000, 2_000_000)}, 50_000, 0, "")
W3_SHORT = Workload("W3", "20 markets", lambda: workloads.markets(20), 80_000, 0, "")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of the tests' own for what numba compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def outcomes(workload: Workload) -> dict[str, Outcome]:
    """What every contender that is here comes to."""
    entered = contenders.field(workload, workload.data())
    assert next(iter(entered.contenders)) == LOOP
    return {name: run().outcome for name, run in entered.contenders.items()}


def test_every_contender_comes_to_the_known_result() -> None:
    found = outcomes(W1_SHORT)
    assert {LOOP, NATIVE, "native, block=0", "compiled", "Python class", "numba loop"} <= set(found)
    wrong = {name: outcome for name, outcome in found.items() if not W1_SHORT.agrees(outcome)}
    assert not wrong


@pytest.mark.parametrize("workload", [W2_SHORT, W3_SHORT], ids=lambda workload: str(workload.name))
def test_every_contender_comes_to_what_the_loop_does(workload: Workload) -> None:
    found = {name: (outcome.orders, f"{outcome.equity:.4f}") for name, outcome in outcomes(workload).items()}
    assert {LOOP, "compiled", "Python class", "numba loop"} <= set(found)
    assert set(found.values()) == {found[LOOP]}


@pytest.mark.slow
def test_whole_workloads_come_to_the_known_results() -> None:
    data = W2.data()
    assert W2.agrees(contenders.plain_loop(W2, data)())
    assert W2.agrees(contenders.backtest(data, strategies.EveryNth).outcome)
    assert W3.agrees(contenders.backtest(W3.data(), "sma_cross", {"fast": 10, "slow": 30}).outcome)


def test_a_wrong_result_would_be_noticed() -> None:
    assert not W1_SHORT.agrees(Outcome(W1_SHORT.orders, 9_992_347.6843))
    assert not W1_SHORT.agrees(Outcome(W1_SHORT.orders + 1, 9_992_347.6842))
    assert not W4.agrees(Outcome(W4.orders, 999_734_128.166))


def test_the_loops_for_one_and_for_many_markets_are_the_same_rule() -> None:
    closes = workloads.bars(1000, 4_000)["close"].tolist()
    assert loops.one_market(closes) == loops.many_markets([closes])


def test_a_sweep_comes_to_the_known_result() -> None:
    data = W4.data()
    sweep = strategies.engine("sma_cross").sweep(data, interval="1m", progress=False, **workloads.GRID)
    assert W4.agrees(loops.total([Outcome(each.orders, each.equity) for each in sweep]))
    loop = loops.one_market(loops.columns(data, "close")[0], 20, 90)
    same = next(each for each in sweep if each.parameters == {"fast": 20, "slow": 90})
    assert (same.orders, f"{same.equity:.4f}") == (loop.orders, f"{loop.equity:.4f}")


def test_who_is_not_here_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "has_plugin", lambda: False)
    monkeypatch.setattr(strategies, "has_numba", lambda: False)
    monkeypatch.setattr(numba_loops, "compiled", lambda: None)
    for peer in peers.PEERS:
        monkeypatch.delenv(peer.variable, raising=False)
    entered = contenders.field(W3_SHORT, W3_SHORT.data())
    assert list(entered.contenders) == [LOOP, NATIVE, "native, block=0", "Python class"]
    assert "not installed" in entered.skipped["plug-in"]
    assert entered.skipped["vectorbt"] == "PAIRLOOM_PEER_VECTORBT names no interpreter"
    assert set(entered.skipped) == {"plug-in", "compiled", "numba loop", *(peer.name for peer in peers.PEERS)}


def test_a_peer_is_given_the_data_and_asked_for_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "peer.sh"
    script.write_text('#!/bin/sh\ntest -s "$3" && echo "{\\"run_s\\": 0.5, \\"orders\\": 3, \\"equity\\": 4.5}"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PAIRLOOM_PEER_VECTORBT", str(script))
    peer = next(each for each in peers.PEERS if each.name == "vectorbt")
    run = peer.contender(W3_SHORT, workloads.markets(2, 10))
    assert not isinstance(run, str)
    seconds, whole, outcome = run()
    assert (seconds, outcome) == (0.5, Outcome(3, 4.5))
    assert whole > 0
