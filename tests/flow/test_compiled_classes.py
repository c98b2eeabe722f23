"""What stands around a compiled generate_signal: subclasses, hooks, decorators, constants, and a file that changes."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import pairloom
from compiled_files import imported
from pairloom import compiled, uncompiled

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("compiled_cache")

HEAD = """\
from __future__ import annotations
import functools
import math
from typing import Any, ClassVar
import numpy as np
import pairloom
from pairloom import Signal, Strategy
"""


def module(tmp_path: Path, code: str) -> Any:
    return imported(tmp_path, HEAD + textwrap.dedent(code))


def backtest(traded: Any, **parameters: Any) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 10**7}, account="margin")
    engine.trade("S0001/USD", traded, size=0.1, **parameters)
    return engine.backtest(pairloom.synthetic(1, rows=200, seed=3), progress=False)


def same(marked: Any, **parameters: Any) -> pairloom.Result:
    """The result, which is the same compiled and uncompiled."""
    result, plain = backtest(marked, **parameters), backtest(uncompiled(marked), **parameters)
    assert result.lanes["compiled"] == 1
    assert not result.quarantined
    assert result.orders
    assert result.digest == plain.digest
    return result


def refused(marked: Any, line: str, said: str) -> None:
    """Before the run, with its file and line."""
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(marked)
    file = sys.modules[marked.__module__].__file__
    assert file is not None
    number = 1 + next(at for at, each in enumerate(Path(file).read_text().splitlines()) if line in each)
    assert f"{file}, line {number}: " in str(caught.value)
    assert said in str(caught.value)


# Subclasses.

BASE = """
@pairloom.compiled
class Base(Strategy):
    def setup(self, ctx):
        self.k = 0
        self.every = 3

    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k % self.every else Signal.CLOSE

@pairloom.compiled(state={"k": 0})
def rule(ctx, state, every: int = 3):
    state.k += 1
    return Signal.LONG if state.k % every else Signal.CLOSE
"""


@pytest.mark.parametrize(
    "hook",
    [
        "on_fill(self, ctx, fill)",
        "on_order(self, ctx, order)",
        "on_time(self, ctx, event)",
        "on_start(self, ctx)",
        "on_stop(self, ctx)",
        "on_refused(self, ctx, refusal)",
        "state(self)",
        "restore(self, state)",
    ],
)
def test_hooks_that_a_subclass_adds_are_refused(tmp_path: Path, hook: str) -> None:
    schedule = "    schedule = '5m'\n" if "on_time" in hook else ""
    found = module(tmp_path, f"{BASE}\nclass Sub(Base):\n{schedule}    def {hook}:\n        self.k = 0\n")
    refused(found.Sub, f"def {hook}", "cannot be compiled, only generate_signal is; write pairloom.uncompiled(Sub)")
    assert backtest(uncompiled(found.Sub)).orders
    same(found.Base)


def test_hooks_of_a_mixin_and_of_a_marked_function_are_refused(tmp_path: Path) -> None:
    code = f"""{BASE}
class Stops:
    def on_fill(self, ctx, fill):
        self.k = 0

class Sub(Stops, Base): pass

class OfRule(Stops, rule): pass

@pairloom.compiled(fallback="python")
class Ready(Strategy):
    def setup(self, ctx): self.k = 0
    def generate_signal(self, ctx): return Signal.LONG

class AsPython(Stops, Ready): pass
"""
    found = module(tmp_path, code)
    for sub in (found.Sub, found.OfRule):
        refused(sub, "def on_fill", "on_fill cannot be compiled")
    assert backtest(found.AsPython).lanes == {"python": 1}


def test_fields_are_refused_where_python_would_ask_a_method_for_them(tmp_path: Path) -> None:
    code = "class Sub(Base):\n    def __setattr__(self, name, value):\n        super().__setattr__(name, value)\n"
    refused(module(tmp_path, f"{BASE}\n{code}").Sub, "def __setattr__", "__setattr__ cannot be compiled")


def test_what_a_subclass_overrides_is_what_is_compiled(tmp_path: Path) -> None:
    code = f"""{BASE}
class Other(Base):
    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k % 7 else Signal.SHORT

class Mixin:
    def generate_signal(self, ctx):
        return Signal.LONG if ctx.candle.close > ctx.candle.open else Signal.SHORT

class Mixed(Mixin, Base): pass

class OtherSetup(Base):
    def setup(self, ctx):
        super().setup(ctx)
        self.every = 5

class OfRule(rule):
    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k % 7 else Signal.SHORT

class RuleSetup(rule):
    def setup(self, ctx):
        super().setup(ctx)
        self.k = 1
"""
    found = module(tmp_path, code)
    names = ("Base", "rule", "Other", "Mixed", "OtherSetup", "OfRule", "RuleSetup")
    results = [same(getattr(found, name)) for name in names]
    assert len({len(result.orders) for result in results}) >= 4


# Decorators, and what is no plain method.

DECORATED = """
def never_close(function):
    @functools.wraps(function)
    def wrapper(self, ctx):
        signal = function(self, ctx)
        return None if signal == Signal.CLOSE else signal
    return wrapper

