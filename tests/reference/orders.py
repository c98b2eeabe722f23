"""From what a trader asked for to orders for the gate: sizes, met signals, replacing, cancelling.

This is the first half of phase 4: everything that cancels, trader by trader, in sequence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .api import Signal
from .exact import ceil_to, exact, floor_to, is_finite, multiple_of

if TYPE_CHECKING:
    from .engine import Model
    from .market import Market
    from .trader import Trader

ZERO = Fraction(0)


@dataclass
class Order:
    """An order that reached the gate, and what became of it."""

    id: int
    trader: Trader
    ts: int
    side: int
    quantity: Fraction
    limit: Fraction | None
    client_id: int | None
    origin: str
    tif: str
    reduce_only: bool
    target: Fraction | None
    arrives: int
    step: int
    status: str = "working"
    reason: str = ""
    arrived: bool = False
    is_limit: bool = False

    def row(self) -> dict[str, Any]:
        """The row of the result's table."""
        return {
            "ts": self.ts,
            "order_id": self.id,
            "trader": self.trader.name,
            "pair": self.trader.pair,
            "side": "buy" if self.side > 0 else "sell",
            "type": "limit" if self.is_limit else "market",
            "quantity": self.quantity,
            "limit_price": self.limit,
            "status": self.status,
            "reason": self.reason,
        }


@dataclass
class Wanted:
    """An order on its way to the gate."""

    trader: Trader
    sequence: int
    side: int
    quantity: Fraction
    origin: str
    check: str | None = None
    limit: Fraction | None = None
    is_limit: bool = False
    client_id: int | None = None
    tif: str = "GTC"
    reduce_only: bool = False
    target: Fraction | None = None
    reduces: bool = False


def limit_price(value: Any, side: int, market: Market) -> tuple[Fraction | None, str | None]:
    """A limit at the tick or the price scale: 4 ulp is that multiple, else a buy down, a sale up."""
    if value is None:
        return None, None
    if not is_finite(value):
        return None, "not_finite"
    meant = exact(value)
    if meant <= 0:
        return None, "not_positive"
    unit = market.tick if market.tick is not None else market.unit
    price = multiple_of(meant, float(value), unit)
    if price is None:
        price = floor_to(meant, unit) if side > 0 else ceil_to(meant, unit)
    return (price, None) if price > 0 else (None, "not_positive")


def quantity_of(
    size: tuple[str, Any] | None, model: Model, market: Market, signed: bool = False
) -> tuple[Fraction, str | None]:
    """A size in lots, or the check that refuses it.  `signed` is for targets: 0 is flat there."""
    if size is None:
        return ZERO, "no_size"
    key, value = size
    if not is_finite(value):
        return ZERO, "not_finite"
    amount = exact(value)
    if signed and amount == 0:
        return ZERO, None
    if amount <= 0 and not signed:
        return ZERO, "not_positive"
    sign = 1 if amount > 0 else -1
    amount = abs(amount)
    if key != "base":
        if market.last is None:
            return ZERO, "no_price"
        if key == "equity":
            amount *= model.ledger.equity(model.markets) / (1 + model.ledger.taker_fee)
        amount /= market.last
    quantity = floor_to(amount, market.lot)
    if quantity <= 0:
        return ZERO, "below_lot"
    return sign * quantity, None


