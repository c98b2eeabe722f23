"""The simulated venue: which orders meet which rows, where, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from .exact import ceil_to, floor_to

if TYPE_CHECKING:
    from .engine import Model
    from .market import Market, Row
    from .orders import Order


@dataclass
class Meeting:
    """How an order ended: a fill, or (price None) the end of an IOC or FOK."""

    order: Order
    ts: int
    price: Fraction | None
    liquidity: str = "taker"


def slipped(model: Model, market: Market, price: Fraction, side: int) -> Fraction:
    """A market order's price after slippage, to the price scale, against the trader."""
    if not model.slippage:
        return price
    if side > 0:
        return ceil_to(price * (1 + model.slippage), market.unit)
    return floor_to(price * (1 - model.slippage), market.unit)


def reaches(order: Order, price: Fraction) -> bool:
    """Whether a price is at or through the order's limit."""
    assert order.limit is not None
    return price <= order.limit if order.side > 0 else price >= order.limit


def other_side(market: Market, quote: Row, side: int) -> Fraction:
    return market.price(quote, "ask" if side > 0 else "bid")


class Venue:
    """No state of its own: the orders are the model's working ones."""

    def __init__(self, model: Model) -> None:
        self.model = model

    # Phase 1.

    def meet(self, ts: int, rows: dict[str, list[Row]], last_step_of_time: bool) -> None:
        """Resting orders meet this time's rows; then orders whose latency ends now arrive."""
        meetings: list[Meeting] = []
        for order in list(self.model.working):
            market = self.model.markets[order.trader.pair]
            meeting = None
            for row in rows.get(market.pair, ()):
                meeting = self._meets(order, market, row)
                if meeting is not None:
                    break
            if meeting is None and last_step_of_time and self._arrives_by_clock(order, market, ts):
                quotes = [r for r in rows.get(market.pair, ()) if r.kind == "quote"]
                latest = quotes[-1] if quotes else market.last_quote
                if latest is not None:
                    meeting = self._arrive(order, market, other_side(market, latest, order.side), ts)
            if meeting is not None:
                meetings.append(meeting)
        meetings.sort(key=lambda m: (m.ts, m.order.trader.index, m.order.id))
        for meeting in meetings:
            self.model.settle(meeting)

    def _arrives_by_clock(self, order: Order, market: Market, ts: int) -> bool:
        return market.fills_on == "quote" and self.model.latency > 0 and not order.arrived and order.arrives <= ts

    def _meets(self, order: Order, market: Market, row: Row) -> Meeting | None:
        if market.fills_on == "quote":
            return self._meets_quote_market(order, market, row)
        if market.fills_on == "trade":
            return self._meets_trade_market(order, market, row)
        return self._meets_candle_market(order, market, row)

    def _meets_quote_market(self, order: Order, market: Market, row: Row) -> Meeting | None:
        if not order.arrived and self.model.latency > 0 and row.ts <= order.arrives:
            return None
        if row.kind == "quote":
            price = other_side(market, row, order.side)
            if not order.arrived:
                return self._arrive(order, market, price, row.ts)
            if reaches(order, price):
                return Meeting(order, row.ts, order.limit, "maker")
        if row.kind == "trade" and order.arrived and reaches(order, market.price(row, "price")):
            return Meeting(order, row.ts, order.limit, "maker")
        return None

    def _meets_trade_market(self, order: Order, market: Market, row: Row) -> Meeting | None:
        if self.model.latency > 0 and row.ts <= order.arrives:
            return None
        price = market.price(row, "price")
        if order.limit is None:
            return Meeting(order, row.ts, slipped(self.model, market, price, order.side))
        return self._rest(order, reaches(order, price), order.limit, row.ts)

    def _meets_candle_market(self, order: Order, market: Market, row: Row) -> Meeting | None:
        at_close = self.model.fill == "close"
        if order.limit is None:
            if at_close and row.kind == "candle":
                return self._arrive(order, market, market.price(row, "close"), row.ts)
            return None
        if at_close and not order.arrived:
            if row.kind != "candle":
                return None
            return self._arrive(order, market, market.price(row, "close"), row.ts)
        if row.kind == "trade":
            return self._rest(order, reaches(order, market.price(row, "price")), order.limit, row.ts)
        if row.kind != "candle" or row.open_ts < order.arrives:
            return None
        opening = market.price(row, "open")
        if reaches(order, opening):
            return Meeting(order, row.open_ts, opening, "maker")
        if order.tif != "GTC":
            return Meeting(order, row.ts, None)
        extreme = market.price(row, "low" if order.side > 0 else "high")
        if reaches(order, extreme):
            return Meeting(order, row.ts, order.limit, "maker")
        return None

    def _rest(self, order: Order, met: bool, price: Fraction, ts: int) -> Meeting | None:
        """A limit order at a row that can fill it: an IOC or FOK has one chance."""
        if met:
            return Meeting(order, ts, price, "maker")
        return Meeting(order, ts, None) if order.tif != "GTC" else None

    def _arrive(self, order: Order, market: Market, price: Fraction, ts: int) -> Meeting | None:
        """At the order's first quote or close: fill as taker, or rest."""
        order.arrived = True
        order.arrives = max(order.arrives, ts)
        if order.limit is None:
            return Meeting(order, ts, slipped(self.model, market, price, order.side))
        if reaches(order, price):
            return Meeting(order, ts, price)
        return Meeting(order, ts, None) if order.tif != "GTC" else None

    # Phase 5.

    def immediate(self, ts: int, step: int, rows: dict[str, list[Row]]) -> None:
        """Orders decided in this step whose market had its quote or close in it, in commit order."""
        decided = [o for o in self.model.working if o.step == step and o.arrives <= ts]
        for order in decided:
            market = self.model.markets[order.trader.pair]
            mine = [r for r in rows.get(market.pair, ()) if r.kind == market.fills_on]
            if not mine or market.fills_on == "trade":
                continue
            if market.fills_on == "quote":
                price = other_side(market, mine[-1], order.side)
            elif self.model.fill == "close":
                price = market.price(mine[-1], "close")
            else:
                continue
            meeting = self._arrive(order, market, price, ts)
            if meeting is not None:
                self.model.settle(meeting)

    # Phase 6.

    def open_time(self, order: Order) -> int | None:
        """When an order that waits for an open will fill."""
        market = self.model.markets[order.trader.pair]
        if order.limit is not None or market.fills_on != "candle" or self.model.fill == "close":
            return None
        return market.first_open_from(order.arrives)

    def opens(self, ts: int) -> None:
        """Market orders whose candle opens now: sells before buys, then trader."""
        due = [o for o in self.model.working if self.open_time(o) == ts]
        for order in sorted(due, key=lambda o: (o.side, o.trader.index, o.id)):
            market = self.model.markets[order.trader.pair]
            price = market.price(market.opens[ts], "open")
            self.model.settle(Meeting(order, ts, slipped(self.model, market, price, order.side)))

    def wakes(self, now: int) -> list[int]:
        """Times after `now` at which a waiting order makes a step."""
        times = []
        for order in self.model.working:
            market = self.model.markets[order.trader.pair]
            opening = self.open_time(order)
            if opening is not None:
                times.append(opening)
            in_flight = market.fills_on == "quote" and self.model.latency > 0 and not order.arrived
            # Without a quote there is nothing to meet yet, so no step of its own.
            if in_flight and market.last_quote is not None and order.arrives <= self.model.last_ts:
                times.append(order.arrives)
        return [t for t in times if t > now]
