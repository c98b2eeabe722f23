"""The values of `RiskLimits`, checked one by one and made into what the core takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pairloom._settings import split_pair
from pairloom._times import duration_ns
from pairloom._words import listing
from pairloom.errors import ConfigError
from pairloom.numbers import FINEST_MONEY, decimal_text, whole_number
from pairloom.schedule import Session

__all__ = ["LISTS_OF_PAIRS", "READERS", "for_core", "names_of_controls", "shown"]

Reader = Callable[[str, Any], Any]

# As many orders of each trader are remembered at most.
MOST_REPEATS = 10_000
MOST_PACE = 1_000_000
MOST_FRACTION = 10


def _amount(key: str, value: Any) -> str:
    return decimal_text(value, key, at_least=0, places=FINEST_MONEY)


def _fraction(key: str, value: Any) -> str:
    return decimal_text(value, key, above=0, below=MOST_FRACTION, places=FINEST_MONEY)


def _part(key: str, value: Any) -> str:
    return decimal_text(value, key, above=0, below=1, places=FINEST_MONEY)


def _seconds(key: str, value: Any) -> int:
    seconds = duration_ns(key, value)
    if not seconds:
        raise ConfigError(f"{key}={value!r} must be a time: seconds or a timedelta", code="config.risk")
    return seconds


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key}={value!r} must be True or False", code="config.risk")
    return value


def _two(key: str, value: Any, example: str) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ConfigError(f"{key}={value!r} must be two numbers; write {key}={example}", code="config.risk")
    return value[0], value[1]


def _band(key: str, value: Any) -> tuple[str, str]:
    low, high = _two(key, value, "(low, high)")
    low_text, high_text = _amount(f"{key}[0]", low), _amount(f"{key}[1]", high)
    if Decimal(low_text) > Decimal(high_text):
        raise ConfigError(f"{key}={value!r}: the low price comes first", code="config.risk")
    return low_text, high_text


def _pace_up_to(most: int) -> Callable[[str, Any], tuple[int, int]]:
    def read(key: str, value: Any) -> tuple[int, int]:
        count, seconds = _two(key, value, "(10, 1): ten in a second")
        return whole_number(count, f"{key}[0]", least=1, most=most), _seconds(f"{key}[1]", seconds)

    return read


def _pairs(key: str, value: Any) -> bool | tuple[str, ...]:
    """Some pairs, all of them (True), or none (False)."""
    if isinstance(value, bool):
        return value
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, Iterable) or isinstance(named, Mapping):
        raise ConfigError(f"{key}={value!r} must be True or a list of pairs: {key}=['ETH/BTC']", code="config.risk")
    pairs = tuple("/".join(split_pair(pair, key)) for pair in named)
    return pairs or False


def _session(key: str, value: Any) -> Session:
    if isinstance(value, Session):
        return value
    if isinstance(value, Mapping):
        try:
            return Session(**value)
        except TypeError:
            raise ConfigError(
                f"{key}: a session has {listing(Session.__slots__)}, not {listing(value)}", code="config.risk"
            ) from None
    raise ConfigError(
        f"{key}={value!r} is no session; write Session(open='09:30', close='16:00', zone='America/New_York')",
        code="config.risk",
    )


def _is_by_pair(value: Mapping[Any, Any]) -> bool:
    named = any(key == "*" or "/" in str(key) for key in value)
    return named or any(isinstance(each, Session | Mapping) for each in value.values())


def _by_pair(one: Reader) -> Reader:
    """A value for all pairs, or a dict of them by pair with ``"*"`` for the others."""

    def read(key: str, value: Any) -> Any:
        # A session is written as a dict, too: of its own words, though all of them may be mistyped.
        session = one is _session and isinstance(value, Mapping) and value and not _is_by_pair(value)
        if not isinstance(value, Mapping) or session:
            return one(key, value)
        if not value:
            raise ConfigError(f"{key}={{}} names no pair; leave it out, or name '*' for all", code="config.risk")
        found = {}
        for pair, each in value.items():
            name = pair if pair == "*" else "/".join(split_pair(pair, key))
            found[name] = one(f"{key}[{pair!r}]", each)
        return found

    return read


READERS: dict[str, Reader] = {
    "max_order_quantity": _by_pair(_amount),
    "max_order_notional": _by_pair(_amount),
    "price_collar": _by_pair(_fraction),
    "price_band": _by_pair(_band),
    "max_position": _by_pair(_amount),
    "max_gross_exposure": _amount,
    "max_net_exposure": _amount,
    "max_order_rate": _by_pair(_pace_up_to(MOST_PACE)),
    "max_cancel_rate": _by_pair(_pace_up_to(MOST_PACE)),
    "max_repeats": _pace_up_to(MOST_REPEATS),
    "duplicate_window": _seconds,
    "prevent_self_trade": _flag,
    "max_daily_loss": _amount,
    "max_drawdown": _part,
    "max_data_age": _by_pair(_seconds),
    "refuse_crossed_quotes": _flag,
    "max_price_gap": _by_pair(_fraction),
    "known_instruments_only": _flag,
    "halted": _pairs,
    "restricted": _pairs,
    "session": _by_pair(_session),
    "reduce_only": _pairs,
    "cancel_on_disconnect": _flag,
}
"""For each control what reads its value: normalised, or False where the control is off."""


PACES = ("max_order_rate", "max_cancel_rate", "max_repeats")
TIMES = ("duplicate_window", "max_data_age")
LISTS_OF_PAIRS = ("halted", "restricted", "reduce_only")


def names_of_controls() -> str:
    """The names of all controls, for a message."""
    return listing((*READERS, "per_trader"), most=30)


def shown(name: str, value: Any) -> str:
    """A value that was read as one would write it: times in seconds again."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{pair!r}: {shown(name, each)}" for pair, each in value.items()) + "}"
    if name in PACES:
        return f"({value[0]}, {_seconds_text(value[1])})"
    return _seconds_text(value) if name in TIMES else repr(value)


def _seconds_text(nanoseconds: int) -> str:
    return f"{Decimal(nanoseconds).scaleb(-9).normalize():f}"


def for_core(name: str, value: Any, first: int, last: int) -> Any:
    """A value that was read as the core takes it: sessions become opening and closing times."""
    if name != "session":
        return value
    if isinstance(value, dict):
        return {pair: _hours(session, first, last) for pair, session in value.items()}
    return _hours(value, first, last)


@lru_cache(maxsize=64)  # many pairs share one session
def _hours(session: Session, first: int, last: int) -> list[tuple[int, int]]:
    """Openings and closes, ns UTC: those that are over when the run begins are left out."""
    day = 86_400 * 10**9
    return [(opens, closes) for opens, closes in session.hours(first - 2 * day, last + 2 * day) if closes > first - day]
