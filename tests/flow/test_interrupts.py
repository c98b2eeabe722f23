"""Ctrl-C in runs that last: it is heard soon however slow the strategies are, and the result says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy, SyntheticFeed

# Looks at the clock come every few steps, and the interrupt is asked for twenty times a second.
MOST_CALLS_AFTER = 40


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    # A shell lets a program in the background ignore the signal; these tests are about one that does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class SlowLater(Strategy):
    """Fast for some hundred calls, and slow from the one on in which Ctrl-C comes."""

    calls = 0
    at: int = 600

    def generate_signal(self, ctx: Any) -> Signal:
        SlowLater.calls += 1
        if SlowLater.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        if SlowLater.calls >= self.at:
            time.sleep(0.02)
        return Signal.LONG if SlowLater.calls % 2 else Signal.CLOSE


def engine(at: int) -> Engine:
    SlowLater.calls = 0
    made = Engine(cash={"USD": 1_000_000})
    made.trade("A/USD", SlowLater, at=at, size={"base": 1})
    return made


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_an_interrupt_is_heard_soon_where_each_step_takes_long(driver: str) -> None:
    data = pairloom.synthetic(["A/USD"], rows=2_000)
    result = getattr(engine(600), driver)(data, progress=False)
    assert result.interrupted
    assert SlowLater.calls <= 600 + MOST_CALLS_AFTER
    assert any("interrupted" in text for text in result.assumptions)


@pytest.mark.parametrize("waits", [False, True])
def test_an_interrupted_run_in_real_time_says_so(waits: bool) -> None:
    feed = SyntheticFeed("A/USD", rate=500)
    made = engine(20)
    result = made.start(feed, duration=60).wait() if waits else made.paper(feed, duration=60)
    assert result.interrupted
    assert any("interrupted" in text for text in result.assumptions)
    # It ended in order: nothing works any more.
    assert not set(result.orders.column("status").tolist()) & {"working"}


def test_a_run_in_real_time_that_nobody_interrupts_does_not_say_so() -> None:
    result = engine(1_000_000).paper(SyntheticFeed("A/USD", rate=500), duration=0.2)
    assert not result.interrupted
    assert not any("interrupted" in text for text in result.assumptions)
