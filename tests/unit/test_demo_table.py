"""The demo's table and summary, from plain statuses; watching, on a pretended run and terminal."""

from __future__ import annotations

import io
import re

import pytest

from pairloom.demo import status_line, summary_text, table_lines, watch

STATUS = {
    "elapsed": 12.34,
    "markets": [
        {"pair": "BTC/USDT", "price": 64123.456, "signal": "LONG", "position": 0.01, "pnl": 12.5},
        {"pair": "SUI/USDT", "price": 1.234567, "signal": None, "position": 0.0, "pnl": -3.0},
        {"pair": "SOL/USDT", "price": None, "signal": "CLOSE", "position": 2, "pnl": float("nan")},
    ],
    "totals": {"events": 12345, "fills": 7, "pnl": 9.5},
}


def many(number):
    row = STATUS["markets"][0]
    return {**STATUS, "markets": [{**row, "pair": f"M{i}/USDT"} for i in range(number)]}


def test_the_table_shows_each_market_and_the_totals():
    assert table_lines(STATUS, width=80, height=24, color=False) == [
        "market                 price    signal      position           P&L",
        "BTC/USDT           64,123.46      long     0.0100000       12.5000",
        "SUI/USDT             1.23457         -             0      -3.00000",
        "SOL/USDT                   -     close             2             -",
        "",
        "12.3 s | events 12,345 | fills 7 | pnl 9.50000",
    ]


def test_profit_is_green_and_loss_is_red():
    lines = table_lines(STATUS, width=80, height=24, color=True)
    assert lines[1].endswith("\x1b[32m     12.5000\x1b[0m")
    assert lines[2].endswith("\x1b[31m    -3.00000\x1b[0m")
    assert "\x1b" not in lines[3]
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert plain == table_lines(STATUS, width=80, height=24, color=False)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (30, 10), (10, 5), (66, 4), (200, 60)])
@pytest.mark.parametrize("number", [0, 1, 3, 50, 10_000])
def test_the_table_fits_any_terminal(width, height, number):
    lines = table_lines(many(number), width=width, height=height, color=True)
    assert len(lines) <= height
    assert all(len(re.sub(r"\x1b\[\d+m", "", line)) <= width for line in lines)
    shown = sum(re.match(r"(\x1b\[\d+m)?M\d+/", line) is not None for line in lines)
    hidden = re.search(r"\.\.\. and ([\d,]+) more", "\n".join(lines))
    if width >= 30:
        assert shown + (int(hidden[1].replace(",", "")) if hidden else 0) == number


def test_a_status_makes_one_line_for_a_log():
    assert status_line(STATUS) == (
        "12.3 s | events 12,345 | fills 7 | pnl 9.50000; "
        "BTC/USDT 64,123.46 (12.5000), SUI/USDT 1.23457 (-3.00000), SOL/USDT - (-)"
    )


def test_the_summary_aligns_figures_and_indents_groups():
    summary = {
        "events_in": 12345,
        "evaluations": {"all": 30, "least": 1},
        "tick_to_order": {"p50_ns": 1_500, "p99_ns": 2.5e6},
        "equity": 1000.25,
        "broker": None,
    }
    assert summary_text(summary).splitlines() == [
        "events in      12,345",
        "evaluations",
        "  all          30",
        "  least        1",
        "tick to order",
        "  p50 ns       1.5 us",
        "  p99 ns       2.5 ms",
        "equity         1,000.25",
        "broker         -",
    ]


class Run:
    """A pretended live run that is over after some looks."""

    def __init__(self, looks):
        self.looks = looks
        self.stopped = False

    @property
    def finished(self):
        self.looks -= 1
        return self.stopped or self.looks < 0

    def status(self):
        return STATUS

    def stop(self):
        self.stopped = True

    def summary(self):
        return {"events_in": 1}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_redrawn_in_place_and_left_in_order():
    stream = Terminal()
    assert watch(Run(2), stream, sleep=lambda _: None) == {"events_in": 1}
    text = stream.getvalue()
    assert text.count("BTC/USDT") == 3
    assert text.count("\x1b[6F") == 2, "each later table begins where the first did"
    assert text.startswith("\x1b[?25l")
    assert text.endswith("\x1b[?25h")


def test_elsewhere_there_is_a_line_now_and_then():
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    stream = io.StringIO()
    watch(Run(60), stream, sleep=sleep, clock=lambda: now[0])
    lines = stream.getvalue().splitlines()
    assert lines == [status_line(STATUS)] * 2
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["log", "terminal"])
def test_ctrl_c_stops_the_run_and_gives_the_summary(stream):
    def interrupt(_):
        raise KeyboardInterrupt

    run = Run(1000)
    assert watch(run, stream, sleep=interrupt) == {"events_in": 1}
    assert run.stopped


def test_a_stream_that_breaks_stops_the_run():
    class Broken(Terminal):
        def write(self, text):
            raise BrokenPipeError

    run = Run(1000)
    with pytest.raises(BrokenPipeError):
        watch(run, Broken(), sleep=lambda _: None)
    assert run.stopped
