"""The process ends in order, with its own status, even where a live strategy never returns."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, threading, time
import pairloom

entered = threading.Event()

class Stuck(pairloom.Strategy):
    def generate_signal(self, ctx):
        entered.set()
        BODY

engine = pairloom.Engine(cash={"USD": 1_000})
engine.trade("A/USD", Stuck())
run = engine.start(pairloom.SyntheticFeed(["A/USD"], rate=100, seed=1))
entered.wait()
END
sys.exit(7)
"""


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(1.0)"])
@pytest.mark.parametrize("end", ["run.abandon()", "pass"])
def test_a_call_that_is_still_out_does_not_abort_the_process(body: str, end: str) -> None:
    program = PROGRAM.replace("BODY", body).replace("END", end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7, done.stderr
    assert "Fatal" not in done.stderr
    assert "FATAL" not in done.stderr
