"""What the module holds in large blocks lies on large pages, where the system has any, and is what it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SMAPS = Path("/proc/self/smaps")
LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# In a process of its own: where a block lies, and what was asked for there before, hangs on all that ran before it.
RUN = """
import re
from pathlib import Path

import numpy as np

import pairloom


def advised():
    found, size = 0, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1]) * 1024
        elif line.startswith("VmFlags:") and re.search(r"\\bhg\\b", line):
            found += size
    return found


before = advised()
rows = 700_000
data = pairloom.synthetic(1, rows=rows, seed=5)
engine = pairloom.Engine(cash={"USD": 1_000_000}, account="margin", num_threads=1)
engine.trade("*", "sma_cross", size=1, fast=500, slow=2_000)
result = engine.backtest(data, progress=False)
# The curve alone has a time and an amount a step, in one block each.
assert advised() - before > rows * 8, (before, advised())
curve = result.equity_curve.to_pandas()
assert len(curve) == result.steps + 1
assert np.isfinite(curve["equity"].to_numpy()).all()
assert engine.backtest(data, progress=False).digest == result.digest
"""


@pytest.mark.skipif(not LARGE_PAGES.exists() or not SMAPS.exists(), reason="this system has no large pages")
def test_large_blocks_ask_for_large_pages_and_keep_what_is_in_them() -> None:
    subprocess.run([sys.executable, "-c", RUN], check=True)
