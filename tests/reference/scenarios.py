"""Small random portfolios: markets of all kinds, odd settings, strategies that ask for everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from .model import Settings
from .package import SECOND, Entry, Scenario

ORIGIN = 1_699_999_200 * SECOND
PAIRS = ("AAA/USD", "BBB/USD", "CCC/USD", "DDD/USD")
KIND_SETS = (
    ("candle",),
    ("candle",),
    ("quote",),
    ("trade",),
    ("candle", "quote"),
    ("candle", "trade"),
    ("quote", "trade"),
    ("candle", "quote", "trade"),
)
# Latency has no meaning where orders fill on candles.
KIND_SETS_WITH_LATENCY = (("quote",), ("trade",), ("quote", "trade"), ("candle", "quote"), ("candle", "trade"))
INTERVALS = (60, 60, 120, 300, 420)
TICK_SECONDS = 20


@dataclass(frozen=True)
class Shape:
    """What a scenario is drawn from; small numbers make small scenarios."""

    seed: int
    markets: int
    rows: int
    traders: int
    account: Literal["spot", "margin"] = "spot"
    fill: Literal["next_open", "close"] = "next_open"
    latency: bool = False
    bounded: bool = False
    erring: bool = False
    orders: bool = True
    # How many explicit orders are thought of at each event, and whether strategies write down what they see.
    eager: int = 1
    traced: bool = True
    # Whether hooks may order.
    hooks: bool = True


def walk(rng: Random, count: int) -> list[int]:
    """A random walk of integer prices that often stands still."""
    price = rng.randrange(40, 400)
    found = []
    for _ in range(count):
        price = max(5, price + rng.choice((-9, -3, -1, 0, 0, 1, 3, 9)))
        found.append(price)
    return found


def candles(rng: Random, count: int, unit: float, offset: int) -> dict[str, Any]:
    """Candles of one interval, with gaps; floats carry the noise of a multiplication."""
    interval = rng.choice(INTERVALS) * SECOND
    times = [ORIGIN + offset + i * interval for i in range(count + 4) if rng.random() > 0.2][:count]
    times = times or [ORIGIN]
    closes = walk(rng, len(times))
    table: dict[str, Any] = {"ts": times, "open": [], "high": [], "low": [], "close": []}
    previous = closes[0]
    for close in closes:
        opening = previous if rng.random() < 0.5 else max(5, previous + rng.randrange(-6, 7))
        high = max(opening, close) + rng.randrange(0, 5)
        low = max(1, min(opening, close) - rng.randrange(0, 5))
        for name, value in (("open", opening), ("high", high), ("low", low), ("close", close)):
            table[name].append(value * unit)
        previous = close
    table["volume"] = [float(rng.randrange(1, 100)) for _ in times]
    # Without one, either side takes the commonest gap.
    table["interval"] = None if len(times) > 1 and rng.random() < 0.15 else interval
    return table


def tick_times(rng: Random, count: int) -> list[int]:
    """Times on a coarse grid, so that many are equal to each other and to candles' closes."""
    return sorted(ORIGIN + rng.randrange(0, 3 * count) * TICK_SECONDS * SECOND for _ in range(count))


def quotes(rng: Random, count: int, unit: float) -> dict[str, Any]:
    """Best bid and ask."""
    bids = walk(rng, count)
    asks = [bid + rng.choice((1, 1, 2, 5)) for bid in bids]
    return {
        "ts": tick_times(rng, count),
        "bid": [bid * unit for bid in bids],
        "ask": [ask * unit for ask in asks],
    }


def trades(rng: Random, count: int, unit: float) -> dict[str, Any]:
    """Trades on a market."""
    return {
        "ts": tick_times(rng, count),
        "price": [price * unit for price in walk(rng, count)],
        "quantity": [float(rng.randrange(1, 9)) for _ in range(count)],
    }


def market(rng: Random, shape: Shape) -> dict[str, Any]:
    """One market's tables."""
    unit = rng.choice((1.0, 0.01, 0.1, 0.00001))
    kinds = rng.choice(KIND_SETS_WITH_LATENCY if shape.latency else KIND_SETS)
    offset = rng.choice((0, 0, 60, 90)) * SECOND
    makers = {
        "candle": lambda: candles(rng, shape.rows, unit, offset),
        "quote": lambda: quotes(rng, shape.rows, unit),
        "trade": lambda: trades(rng, shape.rows, unit),
    }
    return {kind: makers[kind]() for kind in kinds}


