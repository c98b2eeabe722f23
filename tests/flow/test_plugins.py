"""Strategies built apart, as a person uses them from Python: by object, by name, and with mistakes.

The plug-in is in C and compiled here against the header, so it shares nothing with the engine but that.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

import pairloom
from lanes import CLASSES
from pairloom._plugins import Plugin
from pairloom._traders import Assignment, traders
from plugin_build import build, capsule, functions


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return build("cross", tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def cross(library: ctypes.CDLL) -> Any:
    return functions(library, "cross_functions")


def backtest(*trades: tuple[Any, dict[str, Any]], block: int | None = None, threads: int = 2) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 100_000}, account="margin", block=block, num_threads=threads)
    for number, (strategy, options) in enumerate(trades):
        engine.trade("*", strategy, size=1, name=f"T{number}", **options)
    return engine.backtest(pairloom.synthetic(6, rows=700, seed=3), progress=False)


class Shown:
    """An object that makes the capsule when it is asked for it."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __pairloom_strategy__(self) -> Any:
        return self.capsule


def test_one_in_c_does_what_the_built_in_one_does(cross: Any) -> None:
    known = backtest(("sma_cross", {"fast": 4, "slow": 9}))
    assert len(known.fills) > 100
    for block in (None, 0, 7):
        for threads in (1, 2):
            found = backtest((cross, {"fast": 4, "slow": 9}), block=block, threads=threads)
            assert found.digest == known.digest
            assert (found.lanes.blocks > 0) == (block != 0)
    assert backtest((Shown(cross), {"fast": 4, "slow": 9})).digest == known.digest


def test_many_rows_in_one_call_are_what_they_are_one_by_one(library: ctypes.CDLL) -> None:
    known = backtest(("sma_cross", {"fast": 4, "slow": 9}))
    calls = ctypes.c_long.in_dll(library, "calls_of_many")
    for block in (None, 0, 7):
        before = calls.value
        found = backtest((functions(library, "cross_of_many_rows"), {"fast": 4, "slow": 9}), block=block, threads=1)
        assert found.digest == known.digest
        assert (calls.value > before) == (block != 0)
    # Who takes in none is called for each.
    assert backtest((functions(library, "cross_of_no_rows"), {"fast": 4, "slow": 9})).digest == known.digest


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_more_rows_than_there_are_cannot_be_taken_in(library: ctypes.CDLL) -> None:
    result = backtest((functions(library, "cross_of_too_many_rows"), {}), ("rsi", {}))
    assert {each.kind for each in result.quarantined} == {"not_a_signal"}
    assert all("rows where there are" in str(each.error) for each in result.quarantined)


@pytest.mark.parametrize(
    ("table", "missing"), [("cross_without_create", "create"), ("cross_without_signals", "generate_signal")]
)
def test_one_without_a_function_that_every_one_needs_is_refused(library: ctypes.CDLL, table: str, missing: str) -> None:
    with pytest.raises(pairloom.ConfigError, match=f"no function {missing}, which every strategy needs"):
        backtest((functions(library, table), {}))


@pytest.mark.parametrize("errs", [1, 2, 3, 4])
@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_a_failure_among_many_rows_is_that_of_its_row(library: ctypes.CDLL, cross: Any, errs: int) -> None:
    one = backtest((cross, {"errs": errs}), ("rsi", {}), block=0)
    many = backtest((functions(library, "cross_of_many_rows"), {"errs": errs}), ("rsi", {}))
    assert len(one.quarantined) == 6
    assert [(each.trader, each.ts, str(each.error)) for each in many.quarantined] == [
        (each.trader, each.ts, str(each.error)) for each in one.quarantined
    ]
    assert many.digest == one.digest


def test_it_mixes_with_other_lanes(cross: Any) -> None:
    class Own(pairloom.Strategy):
        def generate_signal(self, ctx: pairloom.SystemCtx) -> pairloom.Signal | None:
            return pairloom.Signal.LONG if ctx.candle.close > ctx.candle.open else None

    mixed = backtest((cross, {}), (Own, {}), ("rsi", {}))
    assert mixed.lanes == {"native": 12, CLASSES: 6}
    assert mixed.digest == backtest((cross, {}), (Own, {}), ("rsi", {}), block=0, threads=1).digest


