"""What compiled code depends on outside its own source: said whole, once, and in a moment."""

from __future__ import annotations

from types import ModuleType
from typing import Any

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
