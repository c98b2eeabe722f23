"""Calls of strategies that last or never return: commands meanwhile, and the end of the run and of the process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy

PATIENCE_S = 60.0

NEVER_RETURNS = """
import signal
import time

import pairloom
from pairloom import Engine, Strategy, SyntheticFeed


class Stuck(Strategy):
    def generate_signal(self, ctx):
        {never}


def kill():
    # On recorded data it waits for the call, and Ctrl-C ends the wait.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        run.kill()
    except KeyboardInterrupt:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)


engine = Engine(cash={{"USD": 1000}})
engine.trade("A/USD", Stuck, size=1)
run = engine.start({feed})
while run.status()["steps"] + sum(each["inbox"] for each in run.status()["traders"]) == 0:
    pass
{command}
print(run.stop().assumptions)
"""


# Blocked outside of Python's own code nobody can end the call; a loop is ended at the exit of the process.
@pytest.mark.parametrize("never", ["time.sleep(1000)", "while True: pass"])
@pytest.mark.parametrize("feed", ["pairloom.synthetic('A/USD', rows=2000)", "SyntheticFeed('A/USD', rate=200)"])
@pytest.mark.parametrize("command", ["run.status()", "kill()"])
def test_a_call_that_never_returns_holds_up_neither_commands_nor_the_end_of_the_process(
    never: str, feed: str, command: str
) -> None:
    program = NEVER_RETURNS.format(never=never, feed=feed, command=command)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert "had not come back" in done.stdout, (done.stdout, done.stderr)
    # Where the call cannot be ended, the process says so and ends all the same.
    if done.returncode != 0:
        assert "left behind" in done.stderr, done.stderr


class Blocks(Strategy):
    """Turns at each event; one of its calls waits until a test lets it go."""

    calls = 0
    at = 0
    inside = threading.Event()
    gate = threading.Event()

    def generate_signal(self, ctx: Any) -> Signal:
        Blocks.calls += 1
        if Blocks.calls == Blocks.at:
            Blocks.inside.set()
            Blocks.gate.wait(PATIENCE_S)
        return Signal.LONG if Blocks.calls % 2 else Signal.CLOSE


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Blocks.calls, Blocks.at = 0, 0
    Blocks.inside.clear()
    Blocks.gate.clear()
    yield
    # No thread of a test is left in a call.
    Blocks.gate.set()


def engine(journal: Path | None = None) -> Engine:
    made = Engine(cash={"USD": 1_000_000}, journal=journal)
    made.trade("A/USD", Blocks, size=1)
    return made


def test_a_run_that_gave_a_call_up_goes_on_from_its_journal(tmp_path: Path) -> None:
    data = pairloom.synthetic(["A/USD"], rows=300, seed=5)
    whole = engine().backtest(data, progress=False)
    path = tmp_path / "run.db"
    Blocks.calls, Blocks.at = 0, 50
    run = engine(path).start(data, speed="max")
    assert Blocks.inside.wait(PATIENCE_S)
    ended = run.stop()
    assert ended.interrupted and ended.steps <= 50
    Blocks.gate.set()
    Blocks.calls, Blocks.at = 0, 0
    again = engine(path).paper(data, progress=False)
    assert again.resumed_at_step > 0
    assert again.quarantined == []
    assert again.digest == whole.digest


def test_a_kill_during_a_call_is_obeyed_once_the_call_is_over_though_nobody_waits() -> None:
    data = pairloom.synthetic(["A/USD"], rows=300, seed=5)
    Blocks.at = 51
    run = engine().start(data, speed="max")
    assert Blocks.inside.wait(PATIENCE_S)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            run.kill()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    Blocks.gate.set()
    with pytest.warns(pairloom.RefusalWarning, match="killed"):
        result = run.wait()
    assert not result.interrupted
    assert run.status()["killed"]
    # The call in which it came wanted to buy: that was approved in its step, and held back on its way.
    assert len(result.fills) == 50
    assert set(result.refusals.column("check")) == {"killed"}


def test_last_calls_are_waited_for_however_long_they_take() -> None:
    done = []

    class Tidies(Strategy):
        def generate_signal(self, ctx: Any) -> Signal:
            return Signal.LONG

        def on_stop(self, ctx: Any) -> None:
            # Longer than a call may last once a run is to end.
            time.sleep(1.3)
            done.append(ctx.pair)

    made = Engine(cash={"USD": 1_000_000})
    made.trade(["A/USD", "B/USD"], Tidies, size=1)
    result = made.paper(pairloom.synthetic(["A/USD", "B/USD"], rows=100_000), duration=0.2, progress=False)
    assert sorted(done) == ["A/USD", "B/USD"]
    assert not any("had not come back" in text for text in result.assumptions)


def test_a_stopped_run_says_how_far_it_came() -> None:
    made = Engine(cash={"USD": 1_000_000})
    made.trade("A/USD", "simple", size=1)
    run = made.start(pairloom.synthetic(["A/USD"], rows=5_000), speed=600)
    result = run.stop()
    assert not result.interrupted
    assert f"the run was stopped after {result.steps} steps, before the end of its data" in result.assumptions


def test_commands_of_a_step_in_which_a_call_lasts_are_kept_once(tmp_path: Path) -> None:
    data = pairloom.synthetic(["A/USD"], rows=300, seed=5)
    path = tmp_path / "run.db"
    Blocks.at = 51
    run = engine(path).start(data, speed=6_000)
    for place in range(3):
        run.add_position("A/USD", 1 + place)
    assert Blocks.inside.wait(PATIENCE_S)
    Blocks.gate.set()
    whole = run.wait()
    journal = pairloom.Journal(path)
    assert len(journal.inputs) == 3
    Blocks.calls, Blocks.at = 0, 0
    again = engine(path).paper(data, progress=False)
    assert again.digest == whole.digest
