"""The numbers a person gives, made into exact decimal texts.

The ledger counts in integers, so nothing a user writes may pass through binary
rounding: a ``float`` means the shortest decimal that reads back as it (``0.001`` is
one thousandth), and ``int``, ``str`` and ``Decimal`` mean what they say.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import SupportsFloat, SupportsIndex, TypeAlias

from pairloom.errors import ConfigError

__all__ = ["Number", "decimal_text", "float_or_none", "number_text", "whole_number"]

Number: TypeAlias = int | float | str | Decimal | SupportsFloat | SupportsIndex
"""What may stand for a number: int, float, str, Decimal or a NumPy scalar."""

# Cash is held in units of 10^-18, and 28 digits before the point exceed any account.
MOST_DIGITS = 28
FINEST_MONEY = 18
# Tables hold money in decimals of 38 digits, 18 of them behind the point.
MOST_MONEY = 10**20
# What a rate or a size may have: the digits that the core's decimals hold.
FINEST_RATIO = 28


def number_text(value: object) -> str:
    """Return the shortest exact decimal text of a number, such as ``"0.001"``.

    Raises ``ValueError`` with a short reason ("is not a number", "is not finite").
    """
    return _text(_exact(value))


def decimal_text(  # one keyword for each bound that a setting may have
    value: object,
    key: str,
    *,
    above: int | None = None,
    at_least: int | None = None,
    below: int | None = None,
    places: int = FINEST_RATIO,
    way_out: str | None = None,
) -> str:
    """Return the exact decimal text of the setting ``key``.

    ``above``, ``at_least`` and ``below`` bound it; ``places`` is the finest number of
    decimals. Raises ``ConfigError`` naming the key and the value, and for what is no number
    ``way_out``: by default what numbers may be.
    """
    try:
        number = _exact(value)
    except ValueError as error:
        kinds = "digits" if isinstance(value, str) else "an int, a float, a Decimal or a text"
        meant = way_out or f'give {kinds}, as in "1.5"'
        way = "" if "finite" in str(error) else f"; {meant}"
        raise ConfigError(f"{key}={value!r} {error}{way}", code="config.number") from None
    if above is not None and number <= above:
        raise _out_of_range(key, value, f"must be more than {above}")
    if at_least is not None and number < at_least:
        raise _out_of_range(key, value, f"must be {at_least} or more")
    if below is not None and number >= below:
        raise _out_of_range(key, value, f"must be less than {below}")
    if number.is_zero():
        return "0"
    text = _text(number)
    if number.adjusted() >= MOST_DIGITS:
        raise _out_of_range(key, value, f"has more than {MOST_DIGITS} digits before the point")
    if len(text.partition(".")[2]) > places:
        raise _out_of_range(key, value, f"is finer than 10^-{places}, the smallest unit there is")
    return text


def whole_number(value: object, key: str, *, least: int, most: int) -> int:
    """Return the setting ``key`` as an ``int`` in ``least..most``, else ``ConfigError``."""
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise ConfigError(
            f"{key}={value!r} is not a whole number; write {key}={_meant(plain, least, most)}",
            code="config.number",
        )
    if not least <= plain <= most:
        raise _out_of_range(key, value, f"must be from {least} to {most}")
    return plain


def _meant(plain: object, least: int, most: int) -> int:
    """The whole number that a text or a float stands for, if it may be given, else one that may."""
    try:
        number = _exact(plain)
    except ValueError:
        return max(least, 1)
    return int(number) if number == number.to_integral_value() and least <= number <= most else max(least, 1)


def float_or_none(value: object) -> float | None:
    """Return the float of an int, float or NumPy scalar; None for all else, bools too."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:  # an int beyond every float is beyond every range as well
            return math.inf
    if type(value).__module__ == "numpy" and type(value).__name__ not in ("bool", "bool_", "str_", "ndarray"):
        return float(value)  # type: ignore[arg-type]
    return None


def _exact(value: object) -> Decimal:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float | str | Decimal):
        raise ValueError("is not a number")
    try:
        # A float subclass (NumPy's) may print itself in words, so ask float itself.
        number = Decimal(float.__repr__(plain) if isinstance(plain, float) else plain)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not number.is_finite():
        raise ValueError("is not finite")
    return number


def _plain(value: object) -> object:
    """Turn a NumPy scalar into the Python number it stands for, without importing NumPy."""
    if isinstance(value, str | float | int | Decimal):
        return value
    kind = type(value)
    if kind.__module__ != "numpy" or getattr(value, "ndim", 0) != 0:
        return value
    item = getattr(value, "item", lambda: value)()
    # A float32 means its own shortest decimal: 0.1, not 0.10000000149011612.
    return str(value) if isinstance(item, float) else item


def _text(number: Decimal) -> str:
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0", "-") else text


def _out_of_range(key: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"{key}={value!r} {rule}", code="config.range")
