"""Other engines in the same rounds, where an environment of theirs is named.

A variable names the interpreter of an environment in which the peer is installed; nothing of it is installed here.
The peer's script beside this file runs as a process of its own, once a round, on the workload's data, and says in one
line of JSON what it took and what came out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..workloads import Data, Outcome, Workload

HERE = Path(__file__).parent
# Seconds for one run; a peer that needs longer is left out of this workload.
LIMIT = 600

PeerRun = Callable[[], tuple[float, float, Outcome]]


@dataclass(frozen=True)
class Peer:
    """One of the other engines."""

    name: str
    script: str
    variable: str
    workloads: tuple[str, ...]

    def contender(self, workload: Workload, data: Data) -> PeerRun | str:
        """Runs the workload once, or the reason why it does not."""
        interpreter = os.environ.get(self.variable)
        if not interpreter:
            return f"{self.variable} names no interpreter"
        if workload.name not in self.workloads:
            return "not measured on this workload"
        folder = tempfile.TemporaryDirectory(prefix="pairloom-peer-")
        np.savez(f"{folder.name}/data.npz", **_arrays(data))

        def run() -> tuple[float, float, Outcome]:
            command = [interpreter, str(HERE / self.script), workload.name, f"{folder.name}/data.npz"]
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
            whole = time.perf_counter() - began
            if done.returncode:
                raise SystemExit(f"{self.name} failed on {workload.name}: {done.stderr[-2_000:]}")
            said = json.loads(done.stdout.splitlines()[-1])
            return said["run_s"], whole, Outcome(said["orders"], said["equity"])

        return run


PEERS = (
    Peer("NautilusTrader", "run_nautilus.py", "PAIRLOOM_PEER_NAUTILUS", ("W1", "W2")),
    Peer("vectorbt", "run_vectorbt.py", "PAIRLOOM_PEER_VECTORBT", ("W1", "W2", "W3", "W4")),
)


def _arrays(data: Data) -> dict[str, Any]:
    """The columns of all markets, stacked by name."""
    names = next(iter(data.values()))
    stacked = {name: np.stack([market[name] for market in data.values()]) for name in names}
    return stacked | {"ts": stacked["ts"].astype(np.int64)}