class Actions:
    """What a scripted strategy may do next, drawn from its own seeded generator."""

    def __init__(self, api: Any, seed: int, orders: bool, erring: bool) -> None:
        self.signal = api.Signal
        self.rng = Random(seed)
        self.orders = orders
        self.erring = erring
        self.price = math.nan
        self.ids: list[int] = []

    def size(self) -> Any:
        """A size, mostly good."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.03:
            return rng.choice((math.nan, math.inf, 1e-12, 0, -2.5))
        if roll < 0.15:
            return {"quote": rng.choice((3, 7.77, 250))}
        if roll < 0.25:
            return {"equity": rng.choice((0.1, 0.5, 0.99, 1.5))}
        return rng.choice((0.25, 0.5, 1, 1.5, 2, 0.123456789123, 7))

    def quantity(self) -> Any:
        rng = self.rng
        return rng.choice((0.25, 0.5, 1, 1, 2, 0.333333333333, 9, math.nan if rng.random() < 0.05 else 3))

    def limit(self) -> Any:
        if math.isnan(self.price):
            return None
        return self.price * self.rng.choice((0.9, 0.97, 0.99, 1.0, 1.0, 1.01, 1.03, 1.1))

    def any_signal(self) -> Any:
        """A signal of any kind, or none."""
        s, rng = self.signal, self.rng
        roll = rng.randrange(16)
        if roll < 4:
            return (s.LONG, s.SHORT, s.CLOSE, s.REVERSE)[roll]
        if roll == 4:
            return s.long(size=self.size())
        if roll == 5:
            return s.short(size=self.size())
        if roll == 6:
            return s.target(rng.choice((0, 0, 1, -1, 2, -0.5, 1.25)))
        if roll == 7:
            return s.long(limit=self.limit())
        if roll == 8:
            return s.short(size=self.size(), limit=self.limit())
        if roll == 9:
            return s.target({"quote": rng.choice((-50, 20, 4))})
        return None

    def any_order(self, ctx: Any) -> None:
        """An explicit order, a cancel or a replace, or nothing."""
        rng = self.rng
        if not self.orders:
            return
        roll = rng.randrange(16)
        if roll < 6:
            side = ctx.buy if rng.random() < 0.5 else ctx.sell
            options: dict[str, Any] = {}
            if roll >= 2:
                options["limit"] = self.limit()
            if rng.random() < 0.2:
                options["reduce_only"] = True
            if rng.random() < 0.2 and options.get("limit") is not None:
                options["tif"] = rng.choice(("IOC", "FOK"))
            self.ids.append(side(self.quantity(), **options))
        elif roll == 6 and self.ids:
            ctx.cancel(rng.choice(self.ids))
        elif roll == 7:
            ctx.cancel()
        elif roll in (8, 9) and self.ids:
            changes = {"quantity": self.quantity()} if rng.random() < 0.5 else {"limit": self.limit()}
            ctx.replace(rng.choice(self.ids[-3:]), **changes)

    def fault(self) -> Any:
        """Now and then an error, or what is no signal."""
        roll = self.rng.randrange(400) if self.erring else 1000
        if roll < 6:
            raise ValueError("scripted")
        return 42 if roll < 10 else None


def scripted(seed: int, log: dict[str, list[Any]], orders: bool, erring: bool, traits: dict[str, Any]) -> Any:
    """A strategy that does whatever its seed says, and writes down what it saw."""

    def define(api: Any) -> Any:
        trace = log.setdefault(api.__name__, [])

        class Scripted(api.Strategy):  # type: ignore[misc]
            events = traits["events"]
            schedule = traits["schedule"]
            window = traits["window"]

            def setup(self, ctx: Any) -> None:
                self.act = Actions(api, seed, orders, erring)
                self.sma = ctx.indicator(api.indicators.Sma(traits["sma"])) if traits["sma"] else None

            def note(self, where: str, ctx: Any) -> None:
                if not traits["traced"]:
                    return
                trace.append((where, ctx.ts, ctx.position.size, len(ctx.orders), ctx.equity, ctx.cash))

            def generate_signal(self, ctx: Any) -> Any:
                event = ctx.event
                for name in ("close", "bid", "price"):
                    if hasattr(event, name):
                        self.act.price = getattr(event, name)
                self.note("event", ctx)
                if self.sma is not None:
                    trace.append(("sma", self.sma.value))
                for _ in range(traits["eager"]):
                    self.act.any_order(ctx)
                return self.act.fault() or self.act.any_signal()

            def on_start(self, ctx: Any) -> None:
                self.note("start", ctx)
                if traits["hooks"] and self.act.rng.random() < 0.3:
                    self.act.any_order(ctx)

            def on_fill(self, ctx: Any, fill: Any) -> Any:
                self.note("fill", ctx)
                if not traits["hooks"]:
                    return None
                if self.act.rng.random() < 0.3:
                    self.act.any_order(ctx)
                return self.act.any_signal() if self.act.rng.random() < 0.2 else None

            def on_order(self, ctx: Any, order: Any) -> None:
                self.note(f"order {order['status'] if isinstance(order, dict) else order.status}", ctx)

            def on_refused(self, ctx: Any, order: Any) -> None:
                self.note("refused", ctx)
                if traits["hooks"] and self.act.rng.random() < 0.1:
                    self.act.any_order(ctx)

            def on_time(self, ctx: Any, event: Any) -> Any:
                self.note("time", ctx)
                self.act.any_order(ctx)
                return self.act.any_signal()

            def on_stop(self, ctx: Any) -> None:
                self.note("stop", ctx)

        return Scripted

    return define


def settings_of(rng: Random, shape: Shape, data: dict[str, dict[str, Any]]) -> Settings:
    """Settings, poor accounts and odd rules included."""
    times = sorted({int(t) for kinds in data.values() for table in kinds.values() for t in table["ts"]})
    settings = Settings(
        cash=rng.choice(("40", "300", "5000", "1000000")),
        account=shape.account,
        leverage=rng.choice((1, 2, "2.5", 10)) if shape.account == "margin" else 1,
        maker_fee=rng.choice(("0", "0.0005")),
        taker_fee=rng.choice(("0", "0.001", "0.0025")),
        fill=shape.fill,
        slippage_bps=rng.choice((0, 0, 5, "12.5")),
        latency=rng.choice((1, 20, 45, 130)) * SECOND if shape.latency else 0,
        on_error=rng.choice(("keep", "close")),
    )
    if shape.bounded:
        settings.start = rng.choice(times[: max(1, len(times) // 2)])
        settings.end = rng.choice([*times[len(times) // 2 :], times[-1] + SECOND])
        if settings.end <= settings.start:
            settings.end = None
    for pair in data:
        if rng.random() < 0.3:
            settings.instruments[pair] = {"lot": rng.choice(("0.01", "0.1", "0.00001"))}
    return settings


def scenario(shape: Shape) -> tuple[Scenario, list[dict[str, list[Any]]]]:
    """A scenario, and for each trader the traces that its two sides will write."""
    rng = Random(shape.seed)
    data = {pair: market(rng, shape) for pair in PAIRS[: shape.markets]}
    settings = settings_of(rng, shape, data)
    entries, logs = [], []
    for i in range(shape.traders):
        pair = rng.choice(list(data))
        events = rng.choice((None, None, tuple(data[pair])))
        traits = {
            "events": events,
            "schedule": rng.choice((None, None, "5m", "2m")) if shape.hooks else None,
            "window": rng.choice((0, 0, 3)),
            "sma": rng.choice((0, 0, 2, 3)),
            "traced": shape.traced,
            "eager": shape.eager,
            "hooks": shape.hooks,
        }
        log: dict[str, list[Any]] = {}
        size = rng.choice((None, 0.5, 1, {"quote": 25}, {"equity": 0.4}, {"equity": 1}))
        define = scripted(rng.randrange(2**32), log, shape.orders, shape.erring, traits)
        entries.append(Entry(f"t{i}", pair, define, size))
        logs.append(log)
    return Scenario(data, settings, entries), logs
