"""Numbers in compiled code: each operation gives and raises what CPython's does, bit by bit."""

from __future__ import annotations

import itertools
import math
import operator
import random
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, seed, strategies

pytest.importorskip("numba")

from pairloom._compiled.arithmetic import OF_C

SPECIAL = [
    *(math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, 2.5, 3.0, -3.0, 10.0, math.pi),
    *(1e308, -1e308, 1.7e308, 5e-324, -5e-324, 1e-310, 1e300, 710.0, -745.2, -746.0, 1024.0, -1075.0),
    *(2.0**52, 2.0**53, -(2.0**53), 2.0**62, math.nextafter(2.0**63, 0), 2.0**63, -(2.0**63), -(2.0**63) - 2048, 1e19),
    *(math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0)),
]
WORDS = strategies.integers(-(2**63), 2**63 - 1) | strategies.integers(0, 63).flatmap(
    lambda bits: strategies.integers(max(-(2**63), 2**bits - 1000), min(2**63 - 1, 2**bits + 1000))
)


@cache
def compiled(name: str, arguments: str = "a") -> Any:
    """A helper of compiled code, called with these arguments."""
    import numba

    from pairloom._compiled.helpers import HELPERS

    names = [each for each in "ab" if each in arguments]
    space = {"helper": HELPERS[f"_pl_{name}"]}
    exec(f"def call({', '.join(names)}): return helper({arguments})", space)
    return numba.njit(space["call"])


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """The bits of what it gives, or the name of what it raises."""
    try:
        result = function(*arguments)
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__
    if isinstance(result, complex):
        return "no float"
    if isinstance(result, float):
        return "nan" if math.isnan(result) else struct.pack("d", result).hex()
    return result if -(2**63) <= result < 2**63 else "OverflowError"


def some(count: int) -> list[float]:
    """Random numbers of many sizes, and prices."""
    draw = random.Random(20261128)
    wide = [draw.lognormvariate(0, 5) * draw.choice((1, -1)) for _ in range(count)]
    return [*wide, *(draw.uniform(-1, 1) for _ in range(count)), *(draw.randrange(10**6) / 100 for _ in range(count))]


@pytest.mark.parametrize("name", [*(name for name, count in OF_C.items() if count == 1), "floor", "ceil", "trunc"])
def test_functions_of_one_number(name: str) -> None:
    call, python = compiled(name), getattr(math, name)
    for x in (*SPECIAL, *some(5000), 3, -2, True, False, 2**53 + 1):
        assert outcome(call, x) == outcome(python, x), x


@pytest.mark.parametrize("name", [name for name, count in OF_C.items() if count == 2])
def test_functions_of_two_numbers(name: str) -> None:
    call, python = compiled(name, "a, b"), getattr(math, name)
    numbers = some(5000)
    pairs = itertools.chain(itertools.product(SPECIAL, SPECIAL), zip(numbers, numbers[7:], strict=False), [(3, True)])
    for x, y in itertools.chain(pairs, ((x, y) for x in numbers for y in (2.0, 0.5, -1.0))):
        assert outcome(call, x, y) == outcome(python, x, y), (x, y)


def same_power(one: Any, other: Any) -> bool:
    # Of a negative number to a broken power compiled code gives none, even where the number that it is overflows.
    return one == other or (one == "ValueError" and other in ("no float", "OverflowError"))


def test_powers() -> None:
    call, numbers = compiled("power", "a, b"), some(5000)
    pairs = itertools.chain(itertools.product(SPECIAL, SPECIAL), zip(numbers, numbers[7:], strict=False), [(3, 0.5)])
    of_prices = ((abs(x), y) for x, y in zip(numbers, numbers[9:], strict=False))
    for x, y in itertools.chain(pairs, of_prices):
        assert same_power(outcome(call, x, y), outcome(operator.pow, x, y)), (x, y)


@pytest.mark.parametrize("exponent", ["2", "-1", "3", "0.5", "2.0", "-0.5"])
def test_powers_that_an_optimiser_knows_better(exponent: str) -> None:
    """CPython calls ``pow`` of C for a square, too, which a product does not always equal."""
    call, value = compiled("power", f"a, {exponent}"), float(exponent)
    wrong = [x for x in (*SPECIAL, *some(5000)) if not same_power(outcome(call, x), outcome(operator.pow, x, value))]
    assert wrong == []


@pytest.mark.parametrize("base", ["2", "4.0", "10"])
def test_powers_of_a_base_that_an_optimiser_knows_better(base: str) -> None:
    call, value = compiled("power", f"{base}, a"), float(base)
    assert [y for y in (*SPECIAL, *some(5000)) if outcome(call, y) != outcome(operator.pow, value, y)] == []


def test_round_and_int_to_an_integer() -> None:
    for name, python in (("round", round), ("int", int)):
        for x in (*SPECIAL, *some(2000), *(each + 0.5 for each in range(-20, 20)), 3, True, -(2**63)):
            assert outcome(compiled(name), x) == outcome(python, x), x


@seed(20261123)
@given(
    strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.integers(-(10**12), 10**12).map(lambda n: n / 1e3),
    strategies.integers(0, 10),
)
def test_rounding_to_digits(value: float, digits: int) -> None:
    assert outcome(compiled("round", "a, b"), value, digits) == outcome(round, value, digits)


