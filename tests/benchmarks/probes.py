"""Figures that need a process of their own: memory, import time; and the size of the wheel."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Runs `argv` traders in a process of its own and prints its peak memory. The data are the same for any number of
# traders, and too short for a signal, so what differs is what a trader costs that has nothing to do.
MEMORY = """
import json, sys
import pairloom
from pairloom import Strategy

class Idle(Strategy):
    def generate_signal(self, ctx):
        return None

driver, lane, markets, traders = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = pairloom.synthetic(markets, rows=2)
engine = pairloom.Engine(cash={"USD": 1_000_000}, num_threads=2)
pairs = list(data)[:traders]
if lane == "native":
    engine.trade(pairs, "sma_cross", side="long", size=1)
else:
    engine.trade(pairs, Idle(), size=1)
result = getattr(engine, driver)(data, progress=False)
assert sum(result.lanes.values()) == traders, result.lanes
# The kernel's peak of this program alone: the figure of getrusage begins with that of the process that started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps(int(peak.split()[1]) * 1024))
"""

# Runs W3 with a Python class in a process of its own, data and results included, and prints what it came to.
PEAK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from benchmarks.strategies import Cross, engine
from benchmarks.workloads import W3, Outcome

result = engine(Cross, num_threads=2).backtest(W3.data(), interval="1m", progress=False)
assert W3.agrees(Outcome(len(result.orders), result.equity)), result
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps(int(peak.split()[1]) * 1024))
"""


def _run(program: str, *arguments: object) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def bytes_per_trader(driver: str, lane: str, *, many: int = 10_000, few: int = 100) -> float:
    """Memory of one more idle trader, all of the process counted, Python's own objects for it too."""
    return float(_run(MEMORY, driver, lane, many, many) - _run(MEMORY, driver, lane, many, few)) / (many - few)


def peak_megabytes() -> float:
    """The most memory that the process of W3 with a Python class has at any time, interpreter and data included."""
    return float(_run(PEAK, ROOT / "tests")) / 1e6


def import_milliseconds(rounds: int = 9) -> tuple[float, bool]:
    """What `import pairloom` adds to a bare interpreter, and whether it left NumPy alone."""
    bare: list[float] = []
    full: list[float] = []
    for _ in range(rounds):
        for samples, program in ((bare, "pass"), (full, "import pairloom")):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            samples.append(time.perf_counter() - began)
    lazy = _run("import json, sys, pairloom; print(json.dumps('numpy' not in sys.modules))")
    return (statistics.median(full) - statistics.median(bare)) * 1000, bool(lazy)


def wheel_megabytes() -> float | None:
    """The size of the wheel in dist/, if one was built."""
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    return wheels[-1].stat().st_size / 1e6 if wheels else None
