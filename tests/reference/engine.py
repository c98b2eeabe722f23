"""The run: steps in time, six phases each, and what is left at the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from .api import Strategy
from .context import TimeEvent
from .exact import exact
from .gate import classify, maintenance, pass_gate, reservation
from .ledger import open_ledger
from .limits import Limits
from .market import Market, Row, build_market
from .orders import Order, Resolver, Wanted
from .trader import Trader, TraderSpec, boundaries, close_down, evaluate, make_trader
from .venue import Meeting, Venue

ZERO = Fraction(0)


@dataclass
class Settings:
    """The engine's arguments.  Times and latency are integer nanoseconds."""

    cash: Any
    currency: str = "USD"
    account: Literal["spot", "margin"] = "spot"
    leverage: Any = 1
    maker_fee: Any = "0.001"
    taker_fee: Any = "0.001"
    fill: Literal["next_open", "close"] = "next_open"
    slippage_bps: Any = 0
    latency: int = 0
    instruments: dict[str, dict[str, Any]] = field(default_factory=dict)
    start: int | None = None
    end: int | None = None
    on_error: Literal["keep", "close"] = "keep"
    risk: dict[str, Any] = field(default_factory=dict)
    # Other limits, and the time of the step after which they hold.
    risk_changes: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


@dataclass
class Reference:
    """What a run leaves behind: rows in the order in which they came to be, all exact."""

    orders: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    refusals: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    equity_curve: list[tuple[int, Fraction]]
    cash: Fraction
    fees: Fraction
    equity: Fraction
    positions: dict[str, Fraction]
    events: int
    steps: int
    all_quarantined: bool
    cut_at_fill: int


class Model:
    """One run."""

    def __init__(self, data: dict[str, dict[str, Any]], traders: list[TraderSpec], settings: Settings) -> None:
        self.settings = settings
        self.start = settings.start
        self.fill = settings.fill
        self.latency = settings.latency
        self.slippage = exact(settings.slippage_bps) / 10_000
        self.leverage = exact(settings.leverage)
        self.markets: dict[str, Market] = {}
        traded = {spec.pair for spec in traders}
        for index, pair in enumerate(sorted(pair for pair in data if pair in traded)):
            instrument = settings.instruments.get(pair, {})
            self.markets[pair] = build_market(pair, index, data[pair], instrument, settings.end)
        self.ledger = open_ledger(settings)
        self.venue = Venue(self)
        self.limits = Limits(self, settings.risk)
        self.working: list[Order] = []
        self.orders: list[Order] = []
        self.refusals: list[dict[str, Any]] = []
        self.quarantined: list[dict[str, Any]] = []
        self.curve: list[tuple[int, Fraction]] = []
        self.failed: list[Trader] = []
        self.cut_at_fill = 0
        self.ts = 0
        self.step_number = 0
        self.warm = settings.start is None
        self.rows_at: dict[int, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for market in self.markets.values():
            for row in market.rows:
                self.rows_at[row.ts][market.pair].append(row)
        self.last_ts = max(self.rows_at, default=0)
        self.traders = [make_trader(self, i, spec) for i, spec in enumerate(traders)]
        self.times_at: dict[int, list[Trader]] = defaultdict(list)
        for trader in self.traders:
            self.ledger.enroll(trader)
            self._set_up(trader)

    def _set_up(self, trader: Trader) -> None:
        """Setup, and the time events of a schedule; an error in it counts at the first step."""
        try:
            trader.strategy.setup(trader.ctx)
        except BaseException as error:
            trader.error = (error, "raised")
        waits = type(trader.strategy).on_time is not Strategy.on_time
        if waits and trader.schedule and self.rows_at:
            first = min(self.rows_at)
            if self.start is not None:
                first = max(first, self.start)
            for ts in boundaries(trader.schedule, first, self.last_ts):
                self.times_at[ts].append(trader)

    # The loop over steps.

    def run(self) -> Reference:
        """Every step in order of time, then the end."""
        row_times = sorted(self.rows_at)
        event_times = sorted(self.times_at)
        row_at = time_at = 0
        now = -(2**63)
        while not self.finished:
            candidates = self.venue.wakes(now)
            candidates += row_times[row_at : row_at + 1] + event_times[time_at : time_at + 1]
            if not candidates:
                break
            now = min(candidates)
            rows = self.rows_at[now] if row_times[row_at : row_at + 1] == [now] else {}
            if event_times[time_at : time_at + 1] == [now]:
                time_at += 1
                self._step(now, {}, self.times_at[now], last=not rows)
                if rows and not self.finished:
                    self._step(now, rows, [], last=True)
                elif rows:
                    self._fills_after_the_end(now)
            else:
                self._step(now, rows, [], last=True)
            if rows:
                row_at += 1
        return self._finish()

    @property
    def finished(self) -> bool:
        return all(trader.quarantined for trader in self.traders)

    def _step(self, now: int, rows: dict[str, list[Row]], timed: list[Trader], *, last: bool) -> None:
        self.ts = now
        self.step_number += 1
        while self.settings.risk_changes and self.settings.risk_changes[0][0] < now:
            self.limits.change(self.settings.risk_changes.pop(0)[1])
        # 1. venue
        self.venue.meet(now, rows, last)
        # 2. marks
        for pair in sorted(rows):
            for row in rows[pair]:
                self.markets[pair].last = self.markets[pair].mark_of(row)
                self.limits.see(self.markets[pair], row)
                if row.kind == "quote":
                    self.markets[pair].last_quote = row
        self._liquidate()
        if self.start is not None and not self.warm:
            counted = any(r.open_ts >= self.start for some in rows.values() for r in some)
            self.warm = counted or bool(timed)
        if self.warm:
            self.curve.append((now, self.ledger.equity(self.markets)))
        # 3. evaluate
        self.failed = []
        for trader in self.traders:
            if not trader.quarantined:
                event = TimeEvent(now, str(trader.schedule)) if trader in timed else None
                evaluate(self, trader, list(rows.get(trader.pair, ())), event)
        # 4. commit
        self._commit()
        # 5. and 6. fills at once, and opens
        if last:
            self.venue.immediate(now, self.step_number, rows)
            self.venue.opens(now)

    def _fills_after_the_end(self, now: int) -> None:
        """A time's phases 5 and 6 still run when its first step quarantined the last trader."""
        self.venue.opens(now)

    def _liquidate(self) -> None:
        """Equity below maintenance: cancel everything, close everything at the marks."""
        if self.ledger.spot:
            return
        needed, held = maintenance(self)
        if not held or self.ledger.equity(self.markets) >= needed:
            return
        for order in list(self.working):
            self.cancel(order, "liquidation")
        for trader in self.traders:
            position = self.ledger.position(trader)
            if not position:
                continue
            price = self.markets[trader.pair].last
            assert price is not None
            side = -1 if position > 0 else 1
            wanted = Wanted(trader, 0, side, abs(position), "liquidation", target=ZERO)
            order = self.send(wanted, "liquidation")
            self.settle(Meeting(order, self.ts, price))

    # Phase 4.

    def _commit(self) -> None:
        wanted: list[Wanted] = []
        for trader in self.traders:
            if trader in self.failed:
                for order in [o for o in self.working if o.trader is trader]:
                    self.cancel(order, "quarantine")
                position = self.ledger.position(trader)
                if self.settings.on_error == "close" and position:
                    side = -1 if position > 0 else 1
                    wanted.append(Wanted(trader, 0, side, abs(position), "quarantine", target=ZERO))
            elif not trader.quarantined:
                wanted += Resolver(self, trader).run()
                trader.intents = []
        for item in classify(self, wanted):
            pass_gate(self, item)

    def _row(self, item: Wanted, quantity: Fraction) -> Order:
        market = self.markets[item.trader.pair]
        delay = self.latency if market.fills_on != "candle" else 0
        order = Order(
            len(self.orders) + 1,
            item.trader,
            self.ts,
            item.side,
            quantity,
            item.limit,
            item.client_id,
            item.origin,
            item.tif,
            item.reduce_only,
            item.target,
            self.ts + delay,
            self.step_number,
            is_limit=item.is_limit,
        )
        self.orders.append(order)
        return order

    def send(self, item: Wanted, reason: str) -> Order:
        """An approved order: its reservation is taken, it waits for the venue."""
        order = self._row(item, item.quantity)
        order.reason = item.origin if item.origin in ("quarantine", "liquidation") else reason
        if self.ledger.spot and order.side > 0:
            self.ledger.reserved[order.id] = reservation(self, item, order.quantity)
        self.working.append(order)
        if item.origin in ("signal", "order") and reason:
            self._announce_refusal(order, reason, self.ts)
        self._notify(order)
        return order

    def refuse(self, item: Wanted, quantity: Fraction, check: str) -> None:
        """A refused order has its row too."""
        order = self._row(item, quantity)
        order.status, order.reason = "refused", check
        self._announce_refusal(order, check, self.ts)
        self._notify(order)

    def take_back(self, order: Order, reason: str) -> bool:
        """A strategy's cancellation, which may come too fast: then the order goes on working."""
        check = self.limits.cancel_check(order)
        if check is not None:
            self._announce_refusal(order, check, self.ts)
            return False
        self.cancel(order, reason)
        return True

    def cancel(self, order: Order, reason: str) -> None:
        """Out of the book; the reservation is free."""
        self._end(order, "cancelled", reason)
        self._notify(order)

    def _end(self, order: Order, status: str, reason: str | None) -> None:
        order.status = status
        if reason is not None:
            order.reason = reason
        self.working.remove(order)
        self.ledger.reserved.pop(order.id, None)

    def _announce_refusal(self, order: Order, check: str, ts: int) -> None:
        trader = order.trader
        row = {"ts": ts, "trader": trader.name, "pair": trader.pair, "check": check}
        self.refusals.append(row)
        trader.due.append(("on_refused", order.row() | {"id": order.client_id, "reason": check}))

    def _notify(self, order: Order) -> None:
        order.trader.due.append(("on_order", order.row() | {"id": order.client_id}))

    # Phases 1, 5 and 6.

    def settle(self, meeting: Meeting) -> None:
        """A fill, cut to what cash covers, or the end of an order that had one chance."""
        order = meeting.order
        if meeting.price is None:
            self.cancel(order, "")
            return
        ledger = self.ledger
        rate = ledger.maker_fee if meeting.liquidity == "maker" else ledger.taker_fee
        lot = self.markets[order.trader.pair].lot
        quantity = ledger.affordable(order, meeting.price, rate, lot)
        if order.tif == "FOK" and quantity < order.quantity:
            quantity = ZERO
        cut = quantity < order.quantity
        if cut:
            self.cut_at_fill += 1
            self._announce_refusal(order, "cash_at_fill", meeting.ts)
        if quantity == 0:
            self.cancel(order, "cash_at_fill")
            return
        ledger.book(order, meeting.price, quantity, meeting.ts, meeting.liquidity)
        self._end(order, "filled", "cash_at_fill" if cut else None)
        order.trader.due.append(("on_fill", ledger.fills[-1]))
        self._notify(order)

    # Quarantine and the end.

    def quarantine(self, trader: Trader, error: BaseException, kind: str) -> None:
        """This trader stops; its working orders are cancelled in the commit."""
        trader.quarantined = True
        trader.intents = []
        trader.due = []
        self.failed.append(trader)
        self.quarantined.append(
            {"trader": trader.name, "pair": trader.pair, "ts": self.ts, "kind": kind, "error": error}
        )

    def _finish(self) -> Reference:
        for order in list(self.working):
            self._end(order, "expired", None)
            self._notify(order)
        equity = self.ledger.equity(self.markets)
        self.curve.append((self.ts, equity))
        for trader in self.traders:
            if not trader.quarantined:
                close_down(self, trader)
        positions = {pair: self.ledger.account_position(pair) for pair in self.markets}
        return Reference(
            [order.row() for order in self.orders],
            self.ledger.fills,
            [trip.row() for trip in self.ledger.trips],
            self.refusals,
            self.quarantined,
            self.curve,
            Fraction(self.ledger.cash, 10**18),
            Fraction(self.ledger.fees, 10**18),
            equity,
            positions,
            sum(len(market.rows) for market in self.markets.values()),
            self.step_number,
            self.finished,
            self.cut_at_fill,
        )
