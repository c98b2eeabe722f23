"""Values in words by which a journal knows whether they are the same."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
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
        (np.array(["a", None], dtype=object), np.array(["b", None], dtype=object)),
        (series(LONG), series(OTHER)),
        (pd.DataFrame({"a": LONG}), pd.DataFrame({"a": OTHER})),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (pd.Index(range(200)), pd.Index(range(1, 201))),
        ({"deep": [(LONG,)]}, {"deep": [(OTHER,)]}),
        (Rules(LONG), Rules(OTHER)),
        (Plain(1), Plain(2)),
        (Plain(LONG), Plain(OTHER)),
    ],
)
def test_what_differs_is_told_apart(one: Any, other: Any) -> None:
    assert text(one) != text(other)
    assert text(one) == text(one)
    assert len(text(one)) < 200


@pytest.mark.parametrize("value", [1, 2.5, "a", None, (1,), (1, "b"), [1, [2]], {"a": (1, 2)}, Rules([1]), frozenset()])
def test_what_a_repr_tells_whole_is_told_by_it(value: Any) -> None:
    assert text(value) == (value if isinstance(value, str) else repr(value))


def test_every_process_tells_the_same() -> None:
    code = (
        "from pairloom._told import text; import numpy\n"
        "class A:\n    def __init__(self): self.words = {'x', 'y', 'z', 'ab'}; self.me = self\n"
        "print(text([{'b', 'c', 'd', 'e'}, A(), numpy.ones(2000)]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
