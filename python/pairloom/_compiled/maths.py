"""``math``, ``round``, ``int`` and ``**`` for compiled code: what they give and raise is what CPython's do."""

# mypy: ignore-errors
# ruff: noqa: ARG001, ARG005
# numba reads these functions itself: it types them by what they do, not by annotations.

from __future__ import annotations

import math
import sys

import numba
from numba import types
from numba.extending import overload, register_jitable

from pairloom._compiled.arithmetic import OF_C, OVERFLOWING
from pairloom._compiled.exact import in_place
from pairloom._compiled.libm import of_c

__all__ = ["MATHS"]

# All of them at once: what was kept in an earlier process calls them without a look at this module's functions.
_OF_C = {name: of_c(name, numbers) for name, numbers in OF_C.items()}
_TOO_LONG = "an integer of more than 64 bits"
# Before 3.11 `math.pow` refused this, unlike C and unlike `**`.
_ZERO_TO_MINUS_INFINITY = sys.version_info >= (3, 11)


def _is_real(kind):
    return isinstance(kind, types.Integer | types.Boolean | types.Float)


def _real(value):
    """The number as a float."""
    return float(value)


@overload(_real)
def _real_compiled(value):
    # Of a bool numba makes a float by way of an integer alone.
    if isinstance(value, types.Boolean):
        return lambda value: float(int(value))
    return lambda value: float(value)


@register_jitable
def _fits(value):
    """Raise where there is no integer of 64 bits for a float."""
    if math.isnan(value):
        raise ValueError("cannot convert float NaN to integer")
    if math.isinf(value):
        raise OverflowError("cannot convert float infinity to integer")
    if not -9223372036854775808.0 <= value < 9223372036854775808.0:
        raise OverflowError(_TOO_LONG)


def _to_integer(function):
    """A function that makes an integer of a number, which raises where numba's gives any."""

    def of(value):
        return function(value)

    @overload(of)
    def _of(value):
        if isinstance(value, types.Integer | types.Boolean):
            return lambda value: int(value)
        if isinstance(value, types.IntEnumMember):
            return lambda value: value.value
        if not isinstance(value, types.Float):
            return lambda value: function(value)

        def checked(value):
            _fits(value)
            return function(value)

        return checked

    return of


def rounded(value, ndigits=None):
    """``round``, whose results numba's own does not always give."""
    return round(value) if ndigits is None else round(value, ndigits)


@overload(rounded)
def _rounded(value, ndigits=None):
    to_integer = isinstance(ndigits, types.NoneType | types.Omitted) or ndigits is None
    if isinstance(value, types.Integer | types.Boolean):
        return (lambda value, ndigits=None: int(value)) if to_integer else _rounded_integer
    if not isinstance(value, types.Float):
        return lambda value, ndigits=None: round(value, ndigits)
    if to_integer:

        def nearest(value, ndigits=None):
            _fits(value)
            return round(value)

        return nearest
    if not isinstance(ndigits, types.Integer):
        raise numba.errors.TypingError(f"round cannot take {ndigits} as its ndigits")
    return _rounded_float


def _rounded_integer(value, ndigits=None):
    if ndigits >= 0:
        return int(value)
    if ndigits < -19:
        return 0
    if ndigits == -19:
        raise ValueError("compiled code rounds an integer to 18 zeros at most")
    scale = 10**-ndigits
    tens, rest = value // scale, value % scale
    if rest > scale - rest or (rest == scale - rest and tens % 2 == 1):
        tens += 1
    if not -9223372036854775808 // scale < tens <= 9223372036854775807 // scale:
        raise OverflowError(_TOO_LONG)
    return tens * scale


def _rounded_float(value, ndigits=None):
    if not math.isfinite(value) or value == 0.0:
        return value
    if ndigits < 0:
        return _rounded_to_tens(value, ndigits)
    if ndigits > 22:
        if abs(value) * 1e22 >= 9007199254740992.0:
            return value
        raise ValueError("compiled code rounds a number as small as this to 22 digits at most")
    scale = 10.0**ndigits
    product = value * scale
    if abs(product) >= 9007199254740992.0:
        # No digit so far behind the point is left to be rounded.
        return value
    below = math.floor(product)
    # What the product lost by being a float, exactly (Dekker 1971), decides where it is close.
    over = (product - below - 0.5) + _lost(value, scale, product)
    if over > 0.0 or (over == 0.0 and below % 2.0 == 1.0):
        below += 1.0
    return math.copysign(below / scale, value)


@register_jitable
def _rounded_to_tens(value, ndigits):
    size = abs(value)
    if ndigits < -22:
        if size < 1e22:
            return math.copysign(0.0, value)
        raise ValueError("compiled code rounds to 22 digits before the point at most")
    scale = 10.0**-ndigits
    if size < scale:
        return math.copysign(scale if size > scale / 2.0 else 0.0, value)
    # The rest is exact, and so is what is missing to the next one: the result is rounded once, however large it is.
    rest = size % scale
    is_up = rest > scale / 2.0 or (rest == scale / 2.0 and size % (2.0 * scale) >= scale)
    return math.copysign(size + (scale - rest) if is_up else size - rest, value)


def cell(array, value):
    """What an element of an array is given; numba takes the form below."""
    return value


