"""Worker processes and modules: which ones they import, what these may do meanwhile, and what travels instead."""

from __future__ import annotations

import decimal
import importlib
import logging
import os
import re
import signal
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import Engine
from process_strategies import Nesting, Surrounded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def candles() -> Any:
    return pairloom.synthetic(2, rows=60, seed=3, volatility=0.01)


def run(strategy: Any, data: Any, workers: int, **settings: Any) -> Any:
    engine = Engine(cash={"USD": 100_000}, workers=workers, **settings)
    engine.trade("*", strategy, size=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return engine.backtest(data, progress=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder that modules are found in; those that a test loads from it are forgotten behind it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def written(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    importlib.invalidate_caches()


STRATEGY = """
import pairloom
from pairloom import Engine, Signal, Strategy

class Every(Strategy):
    many: int = 2

    def setup(self, ctx):
        self.seen = 0

    def generate_signal(self, ctx):
        self.seen += 1
        return Signal.LONG if self.seen % self.many else Signal.CLOSE
"""

RUN = """
engine = Engine(cash={{"USD": 1_000}}, workers={workers})
engine.trade("*", Every, size=0.1)
result = engine.{how}
"""
DATA = 'pairloom.synthetic(["A/USD"], rows=50, seed=1)'


# A run that a module begins when it is imported.


def of_session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def alone(command: list[str], folder: Path) -> tuple[int | None, str]:
    """Run a program in a session of its own; its status and its words, when nothing of the session is left."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
            assert not of_session(process.pid), said
        finally:
            # Processes that start others go on for as long as one of them is left.
            while left := of_session(process.pid):
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                process.poll()
    return process.returncode, said


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import unguarded"],
        ["-c", "import runpy; runpy.run_path('unguarded.py')"],
        ["-m", "pytest", "-p", "no:cacheprovider", "test_it.py"],
        ["-m", "pairloom", "backtest", "unguarded.py:Every", "--data", "data", "--cash", "USD=1000"],
    ],
)
def test_a_module_that_runs_an_engine_is_refused_by_its_worker(
    tmp_path: Path, arguments: list[str], workers: int
) -> None:
    (tmp_path / "unguarded.py").write_text(STRATEGY + RUN.format(workers=workers, how=f"backtest({DATA})"))
    (tmp_path / "test_it.py").write_text("from unguarded import *\n")
    written(tmp_path / "data" / "A_USD.csv", "ts,open,high,low,close\n1600000000,1,1,1,1\n1600000060,1,1,1,1\n")
    status, said = alone([sys.executable, *arguments], tmp_path)
    assert status not in (0, None), said
    assert "unguarded.py, line 17) runs an engine when it is imported" in said
    assert 'if __name__ == "__main__":' in said


@pytest.mark.parametrize(
    "how",
    [
        f"backtest({DATA})",
        f"paper({DATA})",
        f"start({DATA}, speed='max').wait()",
        f"sweep({DATA}, many=[2, 3])",
    ],
)
def test_so_is_a_run_without_workers(folder: Path, candles: Any, how: str) -> None:
    written(folder / "runs_alone.py", STRATEGY + RUN.format(workers=0, how=how))
    module = importlib.import_module("runs_alone")
    with pytest.raises(pairloom.ConfigError, match=r"module runs_alone \(.*runs_alone.py, line 17\).*if __name__") as e:
        run(module.Every, candles, 1)
    assert e.value.code == "config.workers"


def test_a_module_that_goes_on_without_its_run_is_loaded(folder: Path, candles: Any) -> None:
    caught = RUN.format(workers=0, how=f"backtest({DATA})").replace("\n", "\n    ")
    written(folder / "goes_on.py", f"{STRATEGY}\ntry:{caught}\nexcept pairloom.ConfigError:\n    pass\n")
    module = importlib.import_module("goes_on")
    assert run(module.Every, candles, 1).digest == run(module.Every, candles, 0).digest


def test_one_that_fails_without_it_is_told_why(folder: Path, candles: Any) -> None:
    caught = RUN.format(workers=0, how=f"backtest({DATA})").replace("\n", "\n    ")
    written(folder / "fails.py", f"{STRATEGY}\ntry:{caught}\nexcept Exception:\n    raise SystemExit(3)\n")
    module = importlib.import_module("fails")
    with pytest.raises(pairloom.ConfigError, match=r"module fails \(.*runs an engine when it is imported"):
        run(module.Every, candles, 1)


def test_a_strategy_may_make_a_run_of_its_own(candles: Any) -> None:
    here = run(Nesting(), candles, 0)
    assert len(here.fills) > 0
    assert run(Nesting(), candles, 2).digest == here.digest


def test_but_not_with_workers_of_its_own(candles: Any) -> None:
    with pytest.raises(pairloom.StrategyError) as caught:
        run(Nesting(workers=1), candles, 2)
    for record in caught.value.result.quarantined:
        assert isinstance(record.error, pairloom.ConfigError)
        assert "workers=1: a strategy that is itself in a worker process" in str(record.error)


# The module that is meant.


@pytest.mark.parametrize("name", ["twin", "twins.inner"])
def test_a_worker_loads_the_module_that_was_loaded_here(
    folder: Path, candles: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here, there = folder / "here", folder / "there"
    for place, many in ((here, 2), (there, 7)):
        place.mkdir()
        file = place / f"{name.replace('.', '/')}.py"
        written(file, "from twin_helper import MANY\n" + STRATEGY.replace("self.many", "MANY"))
        written(place / "twin_helper.py", f"MANY = {many}\n")
        if "." in name:
            written(file.parent / "__init__.py", "")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.chdir(here)
    module = importlib.import_module(name)
    expected = run(module.Every, candles, 0)
    assert run(module.Every, candles, 1).digest == expected.digest
    monkeypatch.chdir(there)
    assert run(module.Every, candles, 1).digest == expected.digest
    monkeypatch.setattr(sys, "path", [str(there), *sys.path[1:]])
    assert run(module.Every, candles, 1).digest == expected.digest


def test_a_class_of_a_module_without_a_file_travels_whole(candles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    module = types.ModuleType("made_here")
    monkeypatch.setitem(sys.modules, "made_here", module)
    exec(STRATEGY + "\nclass Mishap(Exception): pass\n", module.__dict__)
    here = run(module.Every(many=3), candles, 0)
    assert run(module.Every(many=3), candles, 2).digest == here.digest
    exec("class Failing(Every):\n    def on_start(self, ctx): raise Mishap('mine')\n", module.__dict__)
    with pytest.raises(pairloom.StrategyError) as caught:
        run(module.Failing, candles, 1)
    assert type(caught.value.__cause__) is module.Mishap
    import cloudpickle

    assert "made_here" not in cloudpickle.list_registry_pickle_by_value()


def test_a_global_that_cannot_travel_with_it_is_named(candles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    module = types.ModuleType("made_here")
    monkeypatch.setitem(sys.modules, "made_here", module)
    locked = STRATEGY.replace("self.seen += 1", "self.seen += guarded()")
    exec(
        f"import threading\nLOCK = threading.Lock()\ndef guarded():\n    with LOCK: return 1\n{locked}", module.__dict__
    )
    with pytest.raises(pairloom.ConfigError, match=r"Every .* names LOCK of made_here, .*'_thread.lock'.* in setup"):
        run(module.Every, candles, 1)


def test_without_cloudpickle_it_says_so(candles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("made_here")
    monkeypatch.setitem(sys.modules, "made_here", module)
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    exec(STRATEGY, module.__dict__)
    with pytest.raises(pairloom.ConfigError, match=r"Every needs what is defined in made_here, .*pairloom\[workers\]"):
        run(module.Every, candles, 1)


def test_a_module_that_is_registered_with_cloudpickle_travels_as_it_is_now(folder: Path, candles: Any) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    written(folder / "set_here.py", STRATEGY.replace("self.many", "MANY") + "\nMANY = 2\n")
    module = importlib.import_module("set_here")
    module.MANY = 5
    cloudpickle.register_pickle_by_value(module)
    try:
        assert run(module.Every, candles, 1).digest == run(module.Every, candles, 0).digest
    finally:
        cloudpickle.unregister_pickle_by_value(module)


# What a program has set, or somebody has edited.


def test_a_file_that_was_edited_since_is_an_error(folder: Path, candles: Any) -> None:
    written(folder / "edited.py", STRATEGY)
    module = importlib.import_module("edited")
    # Where the lines stand, and what is said about them, is no difference.
    written(folder / "edited.py", f"# Said later.\n{STRATEGY}")
    assert run(module.Every, candles, 1).digest == run(module.Every, candles, 0).digest
    written(folder / "edited.py", STRATEGY.replace("% self.many", "% 7"))
    with pytest.raises(pairloom.ConfigError, match=r"edited\.Every\.generate_signal is not .* edited after it was imp"):
        run(module.Every, candles, 1)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("def over(seen, many=2)", "def over(seen, many=5)"),
        ("    def on_fill(self, ctx, fill):\n        self.seen = 0\n", ""),
        ("", "    def on_refused(self, ctx, refusal):\n        self.seen = 0\n"),
    ],
)
def test_so_is_another_default_or_a_method_more_or_less(folder: Path, candles: Any, here: str, there: str) -> None:
    source = """
from pairloom import Signal, Strategy

def over(seen, many=2):
    return seen % many

class Every(Strategy):
    def setup(self, ctx):
        self.seen = 0

    def generate_signal(self, ctx):
        self.seen += 1
        return Signal.LONG if over(self.seen) else Signal.CLOSE

    def on_fill(self, ctx, fill):
        self.seen = 0
"""
    name = f"other_{abs(hash((here, there)))}"
    written(folder / f"{name}.py", source)
    module = importlib.import_module(name)
    written(folder / f"{name}.py", source.replace(here, there) if here else source + there)
    with pytest.raises(pairloom.ConfigError, match=rf"{name}\.(over|Every) is not in a worker process"):
        run(module.Every, candles, 1)


HELPED = """
import functools
import settings_of_it
from pairloom import Signal, Strategy

STEPS = {"many": 2}
seen_before = 0

def counted(function):
    @functools.wraps(function)
    def inner(self, ctx):
        global seen_before
        seen_before += 1
        return function(self, ctx)
    return inner

def is_over(seen):
    return seen % settings_of_it.MANY == 0

class Every(Strategy):
    scale = 1
    kinds = []
    most: int = 7

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        Every.kinds.append(cls.__name__)

    def setup(self, ctx):
        self.seen = 0
        self.MANY = settings_of_it.MANY

    @counted
    def generate_signal(self, ctx):
        self.seen += self.scale
        return Signal.CLOSE if is_over(self.seen) or self.seen % STEPS["many"] else Signal.LONG
"""


@pytest.fixture
def helped(folder: Path) -> Any:
    written(folder / "settings_of_it.py", "MANY = 5\n")
    written(folder / "helped.py", HELPED)
    return importlib.import_module("helped")


@pytest.mark.parametrize("where", ["is_over", "Every.generate_signal"])
def test_so_is_a_function_that_the_program_has_replaced(
    helped: Any, candles: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(f"helped.{where}", lambda *_: None)
    with pytest.raises(pairloom.ConfigError, match=rf"helped\.{re.escape(where)} is not in a worker process"):
        run(helped.Every, candles, 1)


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("settings_of_it.MANY", 3, "settings_of_it.MANY is 3 here and 5 in a worker"),
        ("helped.STEPS", {"many": 3}, "helped.STEPS is {'many': 3} here and {'many': 2} in a worker"),
        ("helped.Every.scale", 2, "helped.Every.scale is 2 here and 1 in a worker"),
    ],
)
def test_a_value_that_the_program_has_set_is_told(
    helped: Any, candles: Any, monkeypatch: pytest.MonkeyPatch, where: str, value: Any, said: str
) -> None:
    monkeypatch.setattr(where, value)
    engine = Engine(cash={"USD": 100_000}, workers=2)
    engine.trade("*", helped.Every, size=0.1)
    logging.disable(logging.CRITICAL)
    try:
        with pytest.warns(UserWarning, match=said):
            engine.backtest(candles, progress=False)
    finally:
        logging.disable(logging.NOTSET)


def test_what_a_strategy_counts_itself_is_no_setting(helped: Any, candles: Any) -> None:
    engine = Engine(cash={"USD": 100_000}, workers=1)
    engine.trade("*", helped.Every, size=0.1)
    helped.seen_before = 99
    # A list of the classes that were made is each process's own, and a parameter travels.
    helped.Every.kinds.append("of another module")
    helped.Every.most = 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.backtest(candles, progress=False)


def test_what_is_set_for_the_process_is_set_in_workers(candles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = sys.getrecursionlimit()
    with warnings.catch_warnings(), decimal.localcontext(prec=4), np.errstate(all="raise"):
        # It asks for the limit without running into it, so it may be set for long.
        sys.setrecursionlimit(depth + 123)
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "noticed .*", UserWarning)
        try:
            result = Engine(cash={"USD": 100_000}, workers=1)
            result.trade("*", Surrounded, size=0.1)
            with pytest.raises(pairloom.StrategyError) as caught:
                result.backtest(candles, progress=False)
        finally:
            sys.setrecursionlimit(depth)
    said = {str(record.error) for record in caught.value.result.quarantined}
    assert said == {f"{depth + 123} 4 raise ignored raised"}
