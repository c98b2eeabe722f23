"""Evaluating ahead against step by step, over random portfolios: one digest, and the same tables to the last row.

The portfolios are of the kind that undoes a block: too little cash, limit orders, gaps, sizes of every unit, refusals,
errors at random events, liquidations, several traders a market, and lanes mixed. `make test` runs a few dozen; more:

    PAIRLOOM_EXAMPLES=1000 python -m pytest tests/properties/test_ahead.py

Hypothesis prints the smallest portfolio that fails, and the blob that makes it again.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import currently_in_test_context, given, note, settings
from hypothesis import strategies as st

import pairloom
from actors import Actor, Answering, CompiledActor, Wary, Window
from plugin_build import build, functions
from reference.model import Settings
from reference.package import engine_of, moment, tables_for_package
from reference.scenarios import PAIRS, Shape, market, settings_of

pytest.importorskip("numba", reason="numba, which compiles a third of these strategies, is not installed")

EXAMPLES = int(os.environ.get("PAIRLOOM_EXAMPLES", "40"))
TABLES = ("orders", "fills", "refusals", "trades", "equity_curve")
# Who may trade, and by how much more often than the others.
KINDS = (
    "native",
    "native",
    "compiled",
    "compiled",
    "compiled",
    "plug-in",
    "plug-in",
    "panics",
    "hooks",
    "window",
    "wary",
    "python",
)
# Nobody in these shares state or reads the account, so their lane may be changed and nothing else.
PLAYERS = ("compiled", "plug-in", "python")


@dataclass(frozen=True)
class Part:
    """One trader: its lane, its strategy's parameters, its pair and its size."""

    kind: str
    pair: str
    strategy: Any
    size: Any
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Portfolio:
    """All that a run is made of."""

    shape: Shape
    settings: Settings
    data: dict[str, Any] = field(repr=False)
    parts: tuple[Part, ...]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    library = build("actor", tmp_path_factory.mktemp("plugin"))
    names = ("actor_functions", "actor_row_by_row", "actor_with_hooks", "actor_without_copy")
    return {name: functions(library, name) for name in names}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of the tests' own for what numba compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def size_of(rng: Random, cash: float, leverage: float) -> Any:
    """A trader's size: none, a quantity, or a part of the account that is small, fair or far too much."""
    if rng.random() < (0.3 if leverage < 30 else 0):
        return rng.choice((None, 0.5, 2))
    share = rng.choice((0.05, 0.3, 0.9, 2.5)) * (leverage if rng.random() < 0.6 else 1)
    return {"equity": share} if rng.random() < 0.3 else {"quote": round(cash * share, 2)}


def built_in(rng: Random, spot: bool) -> tuple[str, dict[str, Any]]:
    """A built-in strategy with short periods, so that it acts often."""
    fast = rng.randrange(1, 4)
    return rng.choice(
        (
            ("sma_cross", {"fast": fast, "slow": fast + rng.randrange(1, 6), "side": "long" if spot else "both"}),
            ("rsi", {"period": rng.randrange(2, 6), "low": 45, "high": 55}),
            ("simple", {}),
            ("heikin_ashi", {}),
        )
    )


def part(rng: Random, shape: Shape, data: dict[str, Any], made: Settings, plugins: dict[str, Any]) -> Part:
    """One trader, drawn."""
    cash = float(made.cash)
    pair = rng.choice(list(data))
    kind = rng.choice(KINDS)
    first = next(name for name in ("candle", "quote", "trade") if name in data[pair])
    size = size_of(rng, cash, float(made.leverage))
    # The last of these asks for something at nearly every event, the first lets blocks grow long.
    errs = rng.randrange(1, shape.rows + 1) if rng.random() < 0.25 else 0
    script = {
        "script": rng.randrange(1, 2**31),
        "rate": rng.choice((29, 11, 5, 2, 1)),
        "errs": errs,
        "orders": rng.random() < 0.6,
        "money": round(cash * rng.choice((0.02, 0.2, 1.5)), 2),
    }
    if kind == "native":
        name, parameters = built_in(rng, shape.account == "spot")
        if first == "candle" or name != "heikin_ashi":
            return Part(kind, pair, name, size, parameters)
        return Part(kind, pair, "simple", size)
    if kind == "window" and first == "candle":
        return Part(kind, pair, Window, size, {"errs": errs})
    if kind == "wary":
        return Part(kind, pair, Wary, size, {"share": rng.choice((0.2, 0.5, 0.8))})
    if kind == "hooks":
        return Part(kind, pair, rng.choice((plugins["actor_with_hooks"], Answering)), size, script)
    if kind == "panics":
        table = plugins[rng.choice(("actor_functions", "actor_row_by_row"))]
        return Part(kind, pair, table, size, script | {"errs": errs or shape.rows, "panics": 1})
    if kind == "plug-in":
        tables = ("actor_functions", "actor_row_by_row", "actor_without_copy")
        return Part(kind, pair, plugins[rng.choice(tables)], size, script)
    return Part(kind, pair, Actor if kind == "python" else CompiledActor, size, script)