@overload(cell)
def _cell(array, value):
    if not isinstance(array, types.Array) or not isinstance(array.dtype, types.Integer):
        return lambda array, value: value
    if not isinstance(value, types.Float):
        return lambda array, value: value

    def checked(array, value):
        _fits(value)
        return int(value)

    return checked


def same_kind(array, value):
    """What an array becomes in its place; numba takes the form below."""
    return value


@overload(same_kind)
def _same_kind(array, value):
    kind = value.dtype if isinstance(value, types.Array) else value
    if isinstance(array.dtype, types.Integer) and isinstance(kind, types.Float):
        raise numba.errors.TypingError(
            "an array of integers cannot hold floats in its place: start it as floats in setup, as in np.zeros(n)"
        )
    return lambda array, value: value


@register_jitable
def _lost(a, b, product):
    """The exact product of two floats, less the float that it was rounded to."""
    upper_a, upper_b = a * 134217729.0, b * 134217729.0
    high_a, high_b = upper_a - (upper_a - a), upper_b - (upper_b - b)
    low_a, low_b = a - high_a, b - high_b
    return low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b)


def _missing(name):
    return numba.errors.TypingError(
        f"{name} of the C library cannot be called here, and numba's own may differ in the last digit; "
        "run it with pairloom.uncompiled"
    )


def power(base, exponent):
    """``**``, which gives the very float that CPython does, and raises where that gives none."""
    return base**exponent


@overload(power, prefer_literal=True)
def _power(base, exponent):
    whole = types.Integer | types.Boolean
    if not _is_real(base) or not _is_real(exponent):
        return lambda base, exponent: base**exponent
    if isinstance(base, whole) and isinstance(exponent, whole):
        if not isinstance(exponent, types.IntegerLiteral):
            raise numba.errors.TypingError(
                "an integer cannot be raised to any integer, whose sign is not known: write float(...)"
            )
        if exponent.literal_value >= 0:
            return lambda base, exponent: base**exponent
        # Python makes floats of both, too.
    c_pow = _OF_C["pow"]
    if c_pow is None:
        raise _missing("pow")

    def checked(base, exponent):
        base, exponent = _real(base), _real(exponent)
        if base == 0.0 and exponent < 0.0 and not math.isinf(exponent):
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        result = c_pow(base, exponent)
        if not math.isfinite(result) and math.isfinite(base) and math.isfinite(exponent):
            if math.isnan(result):
                raise ValueError("a negative number to a broken power is no float")
            raise OverflowError("the result is too large")
        return result

    return checked


def _of_one(name):
    """A function of ``math`` of one number; it raises as CPython's does, where C gives NaN or infinity."""
    own = getattr(math, name)
    overflows = name in OVERFLOWING

    def of(x):
        return own(x)

    @overload(of)
    def _of(x):
        # What IEEE 754 defines to the bit needs no call.
        function = math.sqrt if name == "sqrt" else _OF_C[name]
        if function is None:
            raise _missing(name)
        if not _is_real(x):
            raise numba.errors.TypingError(f"math.{name} cannot take {x}")

        def checked(x):
            x = _real(x)
            result = function(x)
            if math.isnan(result) and not math.isnan(x):
                raise ValueError("math domain error")
            if math.isinf(result) and math.isfinite(x):
                if overflows:
                    raise OverflowError("math range error")
                raise ValueError("math domain error")
            return result

        return checked

    return of


def _of_two(name):
    """The same for a function of two numbers."""
    own = getattr(math, name)
    is_pow = name == "pow"

    def of(x, y):
        return own(x, y)

    @overload(of)
    def _of(x, y):
        function = _OF_C[name]
        if function is None:
            raise _missing(name)
        if not _is_real(x) or not _is_real(y):
            raise numba.errors.TypingError(f"math.{name} cannot take {x} and {y}")

        def checked(x, y):
            x, y = _real(x), _real(y)
            result = function(x, y)
            if math.isnan(result) and not math.isnan(x) and not math.isnan(y):
                raise ValueError("math domain error")
            if math.isinf(result) and is_pow and x == 0.0 and (math.isfinite(y) or not _ZERO_TO_MINUS_INFINITY):
                raise ValueError("math domain error")
            if math.isinf(result) and math.isfinite(x) and math.isfinite(y):
                raise OverflowError("math range error")
            return result

        return checked

    return of


def divisor(x, y):
    """``math.gcd``, which takes integers alone."""
    return math.gcd(x, y)


@overload(divisor)
def _divisor(x, y):
    if isinstance(x, types.Integer | types.Boolean) and isinstance(y, types.Integer | types.Boolean):
        return lambda x, y: math.gcd(x, y)
    raise numba.errors.TypingError("math.gcd cannot take a float; write int(...)")


MATHS = {
    "_pl_cell": cell,
    "_pl_same_kind": same_kind,
    "_pl_round": rounded,
    "_pl_power": power,
    "_pl_power_in_place": in_place(power),
    "_pl_int": _to_integer(int),
    **{f"_pl_{name}": _to_integer(getattr(math, name)) for name in ("floor", "ceil", "trunc")},
    **{f"_pl_{name}": (_of_one if numbers == 1 else _of_two)(name) for name, numbers in OF_C.items()},
    "_pl_gcd": divisor,
}