def test_it_is_found_by_the_name_its_wheel_announces(
    cross: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = type(sys)("announced_strategies")
    module.Cross = cross  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "announced_strategies", module)
    announced = [
        EntryPoint("c_cross", "announced_strategies:Cross", "pairloom.strategies"),
        EntryPoint("lost", "announced_strategies:Gone", "pairloom.strategies"),
        EntryPoint("twice", "announced_strategies:Cross", "pairloom.strategies"),
        EntryPoint("twice", "announced_strategies:Gone", "pairloom.strategies"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: EntryPoints(announced).select(group=group))

    assert backtest(("c_cross", {"fast": 4})).digest == backtest(("sma_cross", {"fast": 4})).digest
    with pytest.raises(pairloom.ConfigError, match="did you mean 'c_cross'"):
        backtest(("c_crss", {}))
    with pytest.raises(pairloom.ConfigError, match="announced_strategies:Gone cannot be loaded: AttributeError"):
        backtest(("lost", {}))
    with pytest.raises(pairloom.ConfigError, match=r"is announced by .* import the one you mean"):
        backtest(("twice", {}))

    data = tmp_path / "A-USD.csv"
    rows = "\n".join(f"2024-01-01 00:{minute:02},1,1,1,{1 + minute % 7},5" for minute in range(60))
    data.write_text(f"ts,open,high,low,close,volume\n{rows}\n".replace(",1,1,1,", ",1,9,1,"))
    config = tmp_path / "run.toml"
    config.write_text(
        "[engine]\ncash = { USD = 1000 }\naccount = 'margin'\n[data]\npath = 'A-USD.csv'\n"
        "[[trader]]\npairs = ['A/USD']\nstrategy = 'c_cross'\nsize = { base = 1 }\noptions = { fast = 2, slow = 4 }\n"
    )
    from pairloom.cli import main

    assert main(["backtest", str(config), "--json"]) == 0


@pytest.mark.parametrize(
    ("errs", "kind", "said"),
    [
        (1, "raised", "c_cross: out of ideas"),
        (2, "raised", "c_cross returned status 9, which is none of the interface's"),
        (3, "not_a_signal", "c_cross: signal 17 is none of the interface's"),
        (4, "panic", "c_cross: lost the thread"),
    ],
)
@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_what_it_does_wrong_quarantines_it_alone(cross: Any, errs: int, kind: str, said: str) -> None:
    result = backtest(("rsi", {"period": 5}), (cross, {"errs": errs}))
    alone = backtest(("rsi", {"period": 5}), ("sma_cross", {}))
    assert {each.trader.split()[0] for each in result.quarantined} == {"T1"}
    assert {each.kind for each in result.quarantined} == {kind}
    assert all(said in str(each.error) for each in result.quarantined)

    def fills_of_the_other(run: pairloom.Result) -> list[Any]:
        table = run.fills.to_pandas()
        return table[table.trader.str.startswith("T0")][["ts", "pair", "price", "quantity"]].to_numpy().tolist()

    assert fills_of_the_other(result) == fills_of_the_other(alone)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "cross_of_tomorrow",
            r"version 3 of the strategy interface \(104 bytes\), this engine has version 2 \(104 bytes\)",
        ),
        (
            "cross_of_another_size",
            r"version 2 of the strategy interface \(112 bytes\), this engine has version 2 \(104",
        ),
    ],
)
def test_one_of_another_version_or_size_is_refused_with_both_named(library: ctypes.CDLL, table: str, said: str) -> None:
    with pytest.raises(pairloom.ConfigError, match=said + ".*; build it again") as caught:
        backtest((functions(library, table), {}))
    assert caught.value.code == "config.plugin"


def test_mistakes_say_what_to_do(library: ctypes.CDLL, cross: Any) -> None:
    with pytest.raises(pairloom.ConfigError, match="c_cross: it has fast, slow and errs"):
        backtest((cross, {"fsat": 3}))
    with pytest.raises(pairloom.ConfigError, match=r"fast=\[3\]: a plug-in takes numbers and texts"):
        backtest((cross, {"fast": [3]}))
    stranger = capsule(ctypes.addressof(ctypes.c_char.in_dll(library, "cross_functions")), b"somebody.else")
    with pytest.raises(pairloom.ConfigError, match="no strategy of a plug-in: that is a capsule named"):
        backtest((stranger, {}))
    with pytest.raises(pairloom.ConfigError, match="no strategy of a plug-in"):
        backtest((Shown(3), {}))


def test_every_state_it_made_is_given_back(library: ctypes.CDLL, cross: Any) -> None:
    for block in (None, 0):
        backtest((cross, {"fast": 3}), block=block)
    gc.collect()
    assert library.cross_alive() == 0


def test_header_and_crate_agree_on_sizes(library: ctypes.CDLL) -> None:
    # The same numbers stand in a test of the crate.
    library.sizes.restype = ctypes.c_size_t
    assert [library.sizes(which) for which in range(9)] == [104, 192, 88, 72, 112, 176, 96, 80, 16]


def test_it_is_swept_like_a_built_in(cross: Any) -> None:
    data = pairloom.synthetic(3, rows=500, seed=3)

    def engine(strategy: Any, **options: Any) -> pairloom.Engine:
        made = pairloom.Engine(cash={"USD": 100_000}, account="margin", num_threads=2)
        made.trade("*", strategy, size=1, name="T", **options)
        return made

    asked = {"fast": [3, 4, 5], "slow": [9, 20], "maximize": "equity", "progress": False}
    known = engine("sma_cross").sweep(data, **asked)
    found = engine(cross).sweep(data, **asked)
    assert [each.digest for each in found] == [each.digest for each in known]
    assert found.ran_on == "2 threads"
    assert found.best().backtest().digest == found.best().digest
    with pytest.raises(pairloom.ConfigError, match="it has fast, slow"):
        engine(cross).sweep(data, fats=[3, 4], progress=False)
    # Among others it is given what it was given before, and what nobody else has.
    both = engine(cross, slow=9)
    both.trade("*", "sma_cross", size=1, fast=4, slow=9)
    sweep = both.sweep(data, slow=[9, 12], maximize="equity", progress=False)
    assert len({each.digest for each in sweep}) == 2 and not sweep.failed


@pytest.mark.parametrize("window", [10_000_001, 10**9, 2**64 - 1])
def test_the_window_of_a_plugin_is_bounded_as_that_of_a_class(window: int) -> None:
    """The memory of a larger one would be asked for, and its lack would end the process."""
    made = Assignment("ETH/BTC", "sma_cross", size=1, name=None, options=None, parameters={}, currency="BTC")
    made.plugin = Plugin(object(), {}, "far_sighted", None, window, "1")
    with pytest.raises(pairloom.ConfigError, match=r"far_sighted\.window=.* must be from 0 to 10000000"):
        traders([made], ["ETH/BTC"], "BTC", lambda _: None)
