"""Values in words by which a journal knows whether they are the same."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pairloom._told import text


@dataclasses.dataclass
class Rules:
    levels: Any
    name: str = "a"


class Plain:
    def __init__(self, level: Any) -> None:
        self.level = level


LONG = np.arange(5_000) / 7
OTHER = LONG.copy()
OTHER[2_500] += 1e-12


def series(values: Any) -> pd.Series:
    return pd.Series(values, name="s")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, OTHER),
        (np.array([0.1234567890123]), np.array([0.1234567890124])),
        (np.array(["a", None] * 900, dtype=object), np.array(["a", None] * 899 + ["b", None], dtype=object)),
        (LONG.astype(np.longdouble), OTHER.astype(np.longdouble)),
        (series(LONG), series(OTHER)),
        (series(["a"] * 200), series(["a"] * 100 + ["b"] + ["a"] * 99)),
        (series(LONG).astype("Float64"), series(OTHER).astype("Float64")),
        (pd.DataFrame({"a": LONG}), pd.DataFrame({"a": OTHER})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]}, index=[1, 2])),
        (pd.date_range("2024", periods=200), pd.date_range("2024", periods=200, tz="UTC")),
        (pd.Index(range(200)), pd.Index([*range(100), 7, *range(101, 200)])),
        ({"deep": [(LONG,)]}, {"deep": [(OTHER,)]}),
        (OrderedDict(a=LONG), OrderedDict(a=OTHER)),
        (Rules(LONG), Rules(OTHER)),
        (Plain(LONG), Plain(OTHER)),
    ],
)
def test_what_differs_is_told_apart(one: Any, other: Any) -> None:
    assert text(one) != text(other)
    assert text(one) == text(one)


@pytest.mark.parametrize("value", [1, 2.5, "a", None, (1,), (1, "b"), [1, [2]], {"a": (1, 2)}, Rules([1]), frozenset()])
def test_what_a_repr_tells_whole_is_told_by_it(value: Any) -> None:
    assert text(value) == (value if isinstance(value, str) else repr(value))


def test_what_a_repr_keeps_to_itself_stays_there() -> None:
    @dataclasses.dataclass
    class Api:
        url: str
        key: str = dataclasses.field(repr=False)

    told = text({"api": Api("u", "secret"), "plain": Plain("secret")})
    assert "secret" not in told


def test_what_holds_itself_or_another_twice_is_told_once() -> None:
    ring: dict[str, Any] = {"array": LONG}
    for name in "abcdefgh":
        ring[name] = [ring] * 8
    assert len(text(ring)) < 3_000
    assert len(re.findall(r"\([0-9a-f]{16}\)", text(ring))) == 1


def test_every_process_tells_the_same() -> None:
    code = (
        "from pairloom._told import text; import numpy, pandas\n"
        "class A:\n    def __init__(self): self.words = {'x', 'y', 'z', 'ab'}; self.me = self\n"
        "print(text({'b', 'c', 'd', 'e'}), text([A(), numpy.ones(2000), numpy.ones(5, dtype=numpy.longdouble),\n"
        "    pandas.Series([A(), A()]), pandas.DataFrame({'a': [A()], 'b': [print]}), lambda: 1]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
