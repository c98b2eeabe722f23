"""The sentences that announce refusals, cuts and quarantines, in warnings and above every summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pairloom._show.numbers import clean, counted, described, instant

if TYPE_CHECKING:
    from pairloom.result import Result

CUT = "cash_at_fill"
"""The check that cuts a fill instead of refusing an order, and so is announced apart."""

HINTS: dict[str, str] = {
    "cash": "free cash did not cover the buy and its fee, use a smaller size or more cash",
    "margin": "the position would exceed leverage x equity, use a smaller size or a higher leverage",
    "short_sale": "account='spot' cannot sell short, use account='margin'",
    "no_size": "the trader has no size, give engine.trade(..., size={'quote': 100}) or a size with the signal",
    "no_price": "the market had no price yet at that time, wait for its first event",
    "below_lot": "the size rounds down to nothing, use a larger size or an instrument with a smaller lot",
    "not_finite": "a size or limit was NaN or infinite, check what the strategy computes it from",
    "not_positive": "sizes and limits must be above zero, limits once they are rounded to the tick",
    "overflow": "the order's value does not fit the ledger, use a smaller quantity or limit",
    "reduce_only": "positions may only become smaller while RiskLimits(reduce_only=) is set",
    "missing_limit": "a limit by pair has no number for the pair, name the pair or '*'",
    "repeated_execution": "a trader sent too many orders of one side and is stopped, look at it and use Run.enable",
    "killed": "the kill switch is set",
    "not_reconciled": "the venue could not be reached, or had not answered yet",
    "halted": "the pair is halted, by a limit or because the venue and the engine differ: see result.differences",
    "cancel_rate": "cancellations came faster than max_cancel_rate, and their orders went on working",
    "min_notional": "the order was worth less than its instrument's min_notional, use a larger size",
}
"""For each check the reason in general and the way out; the reason of one order is in `result.refusals`."""

_SHOWN = 3


def refused_line(result: Result) -> str | None:
    """ "1,204 orders refused: short_sale 1,204; hint", or None when none was."""
    if not len(result.refusals):
        return None
    by_check = Counter(result.refusals.column("check").tolist())
    by_check.pop(CUT, None)
    if not by_check:
        return None
    counts, hints = checks_and_hints(by_check)
    hints = hints or ["their reasons are in result.refusals"]
    return f"{counted(by_check.total(), 'order')} refused: {counts}; {'; '.join(hints)}"


def checks_and_hints(by_check: Counter[str]) -> tuple[str, list[str]]:
    """How often each check refused, the commonest first, and what to do about them."""
    # Equals by name, so that one run always says the same.
    ordered = sorted(by_check.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{clean(check)} {number:,}" for check, number in ordered)
    return counts, [HINTS[check] for check, _ in ordered if check in HINTS]


def cut_line(result: Result) -> str | None:
    """How many fills were cut to the cash there was, or None when none was."""
    cut = result.cut_at_fill
    if not cut:
        return None
    return (
        f"{counted(cut, 'fill')} cut to the free cash ({CUT}): the price rose between decision "
        "and fill; use a size that leaves some cash"
    )


def refusal_message(result: Result) -> str | None:
    """The text of the `RefusalWarning` of a run, or None when no order was refused and no fill cut."""
    lines = [line for line in (refused_line(result), cut_line(result)) if line]
    return "\n".join(lines) or None


def difference_message(result: Result) -> str | None:
    """The text of the `ReconciliationWarning` of a run, or None when nothing halted a pair."""
    halting = [found for found in result.differences if found["halted"]]
    if not halting:
        return None
    shown = [f"{clean(found['pair'] or 'all pairs')}: {clean(found['what'], 200)}" for found in halting[:_SHOWN]]
    if len(halting) > _SHOWN:
        shown.append(f"and {len(halting) - _SHOWN:,} more")
    return f"halted, for the venue and the engine differ: {'; '.join(shown)} (all of it in result.differences)"


def nobody_left_line(result: Result, stopped: int | None = None) -> str | None:
    """That every trader of a run was quarantined, and why the first was; None where one is left.

    ``stopped`` says how many are so at the end, where people may have restarted some.
    """
    records = result.quarantined
    if stopped is None:
        stopped = len({record.trader for record in records})
    if not records or stopped < len(result.traders):
        return None
    first = records[0]
    number = len(result.traders)
    subject = "the only trader was" if number == 1 else f"all {number:,} traders were"
    return f"{subject} quarantined; first {clean(first.trader)} at {instant(first.ts)}: {described(first.error)}"


def quarantine_message(result: Result) -> str | None:
    """The text of the `QuarantineWarning` of a run, or None when no trader was quarantined."""
    line = quarantined_line(result)
    return None if line is None else f"{line} (tracebacks in result.quarantined)"


def quarantined_line(result: Result) -> str | None:
    """Which traders of a run were quarantined, when and why; None when none was."""
    records = result.quarantined
    if not records:
        return None
    shown = [
        f"{clean(record.trader)} at {instant(record.ts)}: {described(record.error)}" for record in records[:_SHOWN]
    ]
    if len(records) > _SHOWN:
        shown.append(f"and {len(records) - _SHOWN:,} more")
    total = max(len(result.traders), len(records))
    return f"{len(records):,} of {counted(total, 'trader')} quarantined: {'; '.join(shown)}"
