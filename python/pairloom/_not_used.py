"""What a run does not use although it was given: said in its assumptions, or refused where it is a slip of the pen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._span import kinds, span
from pairloom._times import utc_text
from pairloom._words import listing
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pairloom._data import Loaded
    from pairloom._native import RunOutput
    from pairloom._traders import Assignment
    from pairloom.risk import RiskLimits

__all__ = ["never_called", "refuse_misspelt_pairs", "times_without_schedule", "what_is_not_used"]

# Lines of one kind that assumptions hold at most.
MOST_LINES = 8

# Currencies in which real markets are quoted: one letter makes many of them of each other.
_QUOTES = """
    AEUR ARS AUD BIDR BNB BRL BTC BUSD CAD CHF COP CUSD CZK DAI DKK DOGE ETH EUR EURC EURI EURR EURS EURT FDUSD FRAX GBP
    GUSD HKD HUF IDR IDRT INR JPY KRW LUSD MXN NGN NOK NZD PAX PLN PYUSD RLUSD RON RUB SEK SGD SOL SUSD THB TRX TRY TUSD
    UAH USD USDA USDB USDC USDD USDE USDF USDG USDH USDJ USDK USDM USDN USDP USDQ USDR USDS USDT USDX UST USTC VAI WBTC
    WETH XAUT XRP ZAR ZUSD
"""


def refuse_misspelt_pairs(settings: dict[str, Any], traded: Collection[str], available: Collection[str]) -> None:
    """Refuse limits and instruments of a pair that is there under a name only just different; raises ``ConfigError``.

    Without them the run would trade on as if they had not been given. Pairs that are merely others are no slip: a file
    of limits may serve several runs.
    """
    limits: RiskLimits | None = settings["risk"]
    named = [("instruments", pair) for pair in settings["instruments"]]
    if limits is not None:
        named += [(f"risk.{control}", pair) for control, pair in limits._pairs_by_control()]
    known = {*traded, *available}
    for key, pair in named:
        meant = None if pair in known else _meant(pair, sorted(known))
        # Who names both means both: a list of a whole exchange has names that differ in a letter.
        if meant is not None and (key, meant) not in named:
            code = "config.instruments" if key == "instruments" else "risk.unknown_pair"
            raise ConfigError(f'{key}: nobody trades "{pair}"; did you mean "{meant}"?', code=code)


def what_is_not_used(
    loaded: Loaded, described: Sequence[dict[str, Any]], settings: dict[str, Any], run: dict[str, Any]
) -> list[str]:
    """Say that no row lies within the bounds, which instruments and limits are of other pairs, and where is no latency.

    Latency in a market with candles alone was refused before.
    """
    lines = []
    pairs = {each["pair"] for each in described}
    if not _trades_at_all(loaded, pairs, run):
        whole = span(loaded, pairs, None, None)
        first, last = (utc_text(ts) for ts in whole or (0, 0))
        lines.append(f"start and end leave no row to trade on; the data run from {first} to {last}")
    unused = [pair for pair in settings["instruments"] if pair not in pairs]
    if unused:
        lines.append(f"instruments of pairs that this run does not trade: {', '.join(unused)}")
    limits: RiskLimits | None = settings["risk"]
    unmet = [pair for pair in limits._pairs() if pair not in pairs] if limits else []
    if unmet:
        lines.append(f"risk limits of pairs that this run does not trade: {', '.join(unmet)}")
    by_kind = kinds(loaded)
    on_candles = [pair for pair in sorted(pairs) if "candle" in by_kind[pair] and "quote" not in by_kind[pair]]
    if settings["latency"] and on_candles:
        lines.append(
            f"latency has no effect in markets that fill on candles, since they have no quotes: {listing(on_candles)}"
        )
    return lines


def times_without_schedule(assignments: Iterable[Assignment]) -> list[str]:
    """Say whose ``on_time`` waits for times that nobody named."""
    waiting = (
        type(each.template).__name__
        for each in assignments
        if each.shape and "on_time" in each.shape["hooks"] and not each.shape["schedule"]
    )
    return [f'{name}.on_time is never called: say when, as in schedule = "1d"' for name in dict.fromkeys(waiting)]


def never_called(
    loaded: Loaded, described: Sequence[dict[str, Any]], run: dict[str, Any], output: RunOutput
) -> list[str]:
    """Say which strategies were never asked for a signal, since the data were over before they had enough of them."""
    # A run that was ended before its data were over may not have got that far.
    ended = output.interrupted or run.get("duration") is not None
    if ended or not _trades_at_all(loaded, {each["pair"] for each in described}, run):
        return []
    erred = {record["trader"] for record in output.quarantined}
    asked = [each for each in described if each["name"] not in erred and _decides(each)]
    # The engine counts the calls of all traders together; where there was none, that holds for each of them.
    none_was = output.counters.get("evaluations") == 0
    lines = []
    rows = _rows_by_pair(loaded, run["end"])
    for each in asked:
        seen = rows(each["pair"], each["events"])
        if each["window"] > seen:
            why = f"its window needs {each['window']:,} events, and there were {seen:,}"
        elif none_was:
            why = f"its indicators need more events than the {seen:,} that there were"
        else:
            continue
        lines.append(f"{each['name']}: its strategy was never called: {why}")
    more = [f"and so {len(lines) - MOST_LINES:,} more traders"] if len(lines) > MOST_LINES else []
    return lines[:MOST_LINES] + more


def _trades_at_all(loaded: Loaded, pairs: Collection[str], run: dict[str, Any]) -> bool:
    seen = span(loaded, pairs, run["start"], run["end"])
    return seen is not None and seen[0] <= seen[1]


def _decides(described: dict[str, Any]) -> bool:
    """Whether it has a rule that is called at events; a class may have hooks alone."""
    hooks = described.get("hooks")
    return hooks is None or "generate_signal" in hooks


def _rows_by_pair(loaded: Loaded, end: int | None) -> Any:
    """Return a function of a pair and its kinds of events, which counts the rows seen; without kinds, of the first."""
    found: dict[str, dict[str, int]] = {}
    for series in loaded.series:
        seen = len(series.ts) if end is None else int(series.ts.searchsorted(end, side="left"))
        found.setdefault(series.pair, {})[series.kind] = seen

    def rows(pair: str, events: Sequence[str] | None) -> int:
        by_kind = found.get(pair, {})
        first = [kind for kind in ("candle", "quote", "trade") if kind in by_kind][:1]
        return sum(by_kind.get(kind, 0) for kind in (first if events is None else events))

    return rows


def _meant(pair: str, known: Sequence[str]) -> str | None:
    """The known pair that was meant: it differs in case, or in a slip in a quote that is no currency of any market.

    Bases are not compared so: LRC and RLC, or NOT and ONT, are coins of their own.
    """
    base, _, quote = pair.partition("/")
    for other in known:
        if other.upper() == pair.upper():
            return other
    if quote.upper() in _QUOTES.split():
        return None
    for other in known:
        other_base, _, other_quote = other.partition("/")
        if other_base == base and (_swapped(quote, other_quote) or _one_letter_apart(quote, other_quote)):
            return other
    return None


def _swapped(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    apart = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(apart) != 2 or apart[1] != apart[0] + 1:
        return False
    first, second = apart
    return one[first] == other[second] and one[second] == other[first]


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether one letter was changed, left out or added."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 1
    longer, shorter = sorted((one, other), key=len, reverse=True)
    if len(longer) != len(shorter) + 1:
        return False
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
