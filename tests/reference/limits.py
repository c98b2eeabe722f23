"""The limits of the gate, each looked up in everything that happened so far: no running sums, no state but lists.

Limits are given as in the package: the keyword arguments of `RiskLimits` as a dict, those of traders under
`per_trader`. A session is `{"open": "HH:MM", "close": "HH:MM"}` in UTC, on every day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .exact import exact

if TYPE_CHECKING:
    from .engine import Model
    from .market import Market, Row
    from .orders import Order, Wanted
    from .trader import Trader

PAIRS = ("AAA/USD", "BBB/USD", "CCC/USD", "DDD/USD")
ZERO = Fraction(0)
SECOND = 10**9
DAY = 86_400 * SECOND
# The keyword, and in which part of the gate it stands; each list is in the order of the gate.
OF_EVERY_ORDER = (
    "known_instruments_only",
    "halted",
    "restricted",
    "session",
    "max_repeats",
    "duplicate_window",
    "prevent_self_trade",
    "price_band",
    "price_collar",
    "max_order_rate",
)
OF_WHAT_ADDS = (
    "reduce_only",
    "max_order_quantity",
    "max_order_notional",
    "max_data_age",
    "refuse_crossed_quotes",
    "max_price_gap",
    "max_position",
    "max_gross_exposure",
    "max_net_exposure",
    "max_daily_loss",
    "max_drawdown",
)


@dataclass
class Sent:
    """One order that left: what was asked for, before a part of it was refused."""

    ts: int
    trader: Trader
    side: int
    asked: Fraction
    limit: Fraction | None


@dataclass
class Limits:
    """All that the controls look at beyond the model itself."""

    model: Model
    given: dict[str, Any]
    sent: list[Sent] = field(default_factory=list)
    cancelled: list[tuple[int, Trader]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    # What counts for a control that remembers: everything from this place of its list on.
    since: dict[Any, int] = field(default_factory=dict)

    def see(self, market: Market, row: Row) -> None:
        """A row of a market is known now."""
        self.rows.setdefault(market.pair, []).append(row)

    def scopes(self, trader: Trader) -> list[tuple[bool, dict[str, Any]]]:
        """The account's limits, then the trader's own: by its name, else by its strategy's."""
        own = self.given.get("per_trader", {})
        found = own.get(trader.name)
        return [(False, self.given)] + ([(True, found)] if found is not None else [])

    def change(self, given: dict[str, Any]) -> None:
        """Other limits are in force. A control whose number has changed remembers nothing of the time before."""
        if not self.given:
            self.stopped.clear()
        for throttle, list_of in (("max_order_rate", self.sent), ("max_cancel_rate", self.cancelled)):
            before, after = _paces(self.given, throttle), _paces(given, throttle)
            for key, pace in after.items():
                if before.get(key) != pace:
                    self.since[(throttle, *key)] = len(list_of)
        for name, part in (("max_repeats", 0), ("duplicate_window", None)):
            if not self.given or _most(self.given, name, part) != _most(given, name, part):
                self.since[name] = len(self.sent)
        self.given = given

    # The two parts of the gate.

    def of_every_order(self, item: Wanted) -> str | None:
        check = self._first(OF_EVERY_ORDER, item)
        if check == "repeated_execution":
            self.stopped.add(item.trader.name)
        return check

    def of_what_adds(self, item: Wanted) -> str | None:
        return self._first(OF_WHAT_ADDS, item)

    def _first(self, names: tuple[str, ...], item: Wanted) -> str | None:
        for name in names:
            for is_trader, scope in self.scopes(item.trader):
                if name == "max_repeats" and item.trader.name in self.stopped:
                    return "repeated_execution"
                value = scope.get(name)
                if value is None or value is False:
                    continue
                if isinstance(value, dict) and not (name == "session" and "open" in value):
                    value = value.get(item.trader.pair, value.get("*"))
                    if value is None:
                        return "missing_limit"
                check = getattr(self, f"_{name}")(item, value, is_trader)
                if check is not None:
                    return str(check)
        return None

    # What every order meets.

    def _known_instruments_only(self, item: Wanted, _: Any, __: bool) -> str | None:
        return None if item.trader.pair in self.model.settings.instruments else "unknown_instrument"

    def _halted(self, item: Wanted, pairs: Any, _: bool) -> str | None:
        return "halted" if pairs is True or item.trader.pair in pairs else None

    def _restricted(self, item: Wanted, pairs: Any, _: bool) -> str | None:
        return "restricted" if pairs is True or item.trader.pair in pairs else None

    def _session(self, item: Wanted, hours: Any, _: bool) -> str | None:
        first, last = (_since_midnight(hours[edge]) for edge in ("open", "close"))
        at = self.model.ts % DAY
        is_open = first <= at < last if first < last else at >= first or at < last
        return None if is_open else "session"

    def _max_repeats(self, item: Wanted, pace: Any, _: bool) -> str | None:
        count, span = pace[0], _nanoseconds(pace[1])
        sent = self.sent[self.since.get("max_repeats", 0) :]
        recent = [s for s in sent if s.trader is item.trader and s.side == item.side]
        recent = [s for s in recent if self.model.ts - s.ts < span]
        return "repeated_execution" if len(recent) >= count else None

    def _duplicate_window(self, item: Wanted, seconds: Any, _: bool) -> str | None:
        span = _nanoseconds(seconds)
        for sent in self.sent[self.since.get("duplicate_window", 0) :]:
            same = (sent.trader, sent.side, sent.asked, sent.limit) == (
                item.trader,
                item.side,
                item.quantity,
                item.limit,
            )
            if same and self.model.ts - sent.ts < span:
                return "duplicate_intent"
        return None

    def _prevent_self_trade(self, item: Wanted, _: Any, __: bool) -> str | None:
        others = [o for o in self.model.working if o.trader.pair == item.trader.pair and o.side != item.side]
        limits = [o.limit for o in others if o.limit is not None]
        if not limits:
            return None
        price = self._expected(item)
        if price is None:
            return "no_price"
        return "self_trade" if any((price - limit) * item.side >= 0 for limit in limits) else None

    def _price_band(self, item: Wanted, band: Any, _: bool) -> str | None:
        price = self._expected(item)
        if price is None:
            return "no_price"
        return None if exact(band[0]) <= price <= exact(band[1]) else "price_band"

    def _price_collar(self, item: Wanted, part: Any, _: bool) -> str | None:
        last, price = self._market(item).last, self._expected(item)
        if last is None or price is None:
            return "no_price"
        return "price_collar" if abs(price - last) > exact(part) * last else None

    def _max_order_rate(self, item: Wanted, pace: Any, is_trader: bool) -> str | None:
        by_pair = self._is_by_pair("max_order_rate", item.trader, is_trader)
        since = self._bucket_since("max_order_rate", item.trader, is_trader, by_pair)
        times = [s.ts for s in self.sent[since:] if self._shares(s.trader, item.trader, is_trader, by_pair)]
        return None if _has_token(pace, times, self.model.ts) else "order_rate"

    # What adds exposure.

    def _reduce_only(self, item: Wanted, pairs: Any, _: bool) -> str | None:
        return "reduce_only" if pairs is True or item.trader.pair in pairs else None

    def _max_order_quantity(self, item: Wanted, most: Any, _: bool) -> str | None:
        return "order_quantity" if item.quantity > exact(most) else None

    def _max_order_notional(self, item: Wanted, most: Any, _: bool) -> str | None:
        price = self._expected(item)
        return "order_notional" if price is not None and price * item.quantity > exact(most) else None

    def _max_data_age(self, item: Wanted, seconds: Any, _: bool) -> str | None:
        rows = self.rows.get(item.trader.pair, [])
        fresh = any(self.model.ts - row.ts <= _nanoseconds(seconds) for row in rows)
        return None if fresh else "stale_data"

    def _refuse_crossed_quotes(self, item: Wanted, _: Any, __: bool) -> str | None:
        quote = self._market(item).last_quote
        return "crossed_quote" if quote is not None and quote.bid > quote.ask else None

    def _max_price_gap(self, item: Wanted, part: Any, _: bool) -> str | None:
        market = self._market(item)
        marks = [market.mark_of(row) for row in self.rows.get(market.pair, [])[-2:]]
        if len(marks) < 2:
            return None
        return "price_gap" if abs(marks[1] - marks[0]) > exact(part) * marks[0] else None

    def _max_position(self, item: Wanted, most: Any, is_trader: bool) -> str | None:
        traders = [item.trader] if is_trader else self._traders_of(item.trader.pair)
        reach = sum((self._reach(trader, item.side, item) for trader in traders), ZERO)
        return "position" if reach > exact(most) else None

    def _max_gross_exposure(self, item: Wanted, most: Any, _: bool) -> str | None:
        total = ZERO
        for pair, market in self.model.markets.items():
            sides = [sum((self._reach(t, side, item) for t in self._traders_of(pair)), ZERO) for side in (1, -1)]
            total += max(sides) * (market.last or ZERO)
        return "gross_exposure" if total > exact(most) else None

    def _max_net_exposure(self, item: Wanted, most: Any, _: bool) -> str | None:
        total = ZERO
        for pair, market in self.model.markets.items():
            lots = sum((self._signed(t, item.side, item) for t in self._traders_of(pair)), ZERO)
            total += lots * (market.last or ZERO)
        return "net_exposure" if total > exact(most) else None

    def _max_daily_loss(self, item: Wanted, most: Any, _: bool) -> str | None:
        curve = self.model.curve
        today = curve[-1][0] // DAY if curve else 0
        before = [equity for ts, equity in curve if ts // DAY < today]
        lost = (before[-1] if before else self._start()) - self._equity()
        return "daily_loss" if lost > exact(most) else None

    def _max_drawdown(self, item: Wanted, part: Any, _: bool) -> str | None:
        peak = max([self._start(), *(equity for _, equity in self.model.curve)])
        return "drawdown" if peak - self._equity() > exact(part) * peak else None

    # Cancellations.

    def cancel_check(self, order: Order) -> str | None:
        """Whether a strategy may take a working order back now."""
        for is_trader, scope in self.scopes(order.trader):
            pace = scope.get("max_cancel_rate")
            by_pair = isinstance(pace, dict)
            if isinstance(pace, dict):
                pace = pace.get(order.trader.pair, pace.get("*"))
            if pace is None:
                continue
            since = self._bucket_since("max_cancel_rate", order.trader, is_trader, by_pair)
            times = [ts for ts, t in self.cancelled[since:] if self._shares(t, order.trader, is_trader, by_pair)]
            if not _has_token(pace, times, self.model.ts):
                return "cancel_rate"
        self.cancelled.append((self.model.ts, order.trader))
        return None

    # What they look at.

    def _market(self, item: Wanted) -> Market:
        return self.model.markets[item.trader.pair]

    def _expected(self, item: Wanted) -> Fraction | None:
        market = self._market(item)
        if market.last is None:
            return None
        if item.limit is not None:
            return item.limit
        if market.last_quote is None:
            return market.last
        return market.price(market.last_quote, "ask" if item.side > 0 else "bid")

    def _traders_of(self, pair: str) -> list[Trader]:
        return [trader for trader in self.model.traders if trader.pair == pair]

    def _signed(self, trader: Trader, side: int, item: Wanted) -> Fraction:
        """What it becomes, counted on one side, when all that works there is filled, and the order too if it is its."""
        working = [o.quantity for o in self.model.working if o.trader is trader and o.side == side]
        more = item.quantity if item.trader is trader and item.side == side else ZERO
        return side * self.model.ledger.position(trader) + sum(working, ZERO) + more

    def _reach(self, trader: Trader, side: int, item: Wanted) -> Fraction:
        return max(ZERO, self._signed(trader, side, item))

    def _start(self) -> Fraction:
        return exact(self.model.settings.cash)

    def _equity(self) -> Fraction:
        return self.model.ledger.equity(self.model.markets)

    def _is_by_pair(self, name: str, trader: Trader, is_trader: bool) -> bool:
        scope = self.scopes(trader)[is_trader][1]
        return isinstance(scope[name], dict)

    def _bucket_since(self, throttle: str, trader: Trader, is_trader: bool, by_pair: bool) -> int:
        key = (trader.name if is_trader else None, trader.pair if by_pair else None)
        return self.since.get((throttle, *key), 0)

    def _shares(self, one: Trader, other: Trader, is_trader: bool, by_pair: bool) -> bool:
        """Whether two traders take from one bucket."""
        if is_trader:
            return one is other
        return one.pair == other.pair if by_pair else True


def _nanoseconds(seconds: Any) -> int:
    return int(exact(seconds) * SECOND)


def _paces(given: dict[str, Any], throttle: str) -> dict[tuple[str | None, str | None], Any]:
    """Every bucket of a throttle, by trader and pair; a default counts for each pair that is not named."""
    found: dict[tuple[str | None, str | None], Any] = {}
    for trader, scope in [(None, given), *given.get("per_trader", {}).items()]:
        pace = scope.get(throttle)
        if isinstance(pace, dict):
            for pair in PAIRS:
                each = pace.get(pair, pace.get("*"))
                if each is not None:
                    found[trader, pair] = (each[0], _nanoseconds(each[1]))
        elif pace is not None:
            found[trader, None] = (pace[0], _nanoseconds(pace[1]))
    return found


def _most(given: dict[str, Any], name: str, part: int | None) -> int:
    """The largest of a number over the account and all traders: as much is remembered."""
    values = [scope.get(name) for scope in (given, *given.get("per_trader", {}).values())]
    numbers = [value[part] if part is not None else _nanoseconds(value) for value in values if value is not None]
    return max(numbers, default=0)


def _since_midnight(wall: str) -> int:
    hours, minutes = wall.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 * SECOND


def _has_token(pace: Any, times: list[int], now: int) -> bool:
    """Whether a bucket that began full and lost a token at each of these times has one left.

    It is counted in parts of a token, as many as the time has nanoseconds; so all numbers are whole.
    """
    count, token = pace[0], _nanoseconds(pace[1])
    parts, at = count * token, min([*times, now])
    for ts in times:
        parts = max(0, min(count * token, parts + (ts - at) * count) - token)
        at = ts
    return parts + (now - at) * count >= token
