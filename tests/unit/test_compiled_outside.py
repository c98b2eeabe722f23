"""What compiled code depends on outside its own source: said whole, once, and in a moment."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from pairloom._compiled.outside import fingerprint


def module(name: str, code: str) -> ModuleType:
    made = ModuleType(name)
    exec(code, vars(made))
    return made


def test_functions_that_are_read_from_many_places_are_said_once() -> None:
    """Each calls the two behind it: said anew from each place, that would never end."""

    def chain(last: float) -> Any:
        calls = [f"def f{at}(x): return f{at + 1}(x) + f{at + 2}(x)" for at in range(60)]
        return module("chain", "\n".join([*calls, f"def f60(x): return {last}", "def f61(x): return f0(x)"]))

    one, same, other = (fingerprint({"f": chain(last).f0}, ()) for last in (1.0, 1.0, 2.0))
    assert one == same != other
    assert len(one) < 20_000


def test_a_module_is_said_as_far_as_each_reads_it() -> None:
    """The code reads `level` alone; what that reads of the same module counts, too."""

    def settings(limit: float, unread: float) -> dict[str, Any]:
        inner = module("settings", f"LIMIT = {limit}\nUNREAD = {unread}\ndef level(): return me.LIMIT")
        inner.__dict__["me"] = inner
        return {"settings": inner}

    base = fingerprint(settings(1.0, 1.0), {"level"})
    assert base == fingerprint(settings(1.0, 2.0), {"level"})
    assert base != fingerprint(settings(2.0, 1.0), {"level"})


def test_functions_of_libraries_are_named_and_not_followed() -> None:
    import statistics

    assert fingerprint({"mean": statistics.mean}, ()) == "mean=function statistics.mean"


def said(code: str, name: str = "f") -> str:
    made = module("author", code)
    return fingerprint({name: vars(made)[name]}, {"HIGH"})


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("import enum\nclass f(enum.IntEnum):\n    HIGH = 100", "100", "50"),
        ("import enum\nclass f(enum.IntEnum):\n    HIGH = 100", "HIGH", "LOW"),
        ("import enum\nclass f(enum.Enum):\n    HIGH = 1", "enum.Enum", "enum.IntEnum"),
        ("import numba\n@numba.vectorize\ndef f(x): return x + 1", "x + 1", "x + 2"),
        ("import numba\n@numba.guvectorize('(n)->()')\ndef f(x, r): r[0] = x[0]", "x[0]", "x[1]"),
        ("import numba\n@numba.cfunc('float64(float64)')\ndef f(x): return x + 1", "x + 1", "x + 2"),
        ("import numba\n@numba.njit\ndef f(x): return x + 1", "njit", "njit(fastmath=True)"),
        ("import numba\n@numba.vectorize\ndef f(x): return x + 1", "vectorize", "vectorize(fastmath=True)"),
        ("from collections import namedtuple\nf = namedtuple('P', 'a b')(1, 2)", "a b", "b a"),
        ("from collections import namedtuple\nf = namedtuple('P', 'a b')", "a b", "b a"),
    ],
)
def test_what_the_text_of_a_value_leaves_out_is_said(code: str, before: str, after: str) -> None:
    pytest.importorskip("numba")
    assert before in code
    assert said(code) == said(code)
    assert said(code) != said(code.replace(before, after))
