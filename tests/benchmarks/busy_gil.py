"""What a Python thread that keeps the interpreter busy costs native strategies: nothing, since they never wait for it.

    python tests/benchmarks/busy_gil.py [--rounds N]

Runs built-in strategies with `num_threads=1` alone, and beside a thread that spins in Python, in turns, and prints the
median of the pairs' ratios (1 is no loss). Needs two cores that are free.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from typing import Any

import pairloom
from pairloom import Engine

MARKETS = 100
ROWS = 20_000


class Spinner(threading.Thread):
    """Runs plain Python as long as it is entered."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = False
        self._began = threading.Event()

    def run(self) -> None:
        self._began.set()
        count = 0
        while not self._over:
            count += 1

    def __enter__(self) -> None:
        self.start()
        self._began.wait()

    def __exit__(self, *_: object) -> None:
        self._over = True
        self.join()


def once(data: Any, progress: Any = False) -> tuple[float, str]:
    """Seconds of one run, and its digest."""
    engine = Engine(cash={"USD": 1e9}, num_threads=1)
    engine.trade("*", "sma_cross", fast=10, slow=30, side="long", size=1)
    result = engine.backtest(data, progress=progress)
    return result.elapsed, result.digest


def measure(rounds: int = 9) -> dict[str, Any]:
    """Seconds alone and beside a busy thread, and the median of their ratios."""
    data = pairloom.synthetic(MARKETS, rows=ROWS, seed=1)
    once(data)
    alone: list[float] = []
    beside: list[float] = []
    digests = set()
    for _ in range(rounds):
        elapsed, digest = once(data)
        alone.append(elapsed)
        with Spinner():
            elapsed, other = once(data)
        beside.append(elapsed)
        digests |= {digest, other}
    assert len(digests) == 1, digests
    ratios = sorted(b / a for a, b in zip(alone, beside, strict=True))
    return {
        "events": MARKETS * ROWS,
        "alone_s": statistics.median(alone),
        "beside_s": statistics.median(beside),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


def main() -> None:
    """The measurement as a program."""
    parser = argparse.ArgumentParser(description="native strategies beside a busy Python thread")
    parser.add_argument("--rounds", type=int, default=9)
    figures = measure(parser.parse_args().rounds)
    print(
        f"{figures['events']:,} events, native, one thread: {figures['alone_s']:.3f} s alone, "
        f"{figures['beside_s']:.3f} s beside a busy Python thread; median ratio {figures['ratio']:.3f} of "
        + ", ".join(f"{ratio:.3f}" for ratio in figures["ratios"])
    )


if __name__ == "__main__":
    main()
