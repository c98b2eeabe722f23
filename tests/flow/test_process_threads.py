"""Worker processes and threads: two of them may pack strategies at once, whichever comes first."""

from __future__ import annotations

import sys
import threading
import types
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from typing import Any

import pytest

import process_strategies
from pairloom._travel import pack_strategies, unpack_strategies

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

# How long one thread waits for another, which comes at once where nothing keeps it.
MOST_S = 0.5
LIMIT_S = 20.0


def test_one_thread_packs_while_another_imports_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    importing, packed = threading.Event(), threading.Event()

    class Slow(MetaPathFinder):
        def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
            if fullname == "cloudpickle.cloudpickle":
                importing.set()
                packed.wait(MOST_S)
                return PathFinder.find_spec(fullname, path, target)
            return None

    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudpickle"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Slow(), *sys.meta_path])
    other = threading.Thread(target=__import__, args=("cloudpickle",))
    other.start()
    try:
        assert importing.wait(LIMIT_S)
        assert pack_strategies([process_strategies.Moody()])
    finally:
        packed.set()
        other.join()


class Meeting:
    """A parameter that meets another thread as it is packed for the second time, which is when its class goes whole."""

    def __init__(self, here: threading.Event, there: threading.Event, most: float) -> None:
        self.here, self.there, self.most = here, there, most
        self.times = 0

    def __reduce__(self) -> Any:
        self.times += 1
        if self.times == 2:
            self.here.set()
            self.there.wait(self.most)
        return int, ()


def test_a_class_travels_whole_while_another_thread_ends_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    made = types.ModuleType("made_meanwhile")
    exec("class Held:\n    def used(self): ...\nclass Later:\n    def used(self): ...", made.__dict__)
    monkeypatch.setitem(sys.modules, "made_meanwhile", made)
    inside, behind, through = threading.Event(), threading.Event(), threading.Event()

    def holding(meeting: Meeting) -> Any:
        held = made.Held()
        held.first, held.then = meeting, made.Later()
        return held

    def ends() -> None:
        pack_strategies([holding(Meeting(inside, behind, MOST_S))])
        through.set()

    other = threading.Thread(target=ends)
    other.start()
    assert inside.wait(LIMIT_S)
    # This one begins while the other is packing, and is still at it when the other has ended.
    packed = pack_strategies([holding(Meeting(behind, through, LIMIT_S))])
    other.join()
    monkeypatch.delitem(sys.modules, "made_meanwhile")
    (held,) = unpack_strategies(packed)
    assert type(held.then).__name__ == "Later"  # type: ignore[attr-defined]
