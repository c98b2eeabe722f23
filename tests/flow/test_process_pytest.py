"""Worker processes under pytest, whose loader rewrites the modules of tests: what a test replaces is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

LIMIT_S = 300.0

TESTS = """
import sys
import pairloom
import pytest
from pairloom import Engine, Signal, Strategy

DATA = pairloom.synthetic(["A/USD"], rows=50, seed=1)

def helper(seen):
    assert seen > 0, "it counts from one"
    return seen % 3

class Every(Strategy):
    def setup(self, ctx):
        self.seen = 0

    def generate_signal(self, ctx):
        before = self.seen
        self.seen += 1
        assert (before, self.seen) == (self.seen - 1, before + 1)
        return Signal.LONG if helper(self.seen) else Signal.CLOSE

class Plain(Every):
    def generate_signal(self, ctx):
        self.seen += 1
        return Signal.LONG if helper(self.seen) else Signal.CLOSE

def digest(strategy, workers):
    engine = Engine(cash={"USD": 1_000}, workers=workers)
    engine.trade("*", strategy, size=0.1)
    return engine.backtest(DATA, progress=False).digest

@pytest.mark.parametrize("strategy", [Every, Plain])
def test_untouched(strategy):
    assert digest(strategy, 1) == digest(strategy, 0)

def test_local_class():
    pytest.importorskip("cloudpickle")
    class Local(Every):
        def on_stop(self, ctx):
            assert self.seen
    assert digest(Local, 1) == digest(Local, 0)

@pytest.mark.parametrize("strategy", [Every, Plain])
def test_replaced_method(monkeypatch, strategy):
    monkeypatch.setattr(strategy, "generate_signal", lambda self, ctx: Signal.CLOSE)
    with pytest.raises(pairloom.ConfigError, match=rf"{strategy.__name__}.generate_signal is not in a worker"):
        digest(strategy, 1)

def asserting(seen):
    assert seen
    return 0

@pytest.mark.parametrize("other", [lambda seen: 0, asserting])
def test_replaced_helper(monkeypatch, other):
    monkeypatch.setattr(sys.modules[__name__], "helper", other)
    with pytest.raises(pairloom.ConfigError, match="helper is not in a worker"):
        digest(Plain, 1)

def test_another_default(monkeypatch):
    monkeypatch.setattr(helper, "__defaults__", (4,))
    with pytest.raises(pairloom.ConfigError, match="helper is not in a worker"):
        digest(Plain, 1)

def test_edited_since():
    with open(__file__) as file:
        text = file.read()
    try:
        with open(__file__, "w") as file:
            file.write(text.replace("seen % 3", "seen % len(str(seen))"))
        with pytest.raises(pairloom.ConfigError, match="helper is not in a worker"):
            digest(Plain, 1)
    finally:
        with open(__file__, "w") as file:
            file.write(text)
"""


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_test_that_replaces_code_is_told(tmp_path: Path, mode: str) -> None:
    (tmp_path / "test_replacing.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--import-mode={mode}", "--rootdir=."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout
