"""`scripts/crash_loop` with 30 kills: nothing that was committed is lost, nothing is sent twice, and the digest is that
of a run never killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "crash_loop"


def test_thirty_kills() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "30", "--days", "3", "--limit", "240"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The seed is in the first line of what it says; with --seed the same moments are tried again.
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["kills"] == 30
    assert summary["most_steps_resumed"] > 0
    assert summary["orders_of_a_run"] > 100