def listed(function):
    return function
"""


def test_a_decorator_that_would_not_run_is_refused(tmp_path: Path) -> None:
    code = f"""{DECORATED}{BASE}
@pairloom.compiled
class S(Strategy):
    def setup(self, ctx): self.k = 0
    @listed
    @never_close
    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k % 2 else Signal.CLOSE

class Sub(Base):
    @functools.wraps(print)
    def generate_signal(self, ctx):
        return Signal.LONG

@pairloom.compiled
@functools.lru_cache
def cached(ctx):
    return Signal.LONG
"""
    with pytest.raises(pairloom.ConfigError, match="compiled takes a function or a class"):
        module(tmp_path, code)
    found = module(tmp_path, code.rpartition("\n@pairloom.compiled\n")[0])
    refused(found.S, "@listed", "what its decorator does with it cannot be compiled; take the decorator off")
    with pytest.raises(pairloom.ConfigError, match="what its decorator does with it cannot be compiled"):
        backtest(found.Sub)


def test_one_that_gives_back_the_method_itself_and_those_of_setup_are_right(tmp_path: Path) -> None:
    code = f"""{DECORATED}
def counted(function):
    @functools.wraps(function)
    def wrapper(self, ctx):
        function(self, ctx)
        self.k = 40
    return wrapper

@pairloom.compiled
class S(Strategy):
    @counted
    def setup(self, ctx):
        self.k = 0
    @listed
    def generate_signal(self, ctx):
        self.k += 1
        return Signal.LONG if self.k > 100 else None
"""
    same(module(tmp_path, code).S)


@pytest.mark.parametrize("kind", ["staticmethod", "classmethod", "functools.lru_cache"])
def test_what_is_no_plain_method_is_refused(tmp_path: Path, kind: str) -> None:
    code = f"""{BASE}
class Sub(Base):
    @{kind}
    def generate_signal(*given):
        return Signal.LONG
"""
    found = module(tmp_path, code)
    with pytest.raises(pairloom.ConfigError, match=r"\.py, line \d+: Sub: generate_signal is an? .*, and compiled is"):
        backtest(found.Sub)
    with pytest.raises(pairloom.ConfigError, match=r"\.py, line \d+: Sub: generate_signal is an? .*, and compiled is"):
        compiled(found.Sub)


# A file that changes.


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("% 2 else", "% 5 else"),
        ("class S", "\n\n\nclass S"),
        ("class S", "\nx = 1\nclass S"),
        ("return Signal", "return None if self.k > 3 else Signal"),
        ("def generate_signal(self, ctx):", "generate_signal = lambda self, ctx: (None,"),
    ],
)
def test_a_file_that_changed_since_it_was_imported_is_refused(tmp_path: Path, before: str, after: str) -> None:
    code = """
    @pairloom.compiled
    class S(Strategy):
        def setup(self, ctx): self.k = 0
        def generate_signal(self, ctx):
            self.k += 1
            return Signal.LONG if self.k % 2 else Signal.CLOSE
    """
    found = module(tmp_path, code)
    path = Path(found.__file__)
    written = path.read_text()
    path.write_text(written.replace(before, after))
    with pytest.raises(pairloom.ConfigError) as caught:
        backtest(found.S)
    assert f"{path}, line {found.S.generate_signal.__code__.co_firstlineno}: " in str(caught.value)
    assert "its file has changed since it was imported" in str(caught.value)
    path.write_text(written.splitlines()[0])
    with pytest.raises(pairloom.ConfigError, match="its file has changed since it was imported"):
        backtest(found.S)
    # What was read once is what was imported, whatever comes later.
    path.write_text(written)
    first = same(found.S)
    path.write_text(written.replace("% 2 else", "% 5 else"))
    assert backtest(found.S).digest == first.digest
    spec = found.__spec__
    spec.loader.exec_module(found)
    assert same(found.S).digest != first.digest


def test_a_function_that_is_given_other_code_is_read_anew(tmp_path: Path) -> None:
    code = f"""{BASE}
class Other(Base):
    def generate_signal(self, ctx):
        return Signal.LONG
