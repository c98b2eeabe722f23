"""The kill switch, thrown in each way under load: no new order is approved, all are cancelled, and it stays set."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Strategy

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_switch_loop"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the signal needs Linux")


def test_each_way_stops_all_orders_and_lasts() -> None:
    # The first of each way is on recorded data and restarted, the second in real time. How long it takes is no matter.
    command = [
        sys.executable,
        str(SCRIPT),
        "--tries",
        "6",
        "--traders",
        "20",
        "--orders",
        "50",
        "--recorded-every",
        "2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tries"] == 6


def kill(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairloom", "kill", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Waits(Strategy):
    """Looks from outside what the command says to a run of a program that does not listen."""

    def setup(self, ctx: Any) -> None:
        self.said: subprocess.CompletedProcess[str] | None = None

    def generate_signal(self, ctx: Any) -> None:
        if self.said is None:
            self.said = kill(SEEN[0])
            SEEN.append(self.said)


SEEN: list[Any] = []


def test_a_process_that_does_not_listen_is_not_ended(tmp_path: Path) -> None:
    # The command line, where a test has used it in this process, listens for good.
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    SEEN[:] = [tmp_path / "run.db"]
    engine = Engine(cash={"USD": 1_000}, journal=SEEN[0])
    engine.trade("*", Waits())
    result = engine.paper(pairloom.synthetic(1, rows=3), progress=False)
    assert not result.quarantined
    assert SEEN[1].returncode == 2
    assert "does not listen to SIGUSR1" in SEEN[1].stderr
    # And when it is over there is nobody.
    assert "no process writes to it" in kill(SEEN[0]).stderr
    assert "there is no such journal" in kill(tmp_path / "other.db").stderr
