"""Scaling of ordinary Python classes over the threads of an interpreter without a global lock.

    python tests/benchmarks/free_threaded.py [--rounds N] [--least RATIO]

Runs strategies of about 20 us of plain Python on 100 markets with one thread and with two, in turns, and prints the
median of the pairs' ratios. With `--least` it ends with status 1 when that is smaller.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

import pairloom
from pairloom import Engine, Signal, Strategy

MARKETS = 100
ROWS = 1_000
LOOPS = 560


class Busy(Strategy):
    """Computes for a while, in plain Python, before it decides."""

    loops: int = LOOPS

    def generate_signal(self, ctx: pairloom.SystemCtx) -> Signal:
        total = 0
        for number in range(self.loops):
            total += number * number % 7
        return Signal.LONG if (total + int(ctx.candle.close * 100)) % 3 else Signal.CLOSE


def once(data: Any, threads: int) -> tuple[float, str]:
    """Seconds of one run, and its digest."""
    engine = Engine(cash={"USD": 1e9}, num_threads=threads)
    engine.trade("*", Busy(), size=1)
    result = engine.backtest(data, progress=False)
    assert result.lanes == {"free-threaded": MARKETS}, result.lanes
    return result.elapsed, result.digest


def measure(rounds: int = 7) -> dict[str, Any]:
    """Times of one thread and of two, taken in turns."""
    data = pairloom.synthetic(MARKETS, rows=ROWS, seed=1)
    one: list[float] = []
    two: list[float] = []
    digests = set()
    for _ in range(rounds):
        for times, threads in ((one, 1), (two, 2)):
            elapsed, digest = once(data, threads)
            times.append(elapsed)
            digests.add(digest)
    assert len(digests) == 1, digests
    ratios = sorted(a / b for a, b in zip(one, two, strict=True))
    return {
        "python": sys.version.split()[0],
        "events": MARKETS * ROWS,
        "us_per_event_one_thread": min(one) / (MARKETS * ROWS) * 1e6,
        "us_per_event_two_threads": min(two) / (MARKETS * ROWS) * 1e6,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


def main() -> int:
    """The measurement as a program."""
    parser = argparse.ArgumentParser(description="two threads against one, without a global lock")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--least", type=float, default=None)
    given = parser.parse_args()
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        print("this interpreter has a global lock: there is nothing to measure")
        return 2
    figures = measure(given.rounds)
    shown = ", ".join(f"{ratio:.2f}" for ratio in figures["ratios"])
    print(
        f"CPython {figures['python']} without a global lock, {figures['events']:,} events: "
        f"{figures['us_per_event_one_thread']:.1f} us an event on one thread, "
        f"{figures['us_per_event_two_threads']:.1f} us on two; median ratio {figures['ratio']:.2f} of {shown}"
    )
    return int(given.least is not None and figures["ratio"] < given.least)


if __name__ == "__main__":
    sys.exit(main())