def portfolio(shape: Shape, plugins: dict[str, Any], doomed: bool = False) -> Portfolio:
    """A portfolio, from one seed; a doomed one may hold more than its prices' steps can bear, and is liquidated."""
    rng = Random(shape.seed)
    data = {pair: market(rng, shape) for pair in PAIRS[: shape.markets]}
    if doomed:  # Traders of one kind of data run ahead, so most of these do.
        data = {pair: dict([next(iter(kinds.items()))]) for pair, kinds in data.items()}
    made = settings_of(rng, shape, data)
    if shape.account == "margin":
        made.leverage = rng.choice((1, 3, 10)) if not doomed else 30
    parts = tuple(part(rng, shape, data, made, plugins) for _ in range(shape.traders))
    return Portfolio(shape, made, tables_for_package(data), parts)


def run(asked: Portfolio, *, options: dict[str, Any] | None = None, driver: str = "backtest", **extra: Any) -> Any:
    """The result, also where every trader erred."""
    engine = engine_of(asked.settings, **extra)
    for number, each in enumerate(asked.parts):
        engine.trade(each.pair, each.strategy, size=each.size, name=f"t{number}", **each.parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pairloom.RefusalWarning)
        warnings.simplefilter("ignore", pairloom.QuarantineWarning)
        try:
            return getattr(engine, driver)(
                asked.data,
                start=moment(asked.settings.start),
                end=moment(asked.settings.end),
                progress=False,
                **(options or {}),
            )
        except pairloom.StrategyError as error:
            return error.result


def quarantined(result: Any) -> list[tuple[Any, ...]]:
    """Who erred, when, and how."""
    return [(each.trader, each.ts, each.kind, str(each.error)) for each in result.quarantined]


def assert_same(got: Any, wanted: Any, how: str) -> None:
    """The same tables first, because they say where the first difference is, then the same digest."""
    for name in TABLES:
        mine, theirs = (pa.table(getattr(result, name)) for result in (got, wanted))
        if not mine.equals(theirs):
            rows = zip(mine.to_pylist(), theirs.to_pylist(), strict=False)
            at, pair = next(
                ((at, pair) for at, pair in enumerate(rows) if str(pair[0]) != str(pair[1])),
                (min(len(mine), len(theirs)), None),
            )
            raise AssertionError(f"{how}: {name}, row {at} of {len(mine)} and {len(theirs)}: {pair}")
    assert quarantined(got) == quarantined(wanted), how
    assert (got.digest, got.events, got.cash) == (wanted.digest, wanted.events, wanted.cash), how


def in_python(asked: Portfolio) -> Portfolio:
    """The same scripts, all of them played by ordinary Python classes."""
    parts = [
        Part("python", each.pair, Actor, each.size, each.parameters) if each.kind in PLAYERS else each
        for each in asked.parts
    ]
    return replace(asked, parts=tuple(parts))


