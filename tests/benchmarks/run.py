"""Measures, and prints Markdown; `make bench` runs it.

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
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pairloom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import probes, workloads
from benchmarks.report import machine, spread, table
from benchmarks.workloads import Outcome, Workload

PARTS = ("w1", "w3", "w4", "scale", "memory", "import")
WORKLOADS = ("W1", "W3", "W4")
Figures = dict[str, Any]
# Each returns the seconds of the run itself, the seconds with loading and tables, and what came out.
Contender = Callable[[], tuple[float, float, Outcome]]


def measure(workload: Workload, rounds: int) -> Figures:
    """The contenders of one workload, in turns."""
    data = workload.data()
    closes = [columns["close"].tolist() for columns in data.values()]
    contenders: dict[str, Contender] = {
        "plain Python loop": lambda: timed_loop(lambda: workloads.plain_loop(closes)),
        "native sma_cross": lambda: timed_engine(workloads.engine("sma_cross"), data),
        "Python class": lambda: timed_engine(workloads.engine(workloads.Cross), data),
    }
    return compare(workload, contenders, rounds)


def measure_sweep(workload: Workload, rounds: int) -> Figures:
    """W4: the sweep against the loop once for each pair, and against a backtest for each."""
    data = workload.data()
    closes = next(iter(data.values()))["close"].tolist()
    contenders: dict[str, Contender] = {
        "plain Python loop": lambda: timed_loop(lambda: workloads.loop_over_pairs(closes)),
        "sweep, native sma_cross": lambda: timed_sweep(data),
        "a backtest for each": lambda: timed_backtests(data),
    }
    return compare(workload, contenders, rounds)


def compare(workload: Workload, contenders: dict[str, Contender], rounds: int) -> Figures:
    """Let the contenders take turns; the first of them is the plain loop."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    wrong: list[str] = []
    for number in range(rounds):
        for name, contender in contenders.items():
            gc.collect()
            run_s, whole_s, outcome = contender()
            samples[name].append((run_s, whole_s))
            if not workload.agrees(outcome):
                wrong.append(f"{workload.name} {name}: {outcome}, expected {workload.orders} and {workload.equity}")
        progress(f"{workload.name}: round {number + 1} of {rounds}")
    floor = [run_s for run_s, _ in samples["plain Python loop"]]
    rows = {
        name: {
            "run_s": [run_s for run_s, _ in taken],
            "whole_s": [whole_s for _, whole_s in taken],
            "ns_per_event": statistics.median(run_s for run_s, _ in taken) / workload.events * 1e9,
            "ratio_to_loop": statistics.median(run_s / least for (run_s, _), least in zip(taken, floor, strict=True)),
        }
        for name, taken in samples.items()
    }
    return {"title": workload.title, "events": workload.events, "contenders": rows, "wrong": wrong}


def timed_loop(loop: Callable[[], Outcome]) -> tuple[float, float, Outcome]:
    """The plain loop; its data are lists already, so there is nothing to load."""
    began = time.perf_counter()
    outcome = loop()
    elapsed = time.perf_counter() - began
    return elapsed, elapsed, outcome


def timed_engine(engine: pairloom.Engine, data: dict[str, Any]) -> tuple[float, float, Outcome]:
    """The engine: `elapsed` runs from the first step to the last fill, the rest is loading and tables."""
    began = time.perf_counter()
    result = engine.backtest(data, interval="1m", progress=False)
    whole = time.perf_counter() - began
    return result.elapsed, whole, Outcome(len(result.orders), result.equity)


def timed_sweep(data: dict[str, Any]) -> tuple[float, float, Outcome]:
    """The sweep: `elapsed` is all runs and what is kept of them, statistics and digests too."""
    began = time.perf_counter()
    sweep = workloads.engine("sma_cross").sweep(data, interval="1m", progress=False, **workloads.GRID)
    whole = time.perf_counter() - began
    return sweep.elapsed, whole, Outcome(sum(each.orders for each in sweep), sum(each.equity for each in sweep))


def timed_backtests(data: dict[str, Any]) -> tuple[float, float, Outcome]:
    """The same without a sweep: a backtest for each pair, each of which reads the data again."""
    pairs = [{"fast": fast, "slow": slow} for fast in workloads.GRID["fast"] for slow in workloads.GRID["slow"]]
    timed = [timed_engine(workloads.engine("sma_cross", pair), data) for pair in pairs]
    orders, equity = sum(each.orders for *_, each in timed), sum(each.equity for *_, each in timed)
    return sum(run for run, *_ in timed), sum(whole for _, whole, _ in timed), Outcome(orders, equity)


