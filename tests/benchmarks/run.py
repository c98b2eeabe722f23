"""Measures, and prints Markdown; `make bench` runs it, and `--only` measures a part.

Contenders of one workload take turns, so that a machine that slows down slows them all, and a ratio is the median of
the ratios within each round. A result that is not the known one, to the digit, ends the run with status 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import live, probes, scaling, workloads
from benchmarks.contenders import LOOP, NATIVE, Run, field
from benchmarks.method import method_alone
from benchmarks.pages import between_marks, show
from benchmarks.report import machine
from benchmarks.workloads import Workload

Figures = dict[str, Any]

WORKLOADS = {each.name: each for each in (workloads.W1, workloads.W2, workloads.W3, workloads.W4)}


def compare(workload: Workload, rounds: int, only: set[str] | None = None) -> Figures:
    """Let the contenders of a workload take turns; the first of them is the plain loop."""
    entered = field(workload, workload.data(), only)
    samples: dict[str, list[Run]] = {name: [] for name in entered.contenders}
    wrong: list[str] = []
    for number in range(rounds):
        for name, contender in entered.contenders.items():
            gc.collect()
            run = contender()
            samples[name].append(run)
            if not workload.agrees(run.outcome):
                said = f"{workload.name} {name}: {run.outcome}, expected {workload.orders} and {workload.equity}"
                wrong.append(said)
        progress(f"{workload.name}: round {number + 1} of {rounds}")
    rows = {name: _row(workload, taken, samples) for name, taken in samples.items()}
    return {
        "title": workload.title,
        "events": workload.events,
        "contenders": rows,
        "skipped": entered.skipped,
        "wrong": wrong,
    }


def _row(workload: Workload, taken: list[Run], samples: dict[str, list[Run]]) -> Figures:
    def speed(other: str) -> float | None:
        """How many times as fast as the other, as the median over the rounds."""
        if other not in samples:
            return None
        return statistics.median(theirs.run_s / mine.run_s for theirs, mine in zip(samples[other], taken, strict=True))

    return {
        "run_s": [run.run_s for run in taken],
        "whole_s": [run.whole_s for run in taken],
        "ns_per_event": statistics.median(run.run_s for run in taken) / workload.events * 1e9,
        "times_the_loop": speed(LOOP),
        "of_native": speed(NATIVE),
    }


def memory() -> Figures:
    """Bytes for one more idle trader, by driver and lane, and the peak of W3 with a Python class."""
    figures: Figures = {}
    for driver in ("backtest", "paper"):
        for lane in ("native", "python"):
            figures[f"{driver}, {lane} lane"] = probes.bytes_per_trader(driver, lane)
            progress(f"memory: {driver}, {lane}")
    return {"bytes_per_idle_trader": figures, "w3_peak_mb": probes.peak_megabytes()}


def importing() -> Figures:
    """What an import costs, and what is downloaded."""
    ms, lazy = probes.import_milliseconds()
    return {"ms": ms, "numpy_left_alone": lazy, "wheel_mb": probes.wheel_megabytes()}


def progress(text: str) -> None:
    """Where the run is, beside the document on standard output."""
    print(f"  {text}", file=sys.stderr, flush=True)


def parts(asked: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """What can be measured, in the order of the page."""
    only = set(asked.contenders) if asked.contenders else None
    rounds = asked.rounds
    found: dict[str, Callable[[], Any]] = {
        name.lower(): lambda each=each: compare(each, rounds, only)  # type: ignore[misc]
        for name, each in WORKLOADS.items()
    }
    found["method"] = lambda: method_alone(rounds, progress)
    found["threads"] = lambda: scaling.threads(rounds, progress)
    found["workers"] = lambda: scaling.workers(rounds, progress)
    found["busy"] = lambda: scaling.beside_a_busy_interpreter(rounds, progress)
    found["markets"] = lambda: scaling.markets(rounds, progress)
    found["live"] = lambda: live.in_real_time(rounds, progress)
    found["memory"] = memory
    found["import"] = importing
    return found


PARTS = (
    *(name.lower() for name in WORKLOADS),
    *("method", "threads", "workers", "busy", "markets", "live", "memory", "import"),
)


def measure_parts(asked: argparse.Namespace) -> Figures:
    """Everything that was asked for, one part after another."""
    figures: Figures = {"machine": machine() | {"threads": str(os.cpu_count())}, "rounds": asked.rounds}
    for name, measure in parts(asked).items():
        if name in asked.only:
            figures[name] = measure()
    return figures


def main() -> int:
    """Measures what was asked for; 1 if a result is not the known one."""
    parser = argparse.ArgumentParser(description="Measures Pairloom and prints the figures as Markdown.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: 5)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="what to measure (default: all)")
    parser.add_argument("--contenders", nargs="+", help="only these beside the plain loop, such as 'native'")
    parser.add_argument("--json", type=Path, help="also write the figures, with every sample, to this file")
    parser.add_argument("--from", type=Path, dest="taken", help="measure nothing; show the figures of this JSON file")
    parser.add_argument("--into", type=Path, help="also put the page between the marks in this file")
    asked = parser.parse_args()
    figures = measure_parts(asked) if asked.taken is None else json.loads(asked.taken.read_text(encoding="utf-8"))
    print(show(figures))
    if asked.into:
        asked.into.write_text(between_marks(asked.into.read_text(encoding="utf-8"), show(figures)), encoding="utf-8")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    wrong = [line for name in WORKLOADS for line in figures.get(name.lower(), {}).get("wrong", [])]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
