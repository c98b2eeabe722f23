"""Who runs each workload: the loops, every lane, and a peer where there is one.

A contender is a function that runs the workload once and says how long the run itself took, how long it took with
loading and tables, and what came out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import loops, numba_loops, peers, strategies
from .loops import total
from .strategies import engine
from .workloads import FAST, GRID, SLOW, Data, Outcome, Workload

LOOP = "plain Python loop"
NATIVE = "native"


@dataclass(frozen=True)
class Run:
    """One run of one contender."""

    run_s: float
    whole_s: float
    outcome: Outcome


Contender = Callable[[], Run]


@dataclass(frozen=True)
class Field:
    """The contenders of one workload, and those that are not here, with the reason."""

    contenders: dict[str, Contender]
    skipped: dict[str, str]


def loop(function: Callable[[], Outcome]) -> Run:
    """A loop by hand; its data are in its form already, so there is nothing to load."""
    began = time.perf_counter()
    outcome = function()
    elapsed = time.perf_counter() - began
    return Run(elapsed, elapsed, outcome)


def backtest(data: Data, strategy: Any, parameters: dict[str, Any] | None = None, **settings: Any) -> Run:
    """The engine: `elapsed` runs from the first step to the last fill, the rest is loading and tables."""
    asked = engine(strategy, parameters, **settings)
    interval = None if "bid" in next(iter(data.values())) else "1m"
    began = time.perf_counter()
    result = asked.backtest(data, interval=interval, progress=False)
    whole = time.perf_counter() - began
    return Run(result.elapsed, whole, Outcome(len(result.orders), result.equity))


def sweep(data: Data, strategy: Any) -> Run:
    """The sweep: `elapsed` is all runs and what is kept of them, statistics and digests too."""
    began = time.perf_counter()
    found = engine(strategy).sweep(data, interval="1m", progress=False, **GRID)
    whole = time.perf_counter() - began
    return Run(found.elapsed, whole, total([Outcome(each.orders, each.equity) for each in found]))


def a_backtest_for_each(data: Data) -> Run:
    """The same without a sweep: every backtest reads the data again."""
    runs = [backtest(data, "sma_cross", {"fast": fast, "slow": slow}) for fast, slow in loops.pairs()]
    return Run(sum(run.run_s for run in runs), sum(run.whole_s for run in runs), total([run.outcome for run in runs]))


def plain_loop(workload: Workload, data: Data) -> Callable[[], Outcome]:
    """The floor of this workload, on lists."""
    if workload.name == "W2":
        bids, asks = loops.columns(data, "bid")[0], loops.columns(data, "ask")[0]
        return lambda: loops.quotes(bids, asks)
    closes = loops.columns(data, "close")
    if workload.name == "W3":
        return lambda: loops.many_markets(closes)
    if workload.name == "W4":
        return lambda: loops.many_pairs(closes[0])
    return lambda: loops.one_market(closes[0])


def field(workload: Workload, data: Data, only: set[str] | None = None) -> Field:
    """All contenders of a workload that are here, the plain loop first, the native strategy second."""
    floor = plain_loop(workload, data)
    contenders: dict[str, Contender] = {LOOP: lambda: loop(floor)}
    skipped: dict[str, str] = {}
    own = _sweeps(data, skipped) if workload.name == "W4" else _backtests(workload, data, skipped)
    contenders |= own
    compiled = numba_loops.loop_for(workload.name, data)
    if compiled is None:
        skipped["numba loop"] = "numba is not installed"
    else:
        contenders["numba loop"] = lambda: loop(compiled)
    for peer in peers.PEERS:
        answer = peer.contender(workload, data)
        if isinstance(answer, str):
            skipped[peer.name] = answer
        else:
            contenders[peer.name] = lambda run=answer: Run(*run())  # type: ignore[misc]
    if only is not None:
        contenders = {name: run for name, run in contenders.items() if name == LOOP or name in only}
    return Field(contenders, skipped)


def _backtests(workload: Workload, data: Data, skipped: dict[str, str]) -> dict[str, Contender]:
    """Every lane on one backtest."""
    quotes = workload.name == "W2"
    lengths = {} if quotes else {"fast": FAST, "slow": SLOW}
    python = strategies.EveryNth if quotes else strategies.Cross
    compiled = strategies.CompiledEveryNth if quotes else strategies.CompiledCross
    plugin = "example_every_nth" if quotes else "example_sma_cross"
    found: dict[str, Contender] = {}
    if not quotes:
        found[NATIVE] = lambda: backtest(data, "sma_cross", lengths)
        found["native, block=0"] = lambda: backtest(data, "sma_cross", lengths, block=0)
    if strategies.has_plugin():
        # There is no built-in strategy with the rule of W2: its native strategy is the one built apart.
        found[NATIVE if quotes else "plug-in"] = lambda: backtest(data, plugin, lengths)
        if quotes:
            found["native, block=0"] = lambda: backtest(data, plugin, lengths, block=0)
    else:
        skipped[NATIVE if quotes else "plug-in"] = f"the wheel {strategies.PLUGIN} is not installed; make bench does it"
    if strategies.has_numba():
        strategies.warm_up(compiled, "quote" if quotes else "candle")
        found["compiled"] = lambda: backtest(data, compiled, lengths)
    else:
        skipped["compiled"] = "numba is not installed"
    found["Python class"] = lambda: backtest(data, python, lengths)
    return found


def _sweeps(data: Data, skipped: dict[str, str]) -> dict[str, Contender]:
    """Every lane that sweeps on all cores, and no sweep at all."""
    found: dict[str, Contender] = {NATIVE: lambda: sweep(data, "sma_cross")}
    if strategies.has_plugin():
        found["plug-in"] = lambda: sweep(data, "example_sma_cross")
    else:
        skipped["plug-in"] = f"the wheel {strategies.PLUGIN} is not installed; make bench does it"
    if strategies.has_numba():
        strategies.warm_up(strategies.CompiledCross, "candle")
        found["compiled"] = lambda: sweep(data, strategies.CompiledCross)
    else:
        skipped["compiled"] = "numba is not installed"
    found["a backtest for each"] = lambda: a_backtest_for_each(data)
    return found