def check(asked: Portfolio, block: int, shuffle: int, seen: Counter[str]) -> None:
    """One portfolio in every way; what happened in it is counted."""
    say = note if currently_in_test_context() else print
    say(f"{asked.shape}, block={block}\n{asked.settings}")
    for each in asked.parts:
        say(f"{each.kind} on {each.pair}: {each.strategy} size={each.size} {each.parameters}")
    stepped = run(asked, block=0, num_threads=1)
    assert stepped.lanes.blocks == 0
    for threads, length in ((1, None), (2, None), (1, block), (2, block), (2, 1)):
        ahead = run(asked, block=length, num_threads=threads)
        assert_same(ahead, stepped, f"block={length}, {threads} threads")
        seen["blocks"] += ahead.lanes.blocks
        seen["roll_backs"] += ahead.lanes.roll_backs
    handed_over = run(asked, block=block, num_threads=2, options={"_handover": "always", "_shuffle_seed": shuffle})
    assert_same(handed_over, stepped, f"block={block}, every step handed over, shuffled by {shuffle}")
    assert run(in_python(asked), block=block, num_threads=1).digest == stepped.digest, "played in Python"
    seen["portfolios"] += 1
    seen["fills"] += len(stepped.fills)
    seen["limit fills"] += sum(word == "maker" for word in stepped.fills.column("liquidity"))
    seen.update(f"refused: {check}" for check in stepped.refusals.column("check"))
    seen.update(f"reason: {reason}" for reason in stepped.orders.column("reason") if reason)
    seen.update(f"quarantined: {each.kind}" for each in stepped.quarantined)
    seen.update(f"lane: {lane}" for lane in stepped.lanes)
    seen["of more than one lane"] += len(stepped.lanes) > 1


def shapes(**fixed: Any) -> st.SearchStrategy[Shape]:
    """Shapes that shrink towards one market, few rows and one trader."""
    drawn: dict[str, Any] = {
        "seed": st.integers(0, 2**32 - 1),
        "markets": st.integers(1, 4),
        "rows": st.integers(3, 25) | st.integers(26, 200),
        "traders": st.integers(1, 7),
        "account": st.sampled_from(("spot", "margin")),
        "fill": st.sampled_from(("next_open", "close")),
        "bounded": st.booleans(),
    }
    drawn.update({name: st.just(value) for name, value in fixed.items()})
    return st.builds(Shape, **drawn)


def search(portfolios: Any, share: float) -> None:
    """Search for a portfolio that fails."""
    seen: Counter[str] = Counter()

    @settings(max_examples=max(10, int(EXAMPLES * share)))
    @given(portfolios, st.integers(1, 64), st.integers(0, 2**32 - 1))
    def same(asked: Portfolio, block: int, shuffle: int) -> None:
        check(asked, block, shuffle, seen)

    same()
    print(dict(sorted(seen.items())))


def test_ahead_is_step_by_step(plugins: dict[str, Any]) -> None:
    """Blocks of every length, on one thread and two, with lanes mixed."""
    search(shapes().map(lambda shape: portfolio(shape, plugins)), 0.5)


def test_liquidations_undo_blocks(plugins: dict[str, Any]) -> None:
    """Accounts that are liquidated while traders are ahead with positions."""
    drawn = shapes(account="margin", rows=150).map(lambda shape: portfolio(shape, plugins, doomed=True))
    search(drawn, 0.3)


def test_orders_that_arrive_later(plugins: dict[str, Any]) -> None:
    """Latency, on quotes and trades."""
    search(shapes(latency=True, fill="next_open").map(lambda shape: portfolio(shape, plugins)), 0.2)


def test_the_portfolios_hold_what_they_are_for(plugins: dict[str, Any]) -> None:
    """Fixed ones, each compared like the others: all that can undo a block happens in them."""
    wanted = {"blocks", "roll_backs", "fills", "limit fills", "of more than one lane"}
    wanted |= {f"refused: {check}" for check in ("cash", "margin", "short_sale", "no_size", "below_lot")}
    wanted |= {f"reason: {reason}" for reason in ("liquidation", "replaced", "close", "quarantine")}
    wanted |= {f"quarantined: {kind}" for kind in ("raised", "panic")}
    wanted |= {f"lane: {lane}" for lane in ("native", "compiled", "python")}
    seen: Counter[str] = Counter()
    for number in range(60):
        doomed = number % 3 == 0
        account: Any = "margin" if number % 2 or doomed else "spot"
        shape = Shape(number, markets=3, rows=150, traders=7, account=account)
        check(portfolio(shape, plugins, doomed), block=number + 1, shuffle=number, seen=seen)
    print(dict(sorted(seen.items())))
    assert not [what for what in wanted if not seen[what]]
