"""`Signal`: how it is written, read and compared."""

from __future__ import annotations

import copy
import decimal
import pickle
import sys
import typing

import numpy as np
import pytest

from pairloom import Signal


@pytest.mark.parametrize(
    ("signal", "text"),
    [
        (Signal.LONG, "Signal.LONG"),
        (Signal.SHORT, "Signal.SHORT"),
        (Signal.CLOSE, "Signal.CLOSE"),
        (Signal.REVERSE, "Signal.REVERSE"),
        (Signal.long(), "Signal.LONG"),
        (Signal.short(), "Signal.SHORT"),
        (Signal.long(2), "Signal.long(size=2)"),
        (Signal.long(size=0.1, limit=99.5), "Signal.long(size=0.1, limit=99.5)"),
        (Signal.short(limit="1e-5"), "Signal.short(limit=0.00001)"),
        (Signal.long({"quote": 100}), "Signal.long(size={'quote': 100})"),
        (Signal.short(size={"equity": decimal.Decimal("0.25")}), "Signal.short(size={'equity': 0.25})"),
        (Signal.long({"base": 3}), "Signal.long(size=3)"),
        (Signal.target(-1.5), "Signal.target(-1.5)"),
        (Signal.target(0), "Signal.target(0)"),
        (Signal.target(np.float32(0.1)), "Signal.target(0.1)"),
        (Signal.target(float("nan")), "Signal.target(nan)"),
        (Signal.target(-1e300), "Signal.target(-inf)"),
    ],
)
def test_a_signal_prints_as_one_writes_it(signal, text):
    assert repr(signal) == text


def test_equal_signals_are_equal_and_hash_alike():
    assert Signal.long() == Signal.LONG
    assert hash(Signal.long()) == hash(Signal.LONG)
    assert Signal.long(1) == Signal.long(1.0) == Signal.long({"base": "1.000"})
    assert len({Signal.long(1), Signal.long("1"), Signal.long(1.0), Signal.LONG}) == 2
    different = [
        Signal.LONG,
        Signal.SHORT,
        Signal.CLOSE,
        Signal.REVERSE,
        Signal.long(1),
        Signal.long({"quote": 1}),
        Signal.long(1, limit=2),
        Signal.short(1),
        Signal.target(1),
        Signal.target(-1),
    ]
    assert len(set(different)) == len(different)
    assert all(one != other for one in different for other in different if one is not other)
    assert Signal.LONG != "Signal.LONG"
    assert Signal.LONG is not None


@pytest.mark.parametrize("size", [None, True, "many", [1], object, {"base": "many"}, {"quote": None}], ids=repr)
def test_a_size_that_is_no_number_is_a_type_error(size):
    with pytest.raises(TypeError, match="size"):
        Signal.target(size)


@pytest.mark.parametrize("size", [{}, {"percent": 1}, {"base": 1, "quote": 1}, {1: 1}, {"BASE": 1}], ids=repr)
def test_a_dict_of_a_size_has_one_of_three_keys(size):
    for make in (Signal.long, Signal.short, Signal.target):
        with pytest.raises(TypeError, match=r"\{'base': 1.5\}, \{'quote': 100\} or \{'equity': 0.1\}"):
            make(size)


def test_limits_are_keywords_and_numbers():
    with pytest.raises(TypeError):
        Signal.long(1, 2)
    with pytest.raises(TypeError, match="limit is 'low', a str; give a number"):
        Signal.long(limit="low")


def test_a_signal_never_changes_and_is_made_only_by_its_methods():
    with pytest.raises(AttributeError):
        Signal.LONG.size = 1
    with pytest.raises(TypeError):
        Signal()
    with pytest.raises(TypeError):
        type("Mine", (Signal,), {})


# The class of `Signal` knows its constants; all else about it is as of any class


def test_a_constant_is_one_object_however_it_is_read() -> None:
    for name in ("LONG", "SHORT", "CLOSE", "REVERSE"):
        # A name that was put together is not the object that code has.
        put_together = "".join(list(name))
        found = getattr(Signal, put_together)
        assert found is getattr(Signal, name) is vars(Signal)[name]
        assert eval(f"Signal.{name}") is found
        assert found == found and isinstance(found, Signal)


def test_the_class_is_a_class_as_others_are() -> None:
    assert isinstance(Signal, type) and issubclass(type(Signal), type)
    assert Signal.__name__ == "Signal" and Signal.__module__ == "pairloom"
    assert callable(Signal.long) and "LONG" in dir(Signal)
    assert not hasattr(Signal, "LONGER")
    with pytest.raises(AttributeError, match="has no attribute 'LONGER'"):
        getattr(Signal, "LON" + "GER")
    assert pickle.loads(pickle.dumps(Signal)) is Signal
    assert copy.deepcopy(Signal) is Signal
    assert typing.get_args(Signal | None) == (Signal, type(None))
    assert typing.get_type_hints(_annotated)["return"] == (Signal | None)
    with pytest.raises(TypeError):
        type("More", (Signal,), {})
    if type(Signal) is not type:
        with pytest.raises(TypeError):
            type(Signal)("Other", (), {})


def _annotated() -> Signal | None: ...


def test_constants_are_counted_like_any_object() -> None:
    before = sys.getrefcount(Signal.LONG)
    held = [Signal.LONG for _ in range(1_000)]
    between = sys.getrefcount(Signal.LONG)
    del held
    after = sys.getrefcount(Signal.LONG)
    # An interpreter that never lets such an object go counts nothing.
    assert (between - before, after - before) in {(1_000, 0), (0, 0)}
