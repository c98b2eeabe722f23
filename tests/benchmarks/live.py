"""The live driver in real time: many traders on a fast feed, with and without a journal, and what the disk takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pairloom
from pairloom import Engine, RiskLimits, SyntheticFeed

Progress = Callable[[str], None]
TRADERS = 10_000
# Events of each market in a second.
RATE = 20
SECONDS = 10.0
# How many longer averages there are: first orders come over five seconds, or all between two events of a market.
SPREAD, TOGETHER = 100, 1
FSYNCS = 1_000
# Seconds from which on a core that stands still delays an order visibly.
STALL = 0.0003


def limits() -> RiskLimits:
    """Limits that are looked at for each order and never reached."""
    return RiskLimits(
        max_order_quantity=1e6,
        max_order_notional=1e9,
        max_position=1e6,
        max_gross_exposure=1e13,
        max_net_exposure=1e13,
        max_daily_loss=1e12,
        max_drawdown=0.9,
        max_data_age=60,
        max_price_gap=0.9,
        price_collar=0.5,
        max_order_rate=(1_000_000, 1),
        max_repeats=(1_000, 1),
        refuse_crossed_quotes=True,
        prevent_self_trade=True,
    )


def once(journal: Path | None, averages: int, *, traders: int = TRADERS, seconds: float = SECONDS) -> dict[str, float]:
    """One run of `seconds`: events/s taken in, what was lost, and milliseconds from an event to its order."""
    feed = SyntheticFeed(traders, seed=1, rate=RATE)
    engine = Engine(cash={"USD": 1e12}, account="margin", num_threads=2, risk=limits(), journal=journal)
    for number, pair in enumerate(feed.pairs):
        engine.trade(pair, "sma_cross", fast=10, slow=30 + number % averages, size=1)
    with warnings.catch_warnings():
        # Orders that a trader sends while its last one is still unconfirmed are refused, which is what limits are for.
        warnings.simplefilter("ignore", pairloom.RefusalWarning)
        result = engine.paper(feed, duration=seconds, progress=False)
    counters = result.counters
    lost = counters["dropped"] + counters["conflated"]
    found = {
        "events/s": (counters["deliveries"] - lost) / seconds,
        "lost": lost,
        "orders/s": len(result.orders) / seconds,
    }
    for name in ("p50", "p99", "p999"):
        found[f"{name} ms"] = counters.get(f"tick_to_order_{name}_ns", 0) / 1e6
    return found


def fsync_ms(folder: Path) -> dict[str, float]:
    """What it takes here to write one page behind the others and wait until it is on disk."""
    taken = []
    with open(folder / "page", "wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    return {"p50": statistics.median(taken), "p99": taken[len(taken) * 99 // 100]}


# Alone on its core a loop that asks for the time is stopped for longer only where the machine, or the host under it,
# does something else.
SPIN = """
import os, sys, time
core, seconds, least = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {core})
last, stalls = time.perf_counter(), []
end = last + seconds
while last < end:
    now = time.perf_counter()
    if now - last > least:
        stalls.append(now - last)
    last = now
print(sum(stalls), max(stalls, default=0.0))
"""


def stalls(seconds: float = 5.0, least: float = STALL) -> dict[str, float]:
    """How long the cores that an engine gets stand still though nothing else runs.

    The share of the time in which one does for more than `least` seconds, and the longest time in ms.
    """
    cores = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else [0, 1]
    command = (sys.executable, "-c", SPIN)
    loops = [
        subprocess.Popen([*command, str(core), str(seconds), str(least)], stdout=subprocess.PIPE, text=True)
        for core in cores
    ]
    found = [[float(number) for number in loop.communicate()[0].split()] for loop in loops]
    return {"share": sum(stood for stood, _ in found) / seconds, "most ms": 1e3 * max(most for _, most in found)}


def in_real_time(rounds: int, progress: Progress) -> dict[str, Any]:
    """Medians of the runs of each kind, which took turns."""
    samples: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(rounds):
            for averages, orders in ((SPREAD, "spread"), (TOGETHER, "all at once")):
                for journal in (None, folder / f"{number}-{averages}.db"):
                    kind = f"first orders {orders}, {'no journal' if journal is None else 'journal'}"
                    samples.setdefault(kind, []).append(once(journal, averages))
            progress(f"live: round {number + 1} of {rounds}")
        fsync = fsync_ms(folder)
    still = stalls()
    medians = {
        kind: {name: statistics.median(run[name] for run in runs) for name in runs[0]} for kind, runs in samples.items()
    }
    return {"traders": TRADERS, "runs": medians, "fsync_ms": fsync, "stalls": still}