def test_rounding_of_special_values_and_to_tens() -> None:
    """Where compiled code cannot tell it raises; it never gives another number."""
    call = compiled("round", "a, b")
    halves = [each * 5.0 for each in range(-30, 30)] + [each + 0.5 for each in range(-30, 30)]
    for x, digits in itertools.product([*SPECIAL, *some(300), *halves], range(-26, 28)):
        mine = outcome(call, x, digits)
        assert mine == outcome(round, x, digits) or (mine == "ValueError" and not 1e-6 < abs(x) < 1e14), (x, digits)
    for n, digits in itertools.product([0, 15, -15, 25, 149, 2**63 - 1, -(2**63), 5 * 10**17], range(-21, 3)):
        assert outcome(call, n, digits) == outcome(round, n, digits) or digits == -19, (n, digits)


@seed(20261128)
@given(WORDS, WORDS)
def test_a_quotient_of_integers_is_rounded_once(a: int, b: int) -> None:
    assert outcome(compiled("divide", "a, b"), a, b) == outcome(operator.truediv, a, b)


def test_quotients_of_what_is_no_long_integer() -> None:
    call = compiled("divide", "a, b")
    for a, b in itertools.product([*SPECIAL, 3, 0, True, 2**53 + 1], [1.0, -2, 0, 0.0, True, math.nan]):
        assert outcome(call, a, b) == outcome(operator.truediv, a, b), (a, b)


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_an_integer_is_compared_with_a_float_as_it_is(name: str) -> None:
    call, python = compiled(name, "a, b"), getattr(operator, name)
    draw = random.Random(7)
    long = [draw.randrange(-(2**bits), 2**bits) for bits in range(50, 64) for _ in range(20)]
    for whole in (*long, 0, 1, -5, 2**63 - 1, -(2**63), 2**53, 2**53 + 1, True):
        near = float(whole)
        for real in (*SPECIAL, near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf), near + 0.5):
            assert call(whole, real) == python(whole, real), (whole, real)
            assert call(real, whole) == python(real, whole), (real, whole)


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_greatest_of_an_integer_and_a_float_is_no_rounded_integer(name: str) -> None:
    call, python = compiled(name, "a, b"), {"max": max, "min": min}[name]
    for whole, real in itertools.product([0, 3, -7, 2**53 + 1, -(2**60) - 1], SPECIAL):
        for pair in ((whole, real), (real, whole)):
            chosen = python(*pair)
            is_lost = isinstance(chosen, int) and abs(chosen) > 2**53
            assert outcome(call, *pair) == ("ValueError" if is_lost else outcome(float, chosen)), pair


def test_a_float_field_is_given_no_integer_that_it_cannot_hold() -> None:
    call = compiled("to_f")
    assert [call(value) for value in (3, True, -(2**53), 2**53, 1.5)] == [3.0, 1.0, -(2.0**53), 2.0**53, 1.5]
    for lost in (2**53 + 1, -(2**53) - 1, 2**60, 2**63 - 1, -(2**63)):
        with pytest.raises(ValueError, match="53 bits"):
            call(lost)


@pytest.mark.parametrize("name", ["fabs", "degrees", "radians", "isnan", "isinf", "isfinite"])
def test_what_is_left_to_numba_is_the_same_there(name: str) -> None:
    import numba

    python = getattr(math, name)
    call = numba.njit(lambda x: python(x))
    for x in (*SPECIAL, *some(5000)):
        assert outcome(call, x) == outcome(python, x), x


@pytest.mark.parametrize("name", ["copysign", "nextafter"])
def test_what_is_left_to_numba_of_two_numbers_is_the_same_there(name: str) -> None:
    import numba

    python = getattr(math, name)
    call = numba.njit(lambda x, y: python(x, y))
    for x, y in itertools.product(SPECIAL, SPECIAL):
        assert outcome(call, x, y) == outcome(python, x, y), (x, y)


def test_without_the_function_of_c_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba
    import numpy as np

    from pairloom._compiled import libm, maths

    monkeypatch.setattr(libm, "_libraries", lambda: ("no such library",))
    assert libm.of_c("pow", 2) is None
    monkeypatch.setitem(maths._OF_C, "pow", None)
    call = numba.njit(lambda x: maths.power(x, 2.5))
    with pytest.raises(numba.errors.TypingError, match=r"pow of the C library cannot be called here.*uncompiled"):
        # A type that no other test has, so that it is not known already.
        call(np.float32(3.0))


def tens(value: float, ndigits: int) -> None:
    assert outcome(compiled("round", "a, b"), value, ndigits) == outcome(round, value, ndigits), (value, ndigits)


@seed(11)
@given(strategies.floats(min_value=0.1, max_value=1e25), strategies.integers(-22, -1))
def test_large_numbers_are_rounded_to_tens_as_in_python(value: float, ndigits: int) -> None:
    """Also those beyond 53 bits, of which the number of tens is no float, and those that stand in the middle."""
    scale = 10**-ndigits
    for each in (value, -value, float(int(value)), float(int(value) // scale * scale + scale // 2)):
        tens(each, ndigits)


@pytest.mark.parametrize("value", [4.6e16, 2.0**60, 2.0**55 + 8, 1.2345678901234567e18, 5e16 + 5, 35.0, 25.0, 15.0])
def test_these_are_rounded_to_tens_as_in_python(value: float) -> None:
    for ndigits in range(-22, 0):
        tens(value, ndigits)
