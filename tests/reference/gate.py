"""The gate: what only reduces passes, the rest meets cash, short sale or the margin rule."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .exact import MAX_I64, MAX_I128, money_up
from .limits import Sent

if TYPE_CHECKING:
    from .engine import Model
    from .market import Market
    from .orders import Wanted
    from .trader import Trader

ZERO = Fraction(0)
NOTHING_TO_REDUCE = "below_lot"


def reducible(model: Model, trader: Trader, side: int) -> Fraction:
    """How much of an order on `side` only reduces: the own position less working orders of it."""
    position = model.ledger.position(trader)
    if position * side >= 0:
        return ZERO
    working = sum((o.quantity for o in model.working if o.trader is trader and o.side == side), ZERO)
    return max(ZERO, abs(position) - working)


def classify(model: Model, wanted: list[Wanted]) -> list[Wanted]:
    """Reducing orders first, judged before the first is gated; then trader, then sequence."""
    for item in wanted:
        room = reducible(model, item.trader, item.side)
        if item.check is None:
            item.reduces = item.quantity <= room or (item.reduce_only and room > 0)
    return sorted(wanted, key=lambda w: (not w.reduces, w.trader.index, w.sequence))


def reservation_price(market: Market, limit: Fraction | None) -> Fraction:
    """The limit, else the ask, else the last price."""
    if limit is not None:
        return limit
    if market.last_quote is not None:
        return market.price(market.last_quote, "ask")
    assert market.last is not None
    return market.last


def reservation(model: Model, item: Wanted, quantity: Fraction) -> int:
    """What a buy on spot takes from the free cash until it is over."""
    price = reservation_price(model.markets[item.trader.pair], item.limit)
    return model.ledger.cost(price, quantity, model.ledger.taker_fee)


def margin_used(model: Model, extra: Wanted | None) -> Fraction:
    """Sum over pairs of max(|position + working buys|, |position - working sells|) x mark."""
    total = ZERO
    for pair, market in model.markets.items():
        position = model.ledger.account_position(pair)
        sides = {1: ZERO, -1: ZERO}
        for order in model.working:
            if order.trader.pair == pair:
                sides[order.side] += order.quantity
        if extra is not None and extra.trader.pair == pair:
            sides[extra.side] += extra.quantity
        worst = max(abs(position + sides[1]), abs(position - sides[-1]))
        if worst and market.last is not None:
            total += worst * market.last
    return total


def overflows(model: Model, item: Wanted) -> bool:
    """Whether the engine's integers could not hold the quantity or its notional."""
    market = model.markets[item.trader.pair]
    if item.quantity / market.lot > MAX_I64:
        return True
    price = reservation_price(market, item.limit)
    return money_up(price * item.quantity) > MAX_I128


def refusal_of(model: Model, item: Wanted) -> str | None:
    """The check that refuses the part of an order that does not only reduce."""
    market = model.markets[item.trader.pair]
    if market.last is None:
        return "no_price"
    if overflows(model, item):
        return "overflow"
    if model.ledger.spot and item.side < 0:
        return "short_sale"
    price = item.limit if item.limit is not None else market.last
    if market.min_notional is not None and price * item.quantity < market.min_notional:
        return "min_notional"
    check = model.limits.of_what_adds(item)
    if check is not None:
        return check
    if model.ledger.spot:
        return "cash" if reservation(model, item, item.quantity) > model.ledger.free() else None
    allowed = model.leverage * model.ledger.equity(model.markets)
    return "margin" if margin_used(model, item) > allowed else None


def pass_gate(model: Model, item: Wanted) -> None:
    """One order: sent whole, sent in its reducing part, or refused.  Its row either way."""
    if item.check is not None:
        model.refuse(item, ZERO, item.check)
        return
    room = reducible(model, item.trader, item.side)
    asked = item.quantity
    if not (item.origin == "quarantine" and asked <= room):
        check = model.limits.of_every_order(item)
        if check is not None:
            model.refuse(item, item.quantity, check)
            return
    if item.reduce_only:
        item.quantity = min(item.quantity, room)
        if not item.quantity:
            model.refuse(item, ZERO, NOTHING_TO_REDUCE)
            return
    sure = min(item.quantity, room)
    check = refusal_of(model, item) if item.quantity > sure else None
    if check is None or sure > 0:
        model.limits.sent.append(Sent(model.ts, item.trader, item.side, asked, item.limit))
    if check is None:
        model.send(item, "")
    elif sure > 0:
        shortfall = item.quantity - sure
        if item.target is not None:
            item.target -= item.side * shortfall
        item.quantity = sure
        model.send(item, check)
    else:
        model.refuse(item, item.quantity, check)


def maintenance(model: Model) -> tuple[Fraction, Any]:
    """Half of the initial requirement of the positions alone, and those positions."""
    held: dict[str, Fraction] = {}
    for pair in model.markets:
        position = model.ledger.account_position(pair)
        if position:
            held[pair] = position
    total = ZERO
    for pair, position in held.items():
        last = model.markets[pair].last
        if last is not None:
            total += abs(position) * last
    return total / model.leverage / 2, held
