"""What a run gives back: its tables, statistics, assumptions and quarantined traders."""

from __future__ import annotations

import math
import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from pairloom._lanes import Lanes
from pairloom._show.messages import quarantine_message, refusal_message
from pairloom._show.numbers import clean, described, instant
from pairloom.errors import StrategyError
from pairloom.stats.daily import DailyReturns
from pairloom.stats.facts import RunFacts, nanoseconds
from pairloom.stats.ratios import total_return
from pairloom.stats.statistics import RunStatistics

if TYPE_CHECKING:
    from pairloom._native import RunOutput, Table

__all__ = ["Quarantined", "Result", "quarantine_message", "refusal_message", "to_json"]


class Quarantined:
    """A trader that erred and was stopped, with the error that it raised."""

    __slots__ = ("error", "kind", "pair", "strategy", "trader", "ts")

    def __init__(self, *, trader: str, pair: str, strategy: str, ts: int, error: BaseException, kind: str) -> None:
        """Hold what is known of the error."""
        self.trader = trader
        """The trader's name."""
        self.pair = pair
        """The pair that it traded."""
        self.strategy = strategy
        """Its strategy's name."""
        self.ts = ts
        """The time of the step in which it erred, ns UTC."""
        self.error = error
        """The exception itself, with its `__traceback__`; of a worker, with the traceback's text as its cause."""
        self.kind = kind
        """How it erred: raised, not_a_signal, panic, time_limit, died or not_reproducible."""

    @property
    def traceback(self) -> str:
        """The error and its traceback as Python prints them."""
        return "".join(traceback.format_exception(self.error))

    def __repr__(self) -> str:
        """One line: who, where, when and why."""
        return (
            f"<Quarantined {clean(self.trader)!r} ({clean(self.strategy)} on {clean(self.pair)}) "
            f"at {instant(self.ts)}, {self.kind}: {described(self.error)}>"
        )


