"""The figures as one Markdown page: a table of the workloads first, then each part."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from .report import spread, table

Figures = dict[str, Any]
WORKLOADS = ("w1", "w2", "w3", "w4")
# Where a document takes the figures.
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
# In the order in which people look for them; what else took part comes after.
ROWS = ("native", "plug-in", "compiled", "native, block=0", "Python class", "a backtest for each", "numba loop")


def show(figures: Figures) -> str:
    """All parts that were measured."""
    lines = ["# Figures", "", *(f"- {key}: {value}" for key, value in figures["machine"].items()), ""]
    parts = {
        "method": _method,
        "threads": _threads,
        "workers": _workers,
        "busy": _busy,
        "markets": _markets,
        "live": _live,
        "memory": _memory,
        "import": _import,
    }
    if any(name in figures for name in WORKLOADS):
        lines += _headline(figures)
    for name in WORKLOADS:
        if name in figures:
            lines += _workload(name, figures[name])
    for name, part in parts.items():
        if name in figures:
            lines += [*part(figures[name]), ""]
    return "\n".join(lines).rstrip()


def between_marks(text: str, page: str) -> str:
    """The text with the page, its headings one level lower, between the two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the file has no {BEGIN} and {END}")
    lines = [f"#{line}" if line.startswith("#") else line for line in page.splitlines()]
    return f"{before}{begin}\n\n{chr(10).join(lines)}\n\n{end}{after}"


def _headline(figures: Figures) -> Iterator[str]:
    measured = [name for name in WORKLOADS if name in figures]
    entered = {row: None for name in measured for row in figures[name]["contenders"]}
    rows = [row for row in ROWS if row in entered] + [row for row in list(entered)[1:] if row not in ROWS]

    def cell(name: str, row: str) -> str:
        found = figures[name]["contenders"].get(row)
        return "" if found is None else f"{found['times_the_loop']:.2f}"

    yield from ["## Times the speed of the plain Python loop", ""]
    head = ["", *(f"{name.upper()}: {figures[name]['title']}" for name in measured)]
    yield table(head, [(row, *(cell(name, row) for name in measured)) for row in rows])
    yield from [
        "",
        f"Medians of {figures['rounds']} rounds in which all took turns; above 1 is faster than the loop.",
        "",
    ]


def _workload(name: str, figures: Figures) -> Iterator[str]:
    head = ["contender", "run s: median (range)", "M events/s", "ns/event", "times the loop", "of native", "whole s"]
    rows = [
        (
            contender,
            spread(found["run_s"]),
            f"{1e3 / found['ns_per_event']:.2f}",
            f"{found['ns_per_event']:.1f}",
            f"{found['times_the_loop']:.2f}",
            "" if found["of_native"] is None else f"{found['of_native']:.2f}",
            f"{statistics.median(found['whole_s']):.3f}",
        )
        for contender, found in figures["contenders"].items()
    ]
    verdict = "Orders and final equity: " + ("NOT AS KNOWN" if figures["wrong"] else "as known, to the digit") + "."
    yield from [f"## {name.upper()}: {figures['title']}", "", table(head, rows), "", verdict]
    yield from (f"Not here: {contender}, {why}." for contender, why in figures["skipped"].items())
    yield ""


def _speeds(figures: Figures) -> str:
    rows = [(name, spread(samples), f"{figures['speed'][name]:.2f}") for name, samples in figures["run_s"].items()]
    return table(["", "run s: median (range)", "speed"], rows)


def _method(figures: Figures) -> Iterator[str]:
    yield from ["## The method of W2 without an engine", "", _speeds(figures), ""]
    slower = 1 / figures["speed"]["the method alone"]
    yield f"Calling it for every quote takes {slower:.2f} times as long as the loop that does the whole workload."


def _threads(figures: Figures) -> Iterator[str]:
    yield "## One thread and two"
    for name, found in figures.items():
        if name != "cost":
            yield from ["", f"### {name}", "", _speeds(found)]
    costs = ", ".join(f"{name} {cost:.1f} us" for name, cost in figures["cost"].items())
    yield from ["", f"What the slow strategies take at an event on one thread: {costs}."]


def _workers(figures: Figures | str) -> Iterator[str]:
    yield from ["## Python classes of 20 us an event on 100 markets, by workers", ""]
    yield f"Not measured: {figures}." if isinstance(figures, str) else _speeds(figures)


def _busy(figures: Figures) -> Iterator[str]:
    yield from ["## W3, native, one thread, beside a thread of Python that never stops", "", _speeds(figures), ""]
    yield "A busy process shares only the machine with the run: what it costs is no wait for the interpreter."


def _markets(figures: Figures) -> Iterator[str]:
    yield from ["## Cost per event by number of markets, 400 bars each", ""]
    shapes = list(next(iter(figures.values()))["ns_per_event"])
    rows = [
        (kind, *(spread(found["ns_per_event"][shape], 1) for shape in shapes), f"{found['worst_to_least']:.2f}")
        for kind, found in figures.items()
    ]
    yield table(["ns/event: median (range)", *shapes, "dearest / first"], rows)


def _live(figures: Figures) -> Iterator[str]:
    yield from [f"## {figures['traders']:,} native traders in real time, every limit on", ""]
    rows = [
        (
            kind,
            f"{run['events/s']:,.0f}",
            f"{run['lost']:,.0f}",
            f"{run['orders/s']:,.0f}",
            *(f"{run[f'{name} ms']:.2f}" for name in ("p50", "p99", "p999")),
        )
        for kind, run in figures["runs"].items()
    ]
    yield table(["medians", "events/s", "lost", "orders/s", "ms to the order: p50", "p99", "p99.9"], rows)
    fsync = figures["fsync_ms"]
    yield from [
        "",
        "From the moment at which the feed sends an event until its order is approved and with the journal.",
    ]
    yield f"One page and its fsync on that disk: p50 {fsync['p50']:.2f} ms, p99 {fsync['p99']:.2f} ms."
    stalls = figures["stalls"]
    yield (
        "With nothing else running, one of two cores stood still for more than 0.3 ms "
        f"in {100 * stalls['share']:.2f} % of the time, for {stalls['most ms']:.1f} ms at most: "
        "an event that comes meanwhile waits that long, whatever an engine does."
    )


def _memory(figures: Figures) -> Iterator[str]:
    rows = [(name, f"{size / 1024:.1f}") for name, size in figures["bytes_per_idle_trader"].items()]
    yield from ["## Memory", "", table(["one more idle trader", "KiB"], rows), ""]
    yield f"The process of W3 with a Python class, all included: {figures['w3_peak_mb']:.0f} MB at its most."


def _import(figures: Figures) -> Iterator[str]:
    wheel = "not built" if figures["wheel_mb"] is None else f"{figures['wheel_mb']:.2f} MB"
    yield from ["## Import", ""]
    alone = figures["numpy_left_alone"]
    yield f"`import pairloom`: {figures['ms']:.0f} ms (NumPy left alone: {alone}); wheel: {wheel}."
