"""How figures are taken and shown: turns, ratios, memory, and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pairloom
from benchmarks import live, probes, run, scaling
from benchmarks.contenders import LOOP, NATIVE, Field, Run
from benchmarks.pages import BEGIN, END, between_marks, show
from benchmarks.report import table
from benchmarks.workloads import Outcome, Workload

TINY = Workload("W1", "tiny", dict, 1_000, 3, "4.5")


def test_contenders_take_turns_and_ratios_are_medians_of_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def contender(name: str, times: list[float], equity: float = 4.5) -> Any:
        left = iter(times)

        def take() -> Run:
            order.append(name)
            return Run(next(left), 9.0, Outcome(3, equity))

        return take

    entered = {
        LOOP: contender(LOOP, [4.0, 8.0, 6.0]),
        NATIVE: contender(NATIVE, [1.0, 1.0, 2.0]),
        "other": contender("other", [2.0, 4.0, 1.0], 4.6),
    }
    monkeypatch.setattr(run, "field", lambda *given: Field(entered, {"absent": "it is not here"}))
    figures = run.compare(TINY, 3)
    assert order == [LOOP, NATIVE, "other"] * 3
    # Of each round by itself: 4, 8 and 3 times; not the ratio of the medians, which would be 6.
    assert figures["contenders"][NATIVE]["times_the_loop"] == 4.0
    assert figures["contenders"]["other"]["of_native"] == 0.5
    assert len(figures["wrong"]) == 3 and "W1 other" in figures["wrong"][0]
    page = show({"machine": {"cores": "2"}, "rounds": 3, "w1": figures})
    assert "| native |     4.00 |" in page
    assert "NOT AS KNOWN" in page and "Not here: absent, it is not here." in page


def test_settings_of_one_figure_take_turns() -> None:
    order: list[str] = []

    def setting(name: str, seconds: float) -> Callable[[], float]:
        def take() -> float:
            order.append(name)
            return seconds

        return take

    taken = scaling.Alternately({"one": setting("one", 4.0), "two": setting("two", 2.0)}, 2, lambda text: None, "it")
    assert order == ["one", "two"] * 2
    assert taken.figures("one")["speed"] == {"one": 1.0, "two": 2.0}


def test_a_busy_interpreter_is_busy_until_the_end() -> None:
    import threading

    before = threading.active_count()
    with scaling.busy_interpreter():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_busy_process_is_gone_at_the_end() -> None:
    with scaling.busy_process():
        assert scaling.timed(pairloom.synthetic(1, rows=50, seed=1), "sma_cross") > 0


def test_a_live_run_is_measured(tmp_path: Path) -> None:
    found = live.once(tmp_path / "run.db", 2, traders=20, seconds=0.3)
    assert found["events/s"] > 0 and {"lost", "p50 ms", "p999 ms"} <= set(found)
    fsync = live.fsync_ms(tmp_path)
    assert 0 < fsync["p50"] <= fsync["p99"]


def test_cores_that_stand_still_are_seen() -> None:
    found = live.stalls(seconds=0.2, least=0.0)
    # Where any pause counts, all of the time is one.
    assert found["share"] > 0.5 and found["most ms"] > 0


def test_every_part_of_the_page_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "SHAPES", (2, 3))
    monkeypatch.setattr(scaling, "ROWS", 40)
    monkeypatch.setattr(scaling, "LEAST_EVENTS", 100)
    figures = {
        "machine": {},
        "rounds": 1,
        "method": {
            "run_s": {"the whole loop": [1.0], "the method alone": [1.5]},
            "speed": {"the whole loop": 1.0, "the method alone": 1 / 1.5},
        },
        "markets": scaling.markets(1, lambda text: None),
        "workers": "this version has no worker processes",
        "busy": {"run_s": {"idle": [1.0], "busy": [1.0]}, "speed": {"idle": 1.0, "busy": 1.0}},
        "live": {
            "traders": 10_000,
            "runs": {"journal": dict.fromkeys(("events/s", "lost", "orders/s", "p50 ms", "p99 ms", "p999 ms"), 4.25)},
            "fsync_ms": {"p50": 0.5, "p99": 1.5},
            "stalls": {"share": 0.0125, "most ms": 8.5},
        },
        "memory": {"bytes_per_idle_trader": {"backtest, native lane": 2048.0}, "w3_peak_mb": 250.0},
        "import": {"ms": 40.0, "numpy_left_alone": True, "wheel_mb": None},
    }
    page = show(figures)
    for said in (
        "2 markets",
        "Not measured: this version has no",
        "busy",
        " 2.0 |",
        "10,000 native traders",
        "p99 1.50 ms",
        "in 1.25 % of the time, for 8.5 ms",
        "250 MB",
        "takes 1.50 times",
        "wheel: not built",
    ):
        assert said in page, said


def test_a_document_takes_the_page_between_its_marks() -> None:
    text = f"# Speed\n\n{BEGIN}\n\n## Old\n\n{END}\n\nThe end.\n"
    page = between_marks(text, "# Figures\n\n- cores: 2")
    assert page == f"# Speed\n\n{BEGIN}\n\n## Figures\n\n- cores: 2\n\n{END}\n\nThe end.\n"
    assert between_marks(page, "# Figures\n\n- cores: 2") == page
    with pytest.raises(SystemExit, match="has no"):
        between_marks("# Speed", "")


def test_slow_strategies_do_what_they_are_for() -> None:
    data = pairloom.synthetic(2, rows=50, seed=5)
    found = scaling.cost_per_event(data)
    assert all(cost > 0.5 for cost in found.values()), found


def test_an_idle_trader_is_small() -> None:
    """The goal is 8 KiB beyond its window; the process's other allocations make the figure a little uneven."""
    assert 0 < probes.bytes_per_trader("backtest", "native", many=4_000) < 12 * 1024


@pytest.mark.slow
def test_a_large_portfolio_of_python_classes_fits_in_memory() -> None:
    assert probes.peak_megabytes() < 300


def test_a_table_is_aligned() -> None:
    assert table(["a", "b"], [("one", 1), ("two", 22)]) == "| a   |  b |\n| --- | -: |\n| one |  1 |\n| two | 22 |"
