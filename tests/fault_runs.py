"""Runs on paper over a bad connection, and whether engine and venue agree at the end.

For the tests, and for ``scripts/fault_schedules``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from pairloom import Engine, Faults, Quote, Reconcile, RiskLimits, Signal, Strategy

SECOND = 10**9
START = 1_700_000_000 * SECOND
PAIRS = ("A/USD", "B/USD", "C/USD", "D/USD")
KINDS = (
    "lose_request",
    "lose_reply",
    "delay",
    "duplicate",
    "reorder",
    "reject",
    "disconnect",
    "fill_during_cancel",
)


class Quoter(Strategy):
    """Sends limit orders near the price, moves them, takes them back, and trades at the market now and then."""

    often: float = 0.3
    bold: bool = False
    """Whether it buys with all that there is, or on margin ten at a time."""

    def generate_signal(self, ctx: Any) -> Signal | None:
        draw = ctx.random.random()
        if draw > self.often:
            return None
        mid = (ctx.event.bid + ctx.event.ask) / 2 if isinstance(ctx.event, Quote) else ctx.event.close
        what = ctx.random.random()
        side = ctx.buy if ctx.random.random() < 0.5 else ctx.sell
        if what < 0.15:
            ctx.cancel()
        elif what < 0.3:
            return Signal.LONG if ctx.random.random() < 0.5 else Signal.CLOSE
        elif what < 0.5 and (own := [order.id for order in ctx.orders if order.id is not None]):
            ctx.replace(own[0], limit=round(mid * 0.999, 2))
        elif what < 0.9:
            away = 1 + (ctx.random.random() - 0.5) / 200
            side(0.5, limit=round(mid * away, 2))
        elif not self.bold:
            side(0.5)
        elif ctx.cash > mid:
            ctx.buy(round(ctx.cash / mid / 1.002, 4))
        else:
            side(10)
        return None


def quotes(seed: int, minutes: float, step: float = 0.05) -> dict[str, Any]:
    """Quotes of each pair about twice a second, a random walk of some cents."""
    data = {}
    for number, pair in enumerate(PAIRS):
        rng = np.random.default_rng([seed, number])
        rows = int(minutes * 120)
        ts = START + np.cumsum(rng.integers(SECOND // 20, SECOND, rows))
        mid = np.round(100 + np.cumsum(rng.normal(0, step, rows)), 2)
        data[pair] = {"ts": ts, "bid": mid - 0.01, "ask": mid + 0.01}
    return {pair: {"quote": each} for pair, each in data.items()}


def candles(seed: int, minutes: float, step: float = 0.05) -> dict[str, Any]:
    """Candles of one second, of the same kind of walk, with gaps between them."""
    data = {}
    for number, pair in enumerate(PAIRS):
        rng = np.random.default_rng([seed, number])
        rows = int(minutes * 60)
        close = np.round(100 + np.cumsum(rng.normal(0, step, rows)), 2)
        open_ = np.round(np.concatenate([[100.0], close[:-1]]) + rng.normal(0, step, rows), 2)
        data[pair] = {
            "ts": START + SECOND * np.arange(rows),
            "open": open_,
            "high": np.round(np.maximum(open_, close) + 0.02, 2),
            "low": np.round(np.minimum(open_, close) - 0.02, 2),
            "close": close,
        }
    return data


def schedule(seed: int) -> Faults:
    """A random schedule: some faults are frequent, some rare, some left out."""
    rng = Random(seed)

    def chance(most: float) -> float:
        return round(rng.random() * most, 4) if rng.random() < 0.8 else 0.0

    return Faults(
        seed=seed,
        lose_request=chance(0.2),
        lose_reply=chance(0.2),
        delay=(chance(0.3), round(rng.uniform(0.01, 8), 3)),
        duplicate=chance(0.2),
        reorder=chance(0.3),
        reject=chance(0.1),
        disconnect=(chance(0.01), round(rng.uniform(0.1, 30), 3)),
        fill_during_cancel=chance(0.5),
    )


def run(seed: int, minutes: float, faults: Faults | None = None, **settings: Any) -> Any:
    """A run whose account, limits and schedule a seed tells."""
    rng = Random(seed + 1)
    account = rng.choice(("spot", "margin"))
    on_candles = rng.random() < 0.3
    # Where cash is short, purchases are refused or cut; where there is much leverage, the account may be liquidated.
    scarce = rng.random() < 0.3
    engine = Engine(
        **{
            "cash": {"USD": 250 if scarce else 100_000},
            "account": account,
            "leverage": 1 if account == "spot" else 40 if scarce else 3,
            "fill": rng.choice(("next_open", "close")) if on_candles else "next_open",
            "latency": 0 if on_candles else rng.choice((0, 0, 0.25)),
            "faults": schedule(seed) if faults is None else faults,
            "reconcile": Reconcile(interval=rng.choice((2, 10, 30))),
            "risk": RiskLimits(cancel_on_disconnect=rng.random() < 0.5, max_position=None if scarce else 20),
            "num_threads": 1,
            "seed": seed,
            **settings,
        }
    )
    engine.trade(PAIRS, Quoter(often=0.4, bold=scarce), size=1)
    market = candles if on_candles else quotes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return engine.paper(market(seed, minutes, 0.25 if scarce else 0.05), progress=False)


def disagreements(result: Any) -> Iterator[str]:
    """What engine and venue do not agree on at the end, of pairs that are not halted; nothing where all is well."""
    if result.quarantined:
        yield f"{result.quarantined[0]!r}"
    halted = {found["pair"] for found in result.differences if found["halted"]}
    everything = None in halted
    pair_of = dict(zip(result.orders.column("order_id").tolist(), result.orders.column("pair").tolist(), strict=True))
    status = dict(zip(result.orders.column("order_id").tolist(), result.orders.column("status").tolist(), strict=True))

    def bad(pair: str | None) -> bool:
        return not everything and pair not in halted

    here = exact_fills(result.fills)
    there: dict[int, tuple[Any, Any]] = {}
    for order, quantity, price in result.venue["fills"]:
        if order in there:
            yield f"the venue filled order {order} twice"
        there[order] = (quantity, price)
    for order in sorted(here.keys() | there.keys()):
        if here.get(order) != there.get(order) and bad(pair_of[order]):
            yield f"order {order} ({pair_of[order]}): {here.get(order)} here, {there.get(order)} at the venue"
    if len(here) != len(result.fills):
        yield f"{len(result.fills)} fills of {len(here)} orders: one counted twice"
    works = {order for order, word in status.items() if word in ("expired", "working")}
    for order in sorted(works ^ set(result.venue["open_orders"])):
        if bad(pair_of.get(order)):
            yield f"order {order} ({pair_of.get(order)}) is {status.get(order)} here, and the venue differs"
    for pair, size in result.positions.items():
        if size != result.venue["positions"][pair] and bad(pair):
            yield f"the position in {pair} is {size} here, {result.venue['positions'][pair]} at the venue"
    if result.cash["USD"] != result.venue["cash"] and not halted:
        yield f"the cash is {result.cash['USD']} here, {result.venue['cash']} at the venue"
    if result.reserved:
        yield f"{result.reserved} is still reserved"


def exact_fills(table: Any) -> dict[int, tuple[Any, Any]]:
    """Quantity and price of each order filled, exact."""
    import pyarrow as pa

    arrow = pa.table(table)
    orders, quantities, prices = (arrow.column(name).to_pylist() for name in ("order_id", "quantity", "price"))
    return dict(zip(orders, zip(quantities, prices, strict=True), strict=True))
