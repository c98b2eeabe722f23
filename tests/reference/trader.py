"""Traders: one strategy on one pair, its windows, its hooks, its evaluation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .api import Signal, check_size
from .context import Context, Indicator, TimeEvent
from .market import KINDS, Row

if TYPE_CHECKING:
    from .engine import Model

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
SECOND = 10**9


@dataclass
class TraderSpec:
    """What `engine.trade` was told: `make` returns a fresh strategy with its parameters set."""

    name: str
    pair: str
    make: Callable[[], Any]
    size: Any = None


@dataclass
class Trader:
    """A trader's own state."""

    index: int
    name: str
    pair: str
    size: tuple[str, Any] | None
    strategy: Any
    events: tuple[str, ...]
    primary: str
    window: int
    schedule: str | None
    ctx: Context = field(init=False)
    window_rows: list[Row] = field(default_factory=list)
    indicators: list[tuple[Indicator, bool]] = field(default_factory=list)
    intents: list[tuple[str, Any]] = field(default_factory=list)
    due: list[tuple[str, Any]] = field(default_factory=list)
    started: bool = False
    error: tuple[BaseException, str] | None = None
    quarantined: bool = False

    @property
    def ready(self) -> bool:
        full = not self.window or len(self.window_rows) >= self.window
        return full and all(i.ready for i, required in self.indicators if required)

    def feed(self, row: Row) -> None:
        """One event of this trader: what ctx shows, and windows and indicators if it is their kind."""
        self.ctx.event = row
        setattr(self.ctx, row.kind, row)
        if row.kind != self.primary:
            return
        if self.window:
            self.window_rows.append(row)
            del self.window_rows[: -self.window]
        for indicator, _ in self.indicators:
            indicator.feed(row)


class NotASignal(Exception):
    """A strategy returned something else."""


def make_trader(model: Model, index: int, spec: TraderSpec) -> Trader:
    """A trader with its strategy made anew; setup has not run."""
    strategy = spec.make()
    kinds = model.markets[spec.pair].kinds
    events = getattr(strategy, "events", None) or (kinds[0],)
    if isinstance(events, str):
        events = (events,)
    primary = next(kind for kind in KINDS if kind in events)
    trader = Trader(
        index,
        spec.name,
        spec.pair,
        check_size(spec.size),
        strategy,
        tuple(events),
        primary,
        int(getattr(strategy, "window", 0) or 0),
        getattr(strategy, "schedule", None),
    )
    trader.ctx = Context(model, trader)
    return trader


def take(trader: Trader, returned: Any) -> None:
    """A returned signal comes after the orders asked for before it."""
    if returned is None:
        return
    if not isinstance(returned, Signal):
        raise NotASignal(f"{returned!r} is not a signal")
    trader.intents.append(("signal", returned))


def run_due(trader: Trader) -> None:
    """Hooks for what happened to this trader since it was last called, in that order."""
    due, trader.due = trader.due, []
    for name, payload in due:
        returned = getattr(trader.strategy, name)(trader.ctx, payload)
        if name == "on_fill":
            take(trader, returned)


def evaluate(model: Model, trader: Trader, rows: list[Row], time_event: TimeEvent | None) -> None:
    """Phase 3 of one trader.  Whatever it raises is its own: everything of this step is dropped."""
    trader.intents = []
    trader.ctx.ts = model.ts
    mine = [row for row in rows if row.kind in trader.events]
    try:
        if trader.error is not None:
            raise trader.error[0]
        counted = [row for row in mine if model.start is None or row.open_ts >= model.start]
        if not trader.started and (counted or time_event is not None):
            trader.started = True
            trader.strategy.on_start(trader.ctx)
        run_due(trader)
        if time_event is not None:
            trader.ctx.event = time_event
            take(trader, trader.strategy.on_time(trader.ctx, time_event))
        for row in mine:
            trader.feed(row)
            if (model.start is None or row.open_ts >= model.start) and trader.ready:
                take(trader, trader.strategy.generate_signal(trader.ctx))
    except KeyboardInterrupt:
        raise
    except NotASignal as error:
        model.quarantine(trader, error, "not_a_signal")
    except BaseException as error:
        model.quarantine(trader, error, "raised")


def close_down(model: Model, trader: Trader) -> None:
    """The closing pass: hooks that are due and on_stop; orders from it are discarded."""
    trader.intents = []
    try:
        run_due(trader)
        trader.strategy.on_stop(trader.ctx)
    except NotASignal as error:
        model.quarantine(trader, error, "not_a_signal")
    except BaseException as error:
        model.quarantine(trader, error, "raised")
    trader.intents = []


def boundaries(schedule: str, first: int, last: int) -> list[int]:
    """The boundaries of a schedule from `first` to `last`, both included."""
    match = re.fullmatch(r"(\d+)(mo|min|[smhd])", schedule)
    if match is None:
        raise ValueError(f"the model has no schedule {schedule!r}")
    count, unit = int(match[1]), match[2]
    if unit != "mo":
        step = count * UNITS[unit] * SECOND
        return list(range(-(-first // step) * step, last + 1, step))
    found: list[int] = []
    year, month = 1970, 0
    while True:
        moment = datetime(year, month + 1, 1, tzinfo=timezone.utc)
        ts = int(moment.timestamp()) * SECOND
        if ts > last:
            return found
        if ts >= first:
            found.append(ts)
        month += count
        year, month = year + month // 12, month % 12
