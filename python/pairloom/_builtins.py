"""The strategies that come with Pairloom, by name, with their parameters.

They run natively; this table is what their arguments are checked by.
"""

from __future__ import annotations

from typing import Any

from pairloom._words import listing, nearest
from pairloom.errors import ConfigError, ParameterError
from pairloom.numbers import decimal_text, whole_number

__all__ = ["BUILTINS", "builtin_parameters"]

MOST_PERIOD = 1_000_000
SMA_SIDES = ("both", "long")

BUILTINS: dict[str, dict[str, Any]] = {
    "sma_cross": {"fast": 10, "slow": 30, "side": "both"},
    "rsi": {"period": 14, "low": 30, "high": 70},
    "simple": {},
    "heikin_ashi": {},
}
"""Name -> parameters with their defaults."""


def builtin_parameters(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return all parameters of a built-in; a wrong one raises ``ConfigError``."""
    if name not in BUILTINS:
        hint = nearest(name, BUILTINS) or f"; there are {listing(BUILTINS)}"
        raise ConfigError(f"strategy={name!r} is no built-in{hint}", code="config.strategy")
    known = BUILTINS[name]
    for key in given:
        if key not in known:
            has = f"; it has {listing(known)}" if known else "; it has none"
            raise ParameterError(f"{name} has no parameter {key!r}{nearest(key, known) or has}")
    values = {**known, **given}
    if name == "sma_cross":
        return _sma_cross(values)
    if name == "rsi":
        return _rsi(values)
    return values


def _sma_cross(values: dict[str, Any]) -> dict[str, Any]:
    if values["side"] not in SMA_SIDES:
        raise ConfigError(
            f"sma_cross.side={values['side']!r} is unknown; it is 'both' or 'long'", code="config.parameter"
        )
    return {
        "fast": whole_number(values["fast"], "sma_cross.fast", least=1, most=MOST_PERIOD),
        "slow": whole_number(values["slow"], "sma_cross.slow", least=1, most=MOST_PERIOD),
        "side": values["side"],
    }


def _rsi(values: dict[str, Any]) -> dict[str, Any]:
    # RSI lies from 0 to 100, so a threshold elsewhere would never or always be met.
    low = float(decimal_text(values["low"], "rsi.low", at_least=0, below=101))
    high = float(decimal_text(values["high"], "rsi.high", at_least=0, below=101))
    if not low < high <= 100:
        raise ConfigError(
            f"rsi.low={values['low']!r} and rsi.high={values['high']!r}: they must rise and lie from 0 to 100",
            code="config.parameter",
        )
    # Wilder's average needs two periods at least to have a previous one.
    return {
        "period": whole_number(values["period"], "rsi.period", least=2, most=MOST_PERIOD),
        "low": low,
        "high": high,
    }