class Result:
    """The outcome of a backtest or of a run on paper.

    `print(result)` is a summary, tables go to pandas or polars (`result.trades.to_pandas()`),
    `result.stats.sharpe` and its kin are computed when they are first asked for.  A result never changes.
    """

    def __init__(self, output: RunOutput, loaded_assumptions: Sequence[str] = (), load_s: float = 0.0) -> None:
        """Wrap what the core handed over, what loading the data assumed and the seconds that took."""
        self._output = output
        self._loaded_assumptions = tuple(loaded_assumptions)
        self._load_s = float(load_s)

    def __reduce__(self) -> NoReturn:
        """Refuse to travel: it views what the core holds."""
        raise TypeError(
            "a Result cannot be pickled or copied; take what you need of it, as result.equity, result.stats.sharpe or "
            "result.trades.to_pandas()"
        )

    # Money

    @property
    def equity(self) -> float:
        """The equity at the end, in the account's currency: cash and positions at their last prices."""
        return float(self._output.equity)

    @property
    def start_equity(self) -> float:
        """The equity before the first step, in the account's currency."""
        return float(self._output.start_equity)

    @property
    def total_return(self) -> float:
        """The equity at the end over that at the start, less one; a fraction."""
        return total_return(self.start_equity, self.equity)

    @property
    def fees(self) -> float:
        """All fees paid, in the account's currency."""
        return float(self._output.fees)

    @property
    def currency(self) -> str:
        """The account's currency."""
        return self._output.currency

    @property
    def cash(self) -> dict[str, Decimal]:
        """The balance of each currency at the end, exact."""
        return {name: Decimal(amount) for name, amount in self._output.cash.items()}

    @property
    def positions(self) -> dict[str, Decimal]:
        """The account's position in each pair at the end, exact and signed."""
        return {pair: Decimal(size) for pair, size in self._output.positions.items()}

    # Tables

    @cached_property
    def orders(self) -> Table:
        """Every order that reached the gate, the refused ones too.

        `ts, order_id, trader, pair, side, type, quantity, limit_price, status, reason`.
        """
        return self._output.table("orders")

    @cached_property
    def fills(self) -> Table:
        """Every fill: `ts, trader, pair, side, quantity, price, fee, fee_currency, order_id, liquidity`."""
        return self._output.table("fills")

    @cached_property
    def trades(self) -> Table:
        """Round trips, flat to flat; a trade still open has a null exit.

        `trader, pair, entry_ts, exit_ts, side, quantity, entry_price, exit_price, pnl, return, fees,
        exit_reason`.
        """
        return self._output.table("trades")

    @cached_property
    def refusals(self) -> Table:
        """What the gate refused or the cash at the fill cut: `ts, trader, pair, check, reason`."""
        return self._output.table("refusals")

    @cached_property
    def equity_curve(self) -> Table:
        """The equity at each step's snapshot, and after the last fill: `ts, equity`.

        The last row has the last step's time once more, so that time is there twice.
        """
        return self._output.table("equity_curve")

    def _reader(self) -> Callable[[str], Table]:
        """A reader of tables that does not hold the result, which would be held by what it holds."""
        own, output = weakref.ref(self), self._output

        def table(name: str) -> Table:
            result = own()
            found: Table = output.table(name) if result is None else getattr(result, name)
            return found

        return table

    # Statistics

    @cached_property
    def stats(self) -> RunStatistics:
        """The statistics by name, and those of each trader in `stats.traders`; see `pairloom.stats`."""
        return RunStatistics(
            RunFacts(
                start=self.start_equity,
                end=self.equity,
                fees=self.fees,
                traders=self.traders,
                table=self._reader(),
            )
        )

    @cached_property
    def returns(self) -> DailyReturns:
        """The daily UTC returns, fractions; `returns.to_pandas()` is a Series."""
        curve = self.equity_curve
        return DailyReturns.of_curve(nanoseconds(curve.column("ts")), curve.column("equity"), self.start_equity)

    # What was assumed and what went wrong

    @property
    def assumptions(self) -> list[str]:
        """What was assumed where nothing was said, about the data and then about the run."""
        stated = [*self._loaded_assumptions, *self._output.assumptions]
        if self.interrupted and not any("interrupt" in text for text in stated):
            stated.append("interrupted before the data's end: the result is what there was so far")
        return stated

    @cached_property
    def quarantined(self) -> list[Quarantined]:
        """The traders that erred and were stopped, in the order in which they did."""
        return [Quarantined(**record) for record in self._output.quarantined]

    def raise_for_quarantine(self) -> None:
        """Raise a `StrategyError` from the first error if a trader was quarantined; else do nothing."""
        if not self.quarantined:
            return
        first = self.quarantined[0]
        message = quarantine_message(self) or ""
        raise StrategyError(message, code=f"strategy.{first.kind}", result=self) from first.error

    # The run

    @property
    def traders(self) -> list[tuple[str, str]]:
        """Each trader's name and pair, in commit order."""
        return [(name, pair) for name, pair in self._output.traders]

    @property
    def strategy_versions(self) -> dict[str, str]:
        """The version of each trader's strategy, by the trader's name, which each order names.

        That is ``version`` of the class where it has one, else a fingerprint of its source; of a built-in
        one of its own that changes with its rule alone (``rsi 1``), and of a plug-in that of its
        wheel or a fingerprint of its library.
        """
        return dict(zip((name for name, _ in self.traders), self._output.versions, strict=True))

    @property
    def digest(self) -> str:
        """The fingerprint of orders, fills, quarantines and final balances: equal runs, equal digests."""
        return self._output.digest

    @property
    def events(self) -> int:
        """Market rows seen, each counted once, however many traders saw it."""
        return self._output.events

    @property
    def steps(self) -> int:
        """Steps taken: distinct times, with those that time events make."""
        return self._output.steps

    @property
    def resumed_at_step(self) -> int | None:
        """The last step that was in the journal when the run began, 0 where it was new; ``None`` without a journal."""
        return self._output.resumed_at_step

    @property
    def elapsed(self) -> float:
        """Seconds from the first step to the last fill."""
        return self._output.elapsed

    @property
    def load_s(self) -> float:
        """Seconds spent reading and checking the data."""
        return self._load_s

    @property
    def setup_s(self) -> float:
        """Seconds spent setting up the traders."""
        return self._output.setup_s

    @property
    def finish_s(self) -> float:
        """Seconds spent making the tables."""
        return self._output.finish_s

    @property
    def events_per_s(self) -> float:
        """Events a second over `elapsed`; NaN for a run too short to be timed."""
        return self.events / self.elapsed if self.elapsed > 0 else math.nan

    @property
    def lanes(self) -> Lanes:
        """The number of traders that ran in each lane, and how evaluating ahead went."""
        return Lanes(self._output.lanes, self._output.counters)

    @property
    def counters(self) -> dict[str, int]:
        """What the engine counted about its own work, by name."""
        return dict(self._output.counters)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run. One that was stopped before the end of its data says so in `assumptions`."""
        return self._output.interrupted

    @property
    def risk_changes(self) -> list[dict[str, Any]]:
        """What was changed about the gate while the run went on, each with `ts` (ns UTC), `by`, `kind` and `what`.

        The kinds are `limits` (`Run.set_limits`), `enable` (`Run.enable`), `kill`, and `halt`, by reconciliation.
        """
        return self._output.risk_changes

    @property
    def faults(self) -> dict[str, int]:
        """How often each fault of `Engine(faults=)` befell a message; empty without faults."""
        return self._counted("fault_")

    @property
    def reconciliation(self) -> dict[str, int]:
        """How often the venue was `asked` and `compared`, and what that brought; empty where it answers nothing.

        `missed` fills and ends that only the answer told, orders that were `lost` on their way or `adopted`, and what
        was `told_again` and not counted again.
        """
        return self._counted("reconcile_")

    def _counted(self, prefix: str) -> dict[str, int]:
        counters = self._output.counters.items()
        return {name.removeprefix(prefix): count for name, count in counters if name.startswith(prefix)}

    @property
    def differences(self) -> list[dict[str, Any]]:
        """What the engine and the venue differed in, each with `ts` (ns UTC), `pair`, `kind`, `what` and `halted`.

        `pair` is `None` where it is the account. The kinds are `position`, `cash`, `late_fill`, `vanished_order`,
        `misnamed_order`, `unsettled`, which halt the pair or all pairs, `unknown_order` and `foreign_order`.
        """
        return self._output.differences

    @property
    def venue(self) -> dict[str, Any] | None:
        """The venue's own books at the end of the data; `None` where it keeps none, as without faults.

        `open_orders` are the numbers of orders that still worked, `fills` tuples `(order_id, quantity, price)`,
        `positions` by pair and `cash` in the account's currency, all exact.
        """
        books = self._output.venue
        if books is None:
            return None
        return {
            "open_orders": books["open_orders"],
            "fills": [(order, Decimal(quantity), Decimal(price)) for order, quantity, price in books["fills"]],
            "positions": {pair: Decimal(size) for pair, size in books["positions"].items()},
            "cash": Decimal(books["cash"]),
        }

    @property
    def reserved(self) -> Decimal:
        """Cash that orders still reserve at the end: zero, unless the engine has a defect."""
        return Decimal(self._output.reserved)

    @cached_property
    def refusals_by_check(self) -> dict[str, int]:
        """How many refusals there were of each check, the commonest first."""
        return dict(Counter(self.refusals.column("check").tolist()).most_common())

    @property
    def cut_at_fill(self) -> int:
        """Fills cut to the cash that was left when they came."""
        return self._output.cut_at_fill

    # How it looks

    def __str__(self) -> str:
        """The summary, which `print(result)` shows."""
        from pairloom._show.text import result_text

        return result_text(self)

    def __repr__(self) -> str:
        """One line, for logs and debuggers."""
        from pairloom._show.text import result_line

        return result_line(self)

    def _repr_html_(self) -> str:
        from pairloom._show.html import result_html

        return result_html(self)


def to_json(result: Result, *, threads: int | None = None) -> dict[str, Any]:
    """The document that `pairloom backtest --json` prints, made of JSON's types alone.

    Numbers that JSON does not have, NaN and the infinite ones, are null.  `threads` is the number of the
    engine's threads; without it the engine's own counter says so.
    """
    return {
        "equity": _number(result.equity),
        "total_return": _number(result.total_return),
        "fees": _number(result.fees),
        "orders": len(result.orders),
        "fills": len(result.fills),
        "trades": len(result.trades),
        "refusals": len(result.refusals),
        "quarantined": [
            {
                "trader": record.trader,
                "pair": record.pair,
                "strategy": record.strategy,
                "ts": record.ts,
                "kind": record.kind,
                "error": described(record.error),
            }
            for record in result.quarantined
        ],
        "events": result.events,
        "elapsed_s": _number(result.elapsed),
        "events_per_s": _number(result.events_per_s),
        "threads": result.counters.get("threads") if threads is None else threads,
        "lanes": result.lanes,
        "digest": result.digest,
        **({} if result.resumed_at_step is None else {"resumed_at_step": result.resumed_at_step}),
        "stats": {name: _number(value) for name, value in result.stats.items()},
        "assumptions": result.assumptions,
        "refusals_by_check": result.refusals_by_check,
        **_of_the_broker(result),
    }


def _of_the_broker(result: Result) -> dict[str, Any]:
    """What there is to say of faults and reconciliation, where the venue answers questions."""
    if not result.reconciliation:
        return {}
    return {"faults": result.faults, "reconciliation": result.reconciliation, "differences": result.differences}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
