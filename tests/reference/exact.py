"""Exact numbers: what a user's number means, the price scale, and rounding against the account."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

ATTO = 10**18
MAX_I64 = 2**63 - 1
MAX_I128 = 2**127 - 1
MAX_SCALE = 12
SIGNIFICANT_DIGITS = 10
ULPS = 4


def is_finite(value: Any) -> bool:
    """Whether a user's number is one that can be traded with at all."""
    if isinstance(value, str):
        return Decimal(value).is_finite()
    if isinstance(value, Decimal):
        return value.is_finite()
    return math.isfinite(value)


def exact(value: Any) -> Fraction:
    """What a user's number means: a float is its shortest decimal, the rest is taken literally."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool):
        raise TypeError(f"a number was expected, not {value!r}")
    if isinstance(value, (int, Decimal)):
        return Fraction(value)
    if isinstance(value, str):
        return Fraction(Decimal(value))
    return Fraction(repr(float(value)))


def floor_to(value: Fraction, unit: Fraction) -> Fraction:
    """The largest multiple of `unit` that is not above `value`."""
    return (value // unit) * unit


def ceil_to(value: Fraction, unit: Fraction) -> Fraction:
    """The smallest multiple of `unit` that is not below `value`."""
    return -((-value) // unit) * unit


def money_up(value: Fraction) -> int:
    """Units of 10^-18, rounded up: what the account pays."""
    return -((-value.numerator * ATTO) // value.denominator)


def money_down(value: Fraction) -> int:
    """Units of 10^-18, rounded down: what the account receives."""
    return (value.numerator * ATTO) // value.denominator


def multiple_at_scale(price: float, scale: int) -> int | None:
    """The integer k with |price - k / 10^scale| <= 4 ulp, or None.

    All of it in integers: price is a/b with b a power of two, and so is its ulp.
    """
    a, b = price.as_integer_ratio()
    ten: int = 10**scale
    scaled = a * ten
    k = (2 * scaled + b) // (2 * b)
    ulp_a, ulp_b = math.ulp(price).as_integer_ratio()
    if abs(scaled - k * b) * ulp_b <= ULPS * ulp_a * b * ten:
        return k
    return None


def multiple_of(price: Fraction, around: float, unit: Fraction) -> Fraction | None:
    """The multiple of `unit` within 4 ulp (of `around`) of `price`, or None."""
    nearest = round(price / unit) * unit
    if abs(price - nearest) <= ULPS * Fraction(math.ulp(around)):
        return nearest
    return None


def price_scale(prices: Iterable[float]) -> tuple[int, dict[float, int]]:
    """The market's scale and the integer price of every float among `prices`.

    A multiple of 10^-d is a multiple of 10^-(d+1) too, so the scale only ever has to grow.
    """
    distinct = set(prices)
    scale = 0
    for price in distinct:
        while scale <= MAX_SCALE and multiple_at_scale(price, scale) is None:
            scale += 1
    if scale <= MAX_SCALE and max(distinct) * Fraction(10) ** scale <= MAX_I64:
        table: dict[float, int] = {}
        for price in distinct:
            k = multiple_at_scale(price, scale)
            assert k is not None
            table[price] = k
        return scale, table
    scale = SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(max(distinct)))
    ten = Fraction(10) ** scale
    return scale, {price: round(Fraction(price) * ten) for price in distinct}