"""
    found = module(tmp_path, code)
    same(found.Base)
    found.Base.generate_signal.__code__ = found.Other.generate_signal.__code__
    assert len(same(found.Base).orders) == 1


def test_texts_over_several_lines_and_names_of_the_class_are_what_was_imported(tmp_path: Path) -> None:
    code = '''
    @pairloom.compiled
    class S(Strategy):
        def setup(self, ctx):
            self.side = "a\\n        b"

        def generate_signal(self, ctx):
            """Decide.

                Text that goes on,
    and on.
            """
            def twice(x: float) -> float:
                return x * 2
            both = """a
            b"""
            if __debug__ and ctx.candle.close in {1.0, 2.0, 3.0}:
                return None
            return Signal.LONG if self.side == both and twice(2.0) == 4.0 else None
    '''
    same(module(tmp_path, code).S)


def test_functions_of_a_module_that_imports_its_modules_have_pythons_numbers(tmp_path: Path) -> None:
    code = """
    def up(x):
        return math.gamma(x / 50) > 1.0

    @pairloom.compiled
    class S(Strategy):
        def generate_signal(self, ctx):
            return Signal.LONG if up(ctx.candle.close) else Signal.CLOSE
    """
    refused(module(tmp_path, code).S, "return math.gamma", "math.gamma is computed differently there")


# What a class holds.

CONSTANTS = """
@pairloom.compiled
class K(Strategy):
    n: int = 3
    EVERY = 4
    LEVEL: ClassVar[float] = 101.0
    IS_ON = True
    NAME = "up"
    W = np.array([1.0, -0.01])
    P: Any = np.array([3, 4])

    def setup(self, ctx):
        self.k = 0

    def generate_signal(self, ctx):
        self.k += 1
        level = self.LEVEL * self.W[0] if self.NAME == "up" and self.IS_ON else self.LEVEL * self.W.sum()
        if self.k % self.EVERY == 0:
            return Signal.CLOSE
        return Signal.LONG if ctx.candle.close * self.n > level * self.P[0] else None

class Faster(K):
    EVERY = 2

class Whole(K):
    LEVEL = 100

class Off(K):
    IS_ON = False

class Other(K):
    NAME = "down"

class Weighted(K):
    W = np.array([0.99, 0.2])

class Shadowed(K):
    def setup(self, ctx):
        super().setup(ctx)
        self.EVERY = self.n + 2
        self.LEVEL = 100

class Written(K):
    def generate_signal(self, ctx):
        self.k += 1
        if self.k % 50 == 0:
            self.EVERY += 1
        return Signal.CLOSE if self.k % self.EVERY == 0 else Signal.LONG
"""


def test_constants_of_a_class_are_those_of_python(tmp_path: Path) -> None:
    found = module(tmp_path, CONSTANTS)
    names = ("K", "Faster", "Whole", "Off", "Other", "Weighted", "Shadowed", "Written")
    results = [same(getattr(found, name)) for name in names]
    assert len({result.digest for result in results}) >= 7
    engine = pairloom.Engine(cash={"USD": 10**7}, account="margin")
    for name in names:
        engine.trade("S0001/USD", getattr(found, name), size=0.1, name=name)
    together = engine.backtest(pairloom.synthetic(1, rows=200, seed=3), progress=False)
    assert len(together.orders) == sum(len(result.orders) for result in results)
    # Changed between two runs it counts in the next one.
    found.K.EVERY = 3
    assert same(found.K).digest != results[0].digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("self.NONE", "NONE is None; start it as a number"),
        ("self.LIST[0]", "LIST is a list; compiled state holds"),
        ("self.half", "half is a property; compiled state holds"),
        ("self.once", "once is a cached_property; compiled state holds"),
        ("self.HUGE", "HUGE is 1180591620717411303424 does not fit into 64 bits"),
        ("self.count", "count is changed in the class by setup, for all traders: keep it in self"),
        ("self.W.sum(); self.W[0] = 1.0", "is not this trader's alone and cannot be"),
        ("self.W.sum(); self.W += 1.0", "is not this trader's alone and cannot be"),
        ("self.own[0]; self.own[0] = 1.0", "is not this trader's alone and cannot be"),
        ("self.part[0]; w = self.part; w /= 2", "is not this trader's alone and cannot be"),
        ("self.P[0]; self.P[1] = 7", "is not this trader's alone and cannot be"),
        ("self.a[0] + self.b[0]", "b is an array in the memory of a, whose changes it would not have"),
    ],
)
def test_what_of_a_class_cannot_be_compiled_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    code = f"""
    @pairloom.compiled
    class S(Strategy):
        NONE = None
        LIST = [1, 2]
        HUGE = 2**70
        W = np.array([1.0, 0.5])
        P: Any = np.array([3, 4])
        count = 0

        @property
        def half(self):
            return 0.5

        @functools.cached_property
        def once(self):
            return 1

        def setup(self, ctx):
            type(self).count += 1
            self.own = self.W
            self.part = self.W[1:]
            self.a = np.zeros(4)
            self.b = self.a[1:]

        def generate_signal(self, ctx):
            x = {line}
            return Signal.LONG if x else None
    """
    refused(module(tmp_path, code).S, f"x = {line}", said)


def test_arrays_that_are_the_traders_own_may_change(tmp_path: Path) -> None:
    code = """
    @pairloom.compiled
    class S(Strategy):
        W = np.array([1.0, 0.5])

        def setup(self, ctx):
            self.W = self.W.copy()

        def generate_signal(self, ctx):
            self.W[0] += 1.0
            return Signal.LONG if self.W[0] % 3 else Signal.CLOSE
    """
    same(module(tmp_path, code).S)
