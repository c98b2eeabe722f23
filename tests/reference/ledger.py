"""Cash, positions, reservations and trades from flat to flat."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .context import PositionView
from .exact import exact, money_down, money_up

if TYPE_CHECKING:
    from .market import Market
    from .orders import Order
    from .trader import Trader

ZERO = Fraction(0)


@dataclass
class Holding:
    """One trader's own position, at average cost."""

    size: Fraction = ZERO
    entry_price: Fraction = ZERO


@dataclass
class RoundTrip:
    """One trade, from flat to flat."""

    trader: str
    pair: str
    side: int
    entry_ts: int
    entered: Fraction = ZERO
    entry_notional: Fraction = ZERO
    exited: Fraction = ZERO
    exit_notional: Fraction = ZERO
    fees: Fraction = ZERO
    exit_ts: int | None = None
    exit_reason: str | None = None

    def row(self) -> dict[str, Any]:
        """The row of the result's table; an open trade has null exits."""
        done = self.exit_ts is not None
        pnl = self.side * (self.exit_notional - self.entry_notional) - self.fees
        return {
            "trader": self.trader,
            "pair": self.pair,
            "entry_ts": self.entry_ts,
            "exit_ts": self.exit_ts,
            "side": "long" if self.side > 0 else "short",
            "quantity": self.entered,
            "entry_price": self.entry_notional / self.entered,
            "exit_price": self.exit_notional / self.exited if done else None,
            "pnl": pnl if done else None,
            "return": pnl / self.entry_notional if done else None,
            "fees": self.fees,
            "exit_reason": self.exit_reason,
        }


@dataclass
class Ledger:
    """The one portfolio of all traders."""

    currency: str
    cash: int
    maker_fee: Fraction
    taker_fee: Fraction
    spot: bool
    holdings: dict[int, Holding] = field(default_factory=dict)
    pair_of: dict[int, str] = field(default_factory=dict)
    reserved: dict[int, int] = field(default_factory=dict)
    trips: list[RoundTrip] = field(default_factory=list)
    open_trips: dict[int, RoundTrip] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    fees: int = 0

    def enroll(self, trader: Trader) -> None:
        """Every trader starts from 0."""
        self.holdings[trader.index] = Holding()
        self.pair_of[trader.index] = trader.pair

    def position(self, trader: Trader) -> Fraction:
        return self.holdings[trader.index].size

    def account_position(self, pair: str) -> Fraction:
        """The account's position in a pair is the sum of its traders'."""
        return sum((h.size for i, h in self.holdings.items() if self.pair_of[i] == pair), ZERO)

    def free(self) -> int:
        return self.cash - sum(self.reserved.values())

    def equity(self, markets: dict[str, Market]) -> Fraction:
        """Cash plus positions at the last known prices, exact."""
        total = Fraction(self.cash, 10**18)
        for index, holding in self.holdings.items():
            last = markets[self.pair_of[index]].last
            if holding.size and last is not None:
                total += holding.size * last
        return total

    def view(self, trader: Trader, last: Fraction | None) -> PositionView:
        """What the strategy sees of its position."""
        holding = self.holdings[trader.index]
        if not holding.size:
            return PositionView(0.0, math.nan, 0.0)
        gain = holding.size * ((last or ZERO) - holding.entry_price)
        return PositionView(float(holding.size), float(holding.entry_price), float(gain))

    def cost(self, price: Fraction, quantity: Fraction, rate: Fraction) -> int:
        """What a buy takes out of the cash: notional and fee, each rounded up."""
        return money_up(price * quantity) + money_up(price * quantity * rate)

    def affordable(self, order: Order, price: Fraction, rate: Fraction, lot: Fraction) -> Fraction:
        """The quantity of a buy that the reservation or the free cash covers at its fill."""
        if not self.spot or order.side < 0:
            return order.quantity
        cost = self.cost(price, order.quantity, rate)
        available = self.free() + self.reserved.get(order.id, 0)
        if cost <= self.reserved.get(order.id, 0) or cost <= available:
            return order.quantity
        lots = (Fraction(available, 10**18) / (price * (1 + rate))) // lot
        while lots > 0 and self.cost(price, lots * lot, rate) > available:
            lots -= 1
        return max(0, lots) * lot

    def book(self, order: Order, price: Fraction, quantity: Fraction, ts: int, liquidity: str) -> None:
        """One fill: cash, position, trades, and the row."""
        rate = self.maker_fee if liquidity == "maker" else self.taker_fee
        notional = price * quantity
        fee = money_up(notional * rate)
        if order.side > 0:
            self.cash -= money_up(notional) + fee
        else:
            self.cash += money_down(notional) - fee
        self.fees += fee
        self.reserved.pop(order.id, None)
        self.fills.append(
            {
                "ts": ts,
                "trader": order.trader.name,
                "pair": order.trader.pair,
                "side": "buy" if order.side > 0 else "sell",
                "quantity": quantity,
                "price": price,
                "fee": Fraction(fee, 10**18),
                "fee_currency": self.currency,
                "order_id": order.id,
                "liquidity": liquidity,
            }
        )
        self._move(order, price, quantity, ts, Fraction(fee, 10**18))

    def _move(self, order: Order, price: Fraction, quantity: Fraction, ts: int, fee: Fraction) -> None:
        """Close what it closes, open the rest; a flip's fee is split by quantity."""
        holding = self.holdings[order.trader.index]
        closing = min(quantity, abs(holding.size)) if holding.size * order.side < 0 else ZERO
        opening = quantity - closing
        if closing:
            trip = self.open_trips[order.trader.index]
            trip.exited += closing
            trip.exit_notional += closing * price
            trip.fees += fee * closing / quantity
            holding.size += order.side * closing
            if not holding.size:
                trip.exit_ts = ts
                trip.exit_reason = order.origin
                del self.open_trips[order.trader.index]
        if opening:
            if not holding.size:
                trip = RoundTrip(order.trader.name, order.trader.pair, order.side, ts)
                self.trips.append(trip)
                self.open_trips[order.trader.index] = trip
                holding.entry_price = ZERO
            trip = self.open_trips[order.trader.index]
            trip.entered += opening
            trip.entry_notional += opening * price
            trip.fees += fee * opening / quantity
            before = abs(holding.size)
            holding.entry_price = (holding.entry_price * before + opening * price) / (before + opening)
            holding.size += order.side * opening


def open_ledger(settings: Any) -> Ledger:
    """An account with its starting cash and its rates."""
    return Ledger(
        settings.currency,
        money_down(exact(settings.cash)),
        exact(settings.maker_fee),
        exact(settings.taker_fee),
        settings.account == "spot",
    )
