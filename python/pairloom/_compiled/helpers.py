"""What compiled strategies call: functions that numba compiles into them.

The words of the answer are those of ``Answer`` and ``Request`` in
``rust/strategy/src/abi.rs``; a test compares the two.
"""

# mypy: ignore-errors
# ruff: noqa: ARG001, ARG005
# numba reads these functions itself: it types them by what they do, not by annotations.

from __future__ import annotations

import math

import numba
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from pairloom._compiled.exact import EXACT
from pairloom._compiled.maths import MATHS
from pairloom._compiled.signals import SIGNALS, inner

__all__ = ["HELPERS", "ROOM"]

ANSWER_WORDS, REQUEST_WORDS, ROOM = 11, 9, 64
BUY, SELL, REPLACE, CANCEL, CANCEL_ALL = 1, 2, 3, 4, 5


@intrinsic
def pointer(typing, address):
    """The address as a pointer."""

    def make(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), make


@intrinsic
def readonly(typing, array):
    """The same array, into which nothing can be written."""

    def make(context, builder, signature, arguments):
        context.nrt.incref(builder, signature.args[0], arguments[0])
        return arguments[0]

    return types.Array(array.dtype, array.ndim, array.layout, readonly=True)(array), make


def to_i(value):
    """An integer for an integer field."""
    return int(value)


@overload(to_i)
def _to_i(value):
    if isinstance(value, types.Integer | types.Boolean):
        return lambda value: int(value)
    if isinstance(value, types.EnumMember | types.IntEnumMember):
        raise numba.errors.TypingError(f"an integer field cannot hold {value}: write int(...) of the member")
    raise numba.errors.TypingError(
        f"an integer field cannot hold {value}: start it as a float in setup (0.0, not 0), or write int(...)"
    )


def to_b(value):
    """A bool for a bool field."""
    return int(value)


@overload(to_b)
def _to_b(value):
    if isinstance(value, types.Boolean):
        return lambda value: 1 if value else 0
    raise numba.errors.TypingError(f"a field that starts as True or False cannot hold {value}; write bool(...)")


@register_jitable
def event(words, integers, kind, at):
    """A number of the event, when it is one of that kind."""
    if (integers[0] >> 32) & 0xFFFFFFFF != kind:
        raise ValueError("the event is of another kind")
    return words[at]


@register_jitable
def crossed_above(before, now, level_before, level):
    """Whether a line rose above another with the last update."""
    return before <= level_before and now > level


@register_jitable
def crossed_below(before, now, level_before, level):
    """Whether a line fell below another with the last update."""
    return before >= level_before and now < level


def number(value):
    """A float, NaN where there is none."""
    return math.nan if value is None else float(value)


@overload(number)
def _number(value):
    if isinstance(value, types.NoneType | types.Omitted):
        return lambda value: math.nan
    if isinstance(value, types.Optional):
        return lambda value: math.nan if value is None else _given(float(value))
    return lambda value: _given(float(value))


@register_jitable
def _given(value):
    # A number that was given and is none must be refused like one, and not read as if none had been given.
    return math.inf if math.isnan(value) else value


@intrinsic
def words(typing, value):
    """The bits of a float."""

    def make(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), make


@register_jitable
def _ask(answer, action, tif, order, quantity, limit, reduce_only):
    count = answer[7]
    if count >= answer[6]:
        raise ValueError("one call may ask for 64 orders at most")
    request = numba.carray(pointer(answer[5] + count * REQUEST_WORDS * 8), (REQUEST_WORDS,), numba.int64)
    request[0] = action | (tif << 32)
    request[1] = order
    request[2] = words(quantity)
    request[3] = words(limit)
    request[4] = 1 if reduce_only else 0
    answer[7] = count + 1


@register_jitable
def buy(answer, quantity, limit, reduce_only, tif):
    """Asks for a purchase; its number."""
    order = answer[4]
    answer[4] = order + 1
    _ask(answer, BUY, tif, order, number(quantity), number(limit), reduce_only)
    return order


@register_jitable
def sell(answer, quantity, limit, reduce_only, tif):
    """Asks for a sale; its number."""
    order = answer[4]
    answer[4] = order + 1
    _ask(answer, SELL, tif, order, number(quantity), number(limit), reduce_only)
    return order


def _number_of_order(order):
    """The number of an order, which is a whole one and not negative; numba takes the form below."""


@overload(_number_of_order)
def _number_of_order_compiled(order):
    if not isinstance(order, types.Integer | types.Boolean):
        raise numba.errors.TypingError(f"the number of an order cannot be {order}; give what buy or sell returned")

    def checked(order):
        if int(order) < 0:
            raise ValueError("the number of an order cannot be negative")
        return int(order)

    return checked


@register_jitable
def replace(answer, order, quantity, limit):
    """Asks to cancel an order and to send it anew."""
    _ask(answer, REPLACE, 0, _number_of_order(order), number(quantity), number(limit), False)


def cancel(answer, order):
    """Asks to cancel one order or all; numba takes the form below."""


@overload(cancel)
def _cancel(answer, order):
    if isinstance(order, types.NoneType | types.Omitted):
        return lambda answer, order: _ask(answer, CANCEL_ALL, 0, 0, math.nan, math.nan, False)
    if isinstance(order, types.Optional):

        def either(answer, order):
            if order is None:
                _ask(answer, CANCEL_ALL, 0, 0, math.nan, math.nan, False)
            else:
                _ask(answer, CANCEL, 0, _number_of_order(inner(order)), math.nan, math.nan, False)

        return either
    return lambda answer, order: _ask(answer, CANCEL, 0, _number_of_order(order), math.nan, math.nan, False)


HELPERS = {
    **MATHS,
    **EXACT,
    **SIGNALS,
    "_pl_to_i": to_i,
    "_pl_to_b": to_b,
    "_pl_event": event,
    "_pl_crossed_above": crossed_above,
    "_pl_crossed_below": crossed_below,
    "_pl_buy": buy,
    "_pl_sell": sell,
    "_pl_replace": replace,
    "_pl_cancel": cancel,
    "_pl_isnan": math.isnan,
    "_pl_nan": math.nan,
    "_pl_words": words,
    "_pl_pointer": pointer,
    "_pl_readonly": readonly,
    "_pl_carray": numba.carray,
    "_pl_float64": numba.float64,
    "_pl_int64": numba.int64,
}
