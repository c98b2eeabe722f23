"""Integers of more than 53 bits beside floats: divided, compared and kept as Python does, or refused, never rounded."""

# mypy: ignore-errors
# ruff: noqa: ARG001
# numba reads these functions itself: it types them by what they do, not by annotations.

from __future__ import annotations

import math
import operator

import numba
from numba import types
from numba.extending import overload, register_jitable

__all__ = ["EXACT", "in_place", "kept"]

_LOST = "an integer of more than 53 bits becomes a float, which cannot hold it"


def _is_whole(kind):
    return isinstance(kind, types.Boolean) or (isinstance(kind, types.Integer) and kind.signed)


@register_jitable
def _is_short(value):
    """Whether it is an integer that a float holds for certain."""
    return -9007199254740992 <= value <= 9007199254740992


@register_jitable
def kept(value):
    """The integer as a float; raises where that cannot be counted on."""
    if not _is_short(value):
        raise ValueError(_LOST)
    return float(value)


def to_f(value):
    """A float for a float field."""
    return float(value)


@overload(to_f)
def _to_f(value):
    if _is_whole(value):
        # Not even if it happens to be a float's value: Python would go on computing with an integer.
        return lambda value: kept(int(value))
    if isinstance(value, types.Number):
        return lambda value: float(value)
    raise numba.errors.TypingError(f"a float field cannot hold {value}")


def divide(a, b):
    """``/``, which rounds a quotient of integers once, however many bits they have."""
    return a / b


@overload(divide)
def _divide(a, b):
    if not _is_whole(a) or not _is_whole(b):
        return lambda a, b: a / b

    def exact(a, b):
        a, b = int(a), int(b)
        if b == 0:
            raise ZeroDivisionError("division by zero")
        if _is_short(a) and _is_short(b):
            return a / b
        return _quotient(a, b)

    return exact


def in_place(operation):
    """What ``/=`` and the like do: an array is changed where it lies, of a number there is a new one."""

    def of(target, value):
        return operation(target, value)

    @overload(of)
    def _of(target, value):
        if not isinstance(target, types.Array):
            return lambda target, value: operation(target, value)

        def changed(target, value):
            target[...] = operation(target, value)
            return target

        return changed

    return of


def left(value, by):
    """``<<``, whose result has its lowest 64 bits, as those of other operations have."""
    return value << by


@overload(left)
def _left(value, by):
    if not _is_whole(value) or not _is_whole(by):
        return lambda value, by: value << by

    def checked(value, by):
        value, by = int(value), int(by)
        if by < 0:
            raise ValueError("negative shift count")
        # The processor looks at six bits of the count alone.
        return value << by if by < 64 else 0

    return checked


def right(value, by):
    """``>>``, as Python's."""
    return value >> by


@overload(right)
def _right(value, by):
    if not _is_whole(value) or not _is_whole(by):
        return lambda value, by: value >> by

    def checked(value, by):
        value, by = int(value), int(by)
        if by < 0:
            raise ValueError("negative shift count")
        return value >> min(by, 63)

    return checked


@register_jitable
def _size(value):
    """The absolute value, which for the least integer takes one bit more."""
    return numba.uint64(-(value + 1)) + numba.uint64(1) if value < 0 else numba.uint64(value)


@register_jitable
def _quotient(a, b):
    """Divides bit by bit, until there are more bits than a float has and the last one says whether a rest is left."""
    zero, one, enough = numba.uint64(0), numba.uint64(1), numba.uint64(1 << 54)
    of, by = _size(a), _size(b)
    quotient, rest = of // by, of % by
    power = 0
    while quotient < enough and (quotient != zero or rest != zero):
        rest <<= one
        quotient <<= one
        power -= 1
        if rest >= by:
            rest -= by
            quotient |= one
    if rest != zero:
        quotient |= one
    result = math.ldexp(numba.float64(quotient), power)
    return -result if (a < 0) != (b < 0) else result


@register_jitable
def _order(whole, real):
    """Negative, zero or positive as the integer is less than, equal to or greater than the float; NaN beside NaN."""
    if math.isnan(real):
        return math.nan
    if real >= 9223372036854775808.0:
        return -1.0
    if real < -9223372036854775808.0:
        return 1.0
    part = int(real)
    if whole != part:
        return -1.0 if whole < part else 1.0
    # Of a float as large as this nothing stands behind the point, and of a small one the part is exact.
    return float(part) - real


def _compared(compare):
    """A comparison that is exact between an integer and a float."""

    def of(a, b):
        return compare(a, b)

    @overload(of)
    def _of(a, b):
        if _is_whole(a) and isinstance(b, types.Float):

            def left(a, b):
                if _is_short(int(a)):
                    return compare(float(int(a)), b)
                return compare(_order(int(a), b), 0.0)

            return left
        if isinstance(a, types.Float) and _is_whole(b):

            def right(a, b):
                if _is_short(int(b)):
                    return compare(a, float(int(b)))
                return compare(0.0, _order(int(b), a))

            return right
        return lambda a, b: compare(a, b)

    return of


def _chosen(choose, replaces):
    """``max`` or ``min`` of two; raises where an integer is chosen that the float, which it becomes, cannot hold."""

    def of(a, b):
        return choose(a, b)

    @overload(of)
    def _of(a, b):
        if _is_whole(a) and isinstance(b, types.Float):
            return lambda a, b: b if replaces(b, a) else kept(int(a))
        if isinstance(a, types.Float) and _is_whole(b):
            return lambda a, b: kept(int(b)) if replaces(b, a) else a
        return lambda a, b: choose(a, b)

    return of


def _chained(first, second):
    """Two comparisons of three values."""

    def of(a, b, c):
        return first(a, b) and second(b, c)

    @overload(of)
    def _of(a, b, c):
        return lambda a, b, c: first(a, b) and second(b, c)

    return of


_COMPARED = {name: _compared(getattr(operator, name)) for name in ("lt", "le", "gt", "ge", "eq", "ne")}


def invert(value):
    """``~``; numba takes the form below."""
    return ~value


@overload(invert)
def _invert(value):
    if isinstance(value, types.Boolean):
        raise numba.errors.TypingError("~ of True or False cannot be compiled, which in Python is -2 or -1: write not")
    return lambda value: ~value


EXACT = {
    "_pl_invert": invert,
    "_pl_to_f": to_f,
    "_pl_divide": divide,
    "_pl_max": _chosen(max, _COMPARED["gt"]),
    "_pl_min": _chosen(min, _COMPARED["lt"]),
    **{f"_pl_{name}": compared for name, compared in _COMPARED.items()},
    **{f"_pl_{one}_{two}": _chained(_COMPARED[one], _COMPARED[two]) for one in _COMPARED for two in _COMPARED},
    "_pl_left": left,
    "_pl_right": right,
    "_pl_divide_in_place": in_place(divide),
    "_pl_left_in_place": in_place(left),
    "_pl_right_in_place": in_place(right),
}