class Resolver:
    """One trader's intents of one step, in sequence."""

    def __init__(self, model: Model, trader: Trader) -> None:
        self.model = model
        self.trader = trader
        self.market = model.markets[trader.pair]
        self.pending: list[Wanted] = []
        self.sequence = 0

    def run(self) -> list[Wanted]:
        """What is left to be gated; what was cancelled on the way has no row."""
        for kind, asked in self.trader.intents:
            self.sequence += 1
            getattr(self, f"_{kind}")(asked)
        return self.pending

    def _working(self) -> list[Order]:
        return [o for o in self.model.working if o.trader is self.trader]

    def _order(self, asked: dict[str, Any]) -> None:
        quantity, check = quantity_of(("base", asked["quantity"]), self.model, self.market)
        limit, bad_limit = limit_price(asked["limit"], asked["side"], self.market)
        self.pending.append(
            Wanted(
                self.trader,
                self.sequence,
                asked["side"],
                quantity,
                "order",
                check or bad_limit,
                limit,
                asked["limit"] is not None,
                asked["client_id"],
                asked["tif"],
                asked["reduce_only"],
            )
        )

    def _cancel(self, asked: dict[str, Any]) -> None:
        wanted = asked["client_id"]
        self.pending = [p for p in self.pending if wanted is not None and p.client_id != wanted]
        for order in self._working():
            if wanted is None or order.client_id == wanted:
                self.model.take_back(order, "")

    def _replace(self, asked: dict[str, Any]) -> None:
        client_id = asked["client_id"]
        for item in self.pending:
            if item.client_id == client_id:
                self.pending.remove(item)
                self._resend(item, asked)
                return
        for order in self._working():
            if order.client_id == client_id:
                if not self.model.take_back(order, "replaced"):
                    return
                old = Wanted(
                    self.trader,
                    0,
                    order.side,
                    order.quantity,
                    "order",
                    None,
                    order.limit,
                    order.limit is not None,
                    client_id,
                    order.tif,
                    order.reduce_only,
                )
                self._resend(old, asked)
                return

    def _resend(self, old: Wanted, asked: dict[str, Any]) -> None:
        """The new order of a replace: same id, new row, new place in the sequence."""
        new = replace(old, sequence=self.sequence)
        if asked["quantity"] is not None:
            new.quantity, new.check = quantity_of(("base", asked["quantity"]), self.model, self.market)
        if asked["limit"] is not None:
            new.is_limit = True
            new.limit, bad_limit = limit_price(asked["limit"], new.side, self.market)
            new.check = new.check or bad_limit
        self.pending.append(new)

    # Signals: about a side, or about a named quantity.

    def _signal_order(self) -> tuple[Fraction, Any] | None:
        """The target of this trader's one working signal order, and how to take it back."""
        for item in self.pending:
            if item.origin == "signal":
                return item.target if item.target is not None else ZERO, item
        for order in self._working():
            if order.origin == "signal":
                return order.target if order.target is not None else ZERO, order
        return None

    def _take_back(self, held: tuple[Fraction, Any] | None, reason: str) -> bool:
        """Whether nothing is left of it."""
        if held is None:
            return True
        if isinstance(held[1], Wanted):
            self.pending.remove(held[1])
            return True
        return self.model.take_back(held[1], reason)

    def _signal(self, signal: Signal) -> None:
        position = self.model.ledger.position(self.trader)
        if signal.action == "close":
            self._close(position)
        elif signal.action == "reverse":
            if position:
                self._side(-1 if position > 0 else 1, None, position)
        elif signal.size is None:
            self._side(1 if signal.action == "long" else -1, signal.limit, position)
        else:
            self._named(signal, position)

    def _side(self, side: int, limit: Any, position: Fraction) -> None:
        held = self._signal_order()
        if held is not None and held[0] * side > 0:
            return
        if not self._take_back(held, "replaced"):
            return
        if position * side > 0:
            return
        size, check = quantity_of(self.trader.size, self.model, self.market)
        self._send(side * size, position, side, limit, check)

    def _named(self, signal: Signal, position: Fraction) -> None:
        is_target = signal.action == "target"
        size, check = quantity_of(signal.size, self.model, self.market, signed=is_target)
        side = -1 if signal.action == "short" else 1
        target = side * size
        if is_target and signal.size is not None:
            side = -1 if float(signal.size[1]) < 0 else 1
        held = self._signal_order()
        if check is None:
            if held is not None and not self._refused(held) and held[0] == target:
                return
            if held is None and position == target:
                return
        if not self._take_back(held, "replaced"):
            return
        if check is None and position == target:
            return
        self._send(target, position, side, signal.limit, check)

    @staticmethod
    def _refused(held: tuple[Fraction, Any]) -> bool:
        return isinstance(held[1], Wanted) and held[1].check is not None

    def _close(self, position: Fraction) -> None:
        closing: Any = None
        for order in self._working():
            if position and order.origin == "signal" and order.target == 0:
                closing = order
        for item in list(self.pending):
            if position and item.origin == "signal" and item.check is None and item.target == 0:
                closing = item
            else:
                self.pending.remove(item)
        for order in self._working():
            if order is not closing:
                self.model.cancel(order, "close")
        if position and closing is None:
            self._send(ZERO, position, 1, None, None)

    def _send(self, target: Fraction, position: Fraction, side: int, limit: Any, check: str | None) -> None:
        """One order of target - position; a refused size sends nothing, not even a part."""
        difference = target - position
        if check is None:
            side = 1 if difference > 0 else -1
        price, bad_limit = limit_price(limit, side, self.market)
        self.pending.append(
            Wanted(
                self.trader,
                self.sequence,
                side,
                abs(difference) if check is None else ZERO,
                "signal",
                check or bad_limit,
                price,
                limit is not None,
                target=target if check is None else None,
            )
        )
