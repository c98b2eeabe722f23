"""Signals in compiled code: values that carry their size and their limit price to wherever they are returned."""

# mypy: ignore-errors
# ruff: noqa: ARG001, ARG005
# numba reads these functions itself: it types them by what they do, not by annotations.

from __future__ import annotations

import math
import operator

import numba
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_jitable, register_model

from pairloom._compiled.exact import kept

__all__ = ["SIGNALS"]

# A signal is a word, a size and a limit price. In the word are its number, above it the unit of its size (zero where it
# names none), whether it names a limit price, and whether it is an object of its own, as what a call gives is.
UNIT, LIMIT, OWN = 8, 1 << 16, 1 << 17
# Set where it names a size or a limit price.
SAYS_MORE = (255 << UNIT) | LIMIT


class SignalType(types.Type):
    """The type of signals; a number, a tuple or a text is none, and has nothing that a signal has not."""

    def __init__(self):
        super().__init__("Signal")


SIGNAL = SignalType()


@register_model(SignalType)
class _Model(models.StructModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, [("word", types.int64), ("size", types.float64), ("limit", types.float64)])


@intrinsic
def signal(typing, word, size, limit):
    """A signal of these three."""

    def make(context, builder, signature, arguments):
        made = cgutils.create_struct_proxy(SIGNAL)(context, builder)
        made.word, made.size, made.limit = arguments
        return made._getvalue()

    return SIGNAL(types.int64, types.float64, types.float64), make


@intrinsic
def _parts(typing, given):
    """The three of a signal."""
    parts = types.Tuple((types.int64, types.float64, types.float64))

    def make(context, builder, signature, arguments):
        held = cgutils.create_struct_proxy(SIGNAL)(context, builder, value=arguments[0])
        return context.make_tuple(builder, parts, (held.word, held.size, held.limit))

    return parts(SIGNAL), make


@intrinsic
def inner(typing, optional):
    """What an optional value holds, once it is known to hold something."""

    def make(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], optional, optional.type)

    return optional.type(optional), make


def _is_none(kind):
    return isinstance(kind, types.NoneType | types.Omitted)


def _is_signal(kind):
    return (kind.type if isinstance(kind, types.Optional) else kind) is SIGNAL


# What is returned.


def answer(returned):
    """The word, the size and the limit price of what a rule returned; numba takes the form below."""


@overload(answer)
def _answer(returned):
    if _is_none(returned):
        return lambda returned: (0, 0.0, 0.0)
    if not _is_signal(returned):
        raise numba.errors.TypingError(f"it returns {returned}, which is no Signal")
    if isinstance(returned, types.Optional):
        return lambda returned: (0, 0.0, 0.0) if returned is None else _parts(inner(returned))
    return lambda returned: _parts(returned)


# How one is made.


def _amount(value):
    """The number that a signal names, as a float; numba takes the form below."""


@overload(_amount)
def _amount_compiled(value):
    if _is_none(value):
        return lambda value: 0.0
    if isinstance(value, types.Optional):
        return lambda value: 0.0 if value is None else _amount(inner(value))
    if isinstance(value, types.Integer):
        return lambda value: kept(value)
    if isinstance(value, types.Float):
        return lambda value: float(value)
    raise numba.errors.TypingError(f"the size and the limit of a signal cannot be {value}; give a number")


def needed(value):
    """A number that cannot be left away; numba takes the form below."""


@overload(needed)
def _needed(value):
    if _is_none(value) or isinstance(value, types.Optional):
        raise numba.errors.TypingError(
            "its size may be None here, and None cannot be a size: return another signal where there is no number"
        )
    return lambda value: value


@register_jitable
def sized(code, unit, size, limit):
    """What ``Signal.long(size=..., limit=...)`` and its kin give."""
    word = code | OWN
    if size is not None:
        word |= unit << UNIT
    if limit is not None:
        word |= LIMIT
    return signal(word, _amount(size), _amount(limit))


# How two are compared.


@register_jitable
def _same_number(a, b):
    """Whether two floats are one number as signals have it, which is a decimal of 28 digits."""
    if a == b:
        return True
    if not math.isfinite(a) or not math.isfinite(b):
        return math.isfinite(a) == math.isfinite(b)
    if (abs(a) < 1e-10 and abs(b) < 1e-10) or (abs(a) > 7e28 and abs(b) > 7e28):
        raise ValueError("two signals are compared whose numbers are too small or too large for it")
    return False


@register_jitable
def _same(a, b):
    of_a, of_b = _parts(a), _parts(b)
    if (of_a[0] | OWN) != (of_b[0] | OWN):
        return False
    return _same_number(of_a[1], of_b[1]) and _same_number(of_a[2], of_b[2])


def _equal(a, b):
    """What compares these types; ``None`` where there is no signal among them."""
    if not _is_signal(a) and not _is_signal(b):
        return None
    if _is_none(b):
        return lambda a, b: a is None
    if _is_none(a):
        return lambda a, b: b is None
    if not _is_signal(a) or not _is_signal(b):
        raise numba.errors.TypingError(f"{a} cannot be compared with {b}")
    if isinstance(a, types.Optional) and isinstance(b, types.Optional):
        return lambda a, b: b is None if a is None else (b is not None and _same(inner(a), inner(b)))
    if isinstance(a, types.Optional):
        return lambda a, b: a is not None and _same(inner(a), b)
    if isinstance(b, types.Optional):
        return lambda a, b: b is not None and _same(a, inner(b))
    return lambda a, b: _same(a, b)


def equal(a, b):
    """Whether two signals are alike; numba takes the form below."""


overload(equal)(_equal)
overload(operator.eq)(_equal)


@overload(operator.ne)
def _unequal(a, b):
    return None if _equal(a, b) is None else lambda a, b: not equal(a, b)


@overload(bool)
def _truth(given):
    # Whoever asks whether there is a signal asks whether it is None.
    if given is SIGNAL:
        return lambda given: True
    if _is_signal(given):
        return lambda given: given is not None
    return None


def identical(a, b):
    """``is`` of two of which neither is written as ``None``; numba takes the form below."""
    return a is b


@overload(identical)
def _identical(a, b):
    if _is_signal(a) or _is_signal(b):
        raise numba.errors.TypingError("two signals cannot be compared with is: write == or !=")
    members = types.EnumMember | types.IntEnumMember
    if isinstance(a, types.Number) or isinstance(b, types.Number):
        # A member of an enum that is a field is a plain number here.
        what = "a member of an enum and a number" if isinstance(a, members) or isinstance(b, members) else "numbers"
        raise numba.errors.TypingError(f"{what} cannot be compared with is: write == or !=")
    return lambda a, b: a is b


def is_constant(given, constant):
    """``is`` of a value and ``Signal.LONG`` or another constant; numba takes the form below."""


@overload(is_constant)
def _is_constant(given, constant):
    if _is_none(given) or not _is_signal(given):
        return lambda given, constant: False
    if isinstance(given, types.Optional):
        return lambda given, constant: given is not None and _parts(inner(given))[0] == _parts(constant)[0]
    return lambda given, constant: _parts(given)[0] == _parts(constant)[0]


SIGNALS = {
    "_pl_answer": answer,
    "_pl_is": identical,
    "_pl_is_constant": is_constant,
    "_pl_needed": needed,
    "_pl_signal": signal,
    "_pl_sized": sized,
}