def scale(rounds: int) -> Figures:
    """A native trader's cost per event with ten markets and with ten thousand, of the same number of events."""
    shapes = {"10 markets x 400,000 bars": (10, 400_000), "10,000 markets x 400 bars": (10_000, 400)}
    data = {name: pairloom.synthetic(markets, rows=rows, seed=5) for name, (markets, rows) in shapes.items()}
    samples: dict[str, list[float]] = {name: [] for name in shapes}
    for number in range(rounds):
        for name, columns in data.items():
            gc.collect()
            result = workloads.engine("sma_cross").backtest(columns, interval="1m", progress=False)
            samples[name].append(result.elapsed / result.events * 1e9)
        progress(f"scale: round {number + 1} of {rounds}")
    few, many = samples.values()
    return {"ns_per_event": samples, "ratio": statistics.median(m / f for f, m in zip(few, many, strict=True))}


def memory() -> Figures:
    """Bytes for one more idle trader, by driver and lane."""
    figures = {}
    for driver in ("backtest", "paper"):
        for lane in ("native", "python"):
            figures[f"{driver}, {lane} lane"] = probes.bytes_per_trader(driver, lane)
            progress(f"memory: {driver}, {lane}")
    return figures


def progress(text: str) -> None:
    """Where the run is, beside the document on standard output."""
    print(f"  {text}", file=sys.stderr, flush=True)


def show(figures: Figures) -> str:
    """The figures as one Markdown page."""
    lines = ["# Figures", "", *(f"- {key}: {value}" for key, value in figures["machine"].items()), ""]
    for name in WORKLOADS:
        if name in figures:
            lines += [f"## {name}: {figures[name]['title']}", "", _workload_table(figures[name]), ""]
    if "scale" in figures:
        rows = [(name, spread(values, 0)) for name, values in figures["scale"]["ns_per_event"].items()]
        lines += ["## Cost per event of a native trader", "", table(["shape", "ns/event"], rows), ""]
        lines += [f"Ratio: {figures['scale']['ratio']:.2f} (goal: at most 2)", ""]
    if "memory" in figures:
        rows = [(name, f"{size / 1024:.1f}") for name, size in figures["memory"].items()]
        lines += ["## Memory of one more idle trader", "", table(["run", "KiB"], rows), ""]
    if "import" in figures:
        found = figures["import"]
        wheel = "not built" if found["wheel_mb"] is None else f"{found['wheel_mb']:.2f} MB"
        lines += [
            f"`import pairloom`: {found['ms']:.0f} ms (NumPy left alone: {found['numpy_left_alone']}); wheel: {wheel}"
        ]
    return "\n".join(lines).rstrip()


def _workload_table(figures: Figures) -> str:
    head = ["contender", "run s: median (range)", "M events/s", "ns/event", "ratio to the loop", "with loading s"]
    rows = [
        (
            name,
            spread(found["run_s"]),
            f"{1e3 / found['ns_per_event']:.2f}",
            f"{found['ns_per_event']:.0f}",
            f"{found['ratio_to_loop']:.2f}",
            f"{statistics.median(found['whole_s']):.3f}",
        )
        for name, found in figures["contenders"].items()
    ]
    verdict = "Orders and final equity: " + ("NOT AS KNOWN" if figures["wrong"] else "as known, to the digit") + "."
    return f"{table(head, rows)}\n\n{verdict}"


def main() -> int:
    """Measures what was asked for; 1 if a result is not the known one."""
    parser = argparse.ArgumentParser(description="Measures Pairloom and prints the figures as Markdown.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each workload (default: 5)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="what to measure (default: all)")
    parser.add_argument("--json", type=Path, help="also write the figures, with every sample, to this file")
    asked = parser.parse_args()
    figures: Figures = {"machine": machine() | {"threads": str(os.cpu_count())}}
    for workload in (workloads.W1, workloads.W3):
        if workload.name.lower() in asked.only:
            figures[workload.name] = measure(workload, asked.rounds)
    if "w4" in asked.only:
        figures["W4"] = measure_sweep(workloads.W4, asked.rounds)
    if "scale" in asked.only:
        figures["scale"] = scale(asked.rounds)
    if "memory" in asked.only:
        figures["memory"] = memory()
    if "import" in asked.only:
        ms, lazy = probes.import_milliseconds()
        figures["import"] = {"ms": ms, "numpy_left_alone": lazy, "wheel_mb": probes.wheel_megabytes()}
    print(show(figures))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    wrong = [line for name in WORKLOADS for line in figures.get(name, {}).get("wrong", [])]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
