"""What a summary says, before it is text or HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pairloom._show import numbers
from pairloom._show.messages import cut_line, difference_message, quarantine_message, refused_line
from pairloom._show.numbers import clean, counted
from pairloom.stats.facts import nanoseconds

if TYPE_CHECKING:
    from pairloom.result import Result

_LISTED = 8


class Summary(NamedTuple):
    """The alerts that come first, the title, the labelled rows, and the assumptions."""

    alerts: list[str]
    title: str
    rows: list[tuple[str, str]]
    assumptions: list[str]


def summary(result: Result) -> Summary:
    """Everything that `print(result)` and a notebook show of a result, cleaned of control characters."""
    nothing = None if result.steps else "no step was made: there was no row to trade on"
    found = (quarantine_message(result), difference_message(result), refused_line(result), cut_line(result), nothing)
    rows = [*_money_rows(result), *_trading_rows(result), *_run_rows(result)]
    return Summary(
        alerts=[line for line in found if line],
        title=_title(result),
        rows=[(label, clean(value)) for label, value in rows],
        assumptions=_shortened([clean(text, 400) for text in result.assumptions]),
    )


def _title(result: Result) -> str:
    pairs = list(dict.fromkeys(pair for _, pair in result.traders))
    where = clean(pairs[0]) if len(pairs) == 1 else counted(len(pairs), "pair")
    return f"{counted(len(result.traders), 'trader')} on {where}"


def _money_rows(result: Result) -> list[tuple[str, str]]:
    stats = result.stats
    money = numbers.money
    return [
        ("Period", _period(result)),
        (
            "Equity",
            f"{money(result.start_equity)} -> {money(result.equity)} {result.currency}",
        ),
        (
            "Return",
            f"{numbers.fraction(stats.total_return)}, CAGR {numbers.fraction(stats.cagr)}, "
            f"volatility {numbers.fraction(stats.volatility)}",
        ),
        (
            "Ratios",
            f"Sharpe {numbers.ratio(stats.sharpe)}, Sortino {numbers.ratio(stats.sortino)}, "
            f"Calmar {numbers.ratio(stats.calmar)}",
        ),
        (
            "Max drawdown",
            f"{numbers.fraction(stats.max_drawdown)}, longest {numbers.days(stats.max_drawdown_duration)}",
        ),
    ]


def _trading_rows(result: Result) -> list[tuple[str, str]]:
    stats = result.stats
    return [
        (
            "Orders",
            f"{len(result.orders):,}, {counted(len(result.fills), 'fill')}, "
            f"{counted(len(result.refusals) - result.cut_at_fill, 'refusal')}",
        ),
        (
            "Trades",
            f"{stats.trades:,} ({stats.open_trades:,} open), "
            f"win rate {numbers.fraction(stats.win_rate)}, "
            f"profit factor {numbers.ratio(stats.profit_factor)}, "
            f"exposure {numbers.fraction(stats.exposure)}",
        ),
        ("Fees", f"{numbers.money(result.fees)} {result.currency}"),
    ]


def _run_rows(result: Result) -> list[tuple[str, str]]:
    lanes = ", ".join(f"{lane} {number:,}" for lane, number in result.lanes.items())
    return [
        (
            "Speed",
            f"{counted(result.events, 'event')} in {numbers.seconds(result.elapsed)} "
            f"({numbers.rate(result.events_per_s)} events/s)",
        ),
        (
            "Overhead",
            f"load {numbers.seconds(result.load_s)}, setup {numbers.seconds(result.setup_s)}, "
            f"tables {numbers.seconds(result.finish_s)}",
        ),
        ("Lanes", lanes or "none"),
        ("Digest", result.digest),
    ]


def _period(result: Result) -> str:
    ts = nanoseconds(result.equity_curve.column("ts"))
    if not len(ts):
        return "no steps"
    first, last = int(ts[0]), int(ts[-1])
    length = numbers.days((last - first) / 86_400e9)
    return f"{numbers.instant(first)} to {numbers.instant(last)}, {length}"


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _LISTED:
        return lines
    hidden = len(lines) - (_LISTED - 1)
    return [*lines[: _LISTED - 1], f"and {hidden:,} more in result.assumptions"]
