"""Worker processes begin and end as programs do: with the streams there are, and what is open closed behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine
from process_strategies import Telling

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

LIMIT_S = 300.0

MODULE = """
import atexit, concurrent.futures, os, pathlib, signal, subprocess, sys, tempfile, threading
from pairloom import Signal, Strategy

class Leaving(Strategy):
    how: str = ""

    def setup(self, ctx):
        self.lines = open("lines", "w")
        self.folder = tempfile.TemporaryDirectory(dir=".", prefix="kept")
        atexit.register(lambda: pathlib.Path("at_exit").write_text("ran"))

    def generate_signal(self, ctx):
        print("line", file=self.lines)
        print(".", end="")

class Busy(Strategy):
    how: str = ""

    def setup(self, ctx):
        if self.how == "pool":
            self.pool = concurrent.futures.ProcessPoolExecutor(1)
            self.pool.submit(len, "").result()
        else:
            self.child = subprocess.Popen(["sleep", "1000"])
        if self.how == "stuck":
            atexit.register(threading.Event().wait)

    def generate_signal(self, ctx):
        if self.how == "killed":
            os.kill(os.getppid(), signal.SIGKILL)

class Surrounded(Strategy):
    how: str = ""

    def setup(self, ctx):
        print("said", file=sys.stdout)
        print("warned", file=sys.stderr)

    def generate_signal(self, ctx):
        assert os.environ["PYTHONPATH"]
        print("said again")
        return Signal.LONG
"""

PROGRAM = """
import os, sys
sys.path.insert(0, os.getcwd())
from pathlib import Path
opened = [open(f"opened{number}", "w") for number in range(int(sys.argv[4]))]
import pairloom, strategies
engine = pairloom.Engine(cash={"USD": 1_000}, workers=int(sys.argv[3]))
engine.trade("*", getattr(strategies, sys.argv[1])(how=sys.argv[2]), size=1)
result = engine.backtest(pairloom.synthetic(["A/USD"], rows=100, seed=1), progress=False)
for file in opened:
    file.write("its own")
    file.close()
assert result.fills or sys.argv[1] != "Surrounded"
strange = [file.name for file in Path(".").glob("opened*") if file.read_text() != "its own"]
Path("done").write_text(f"{result.quarantined} {strange}")
"""


def ran(
    folder: Path,
    strategy: str,
    how: str,
    workers: int,
    options: tuple[str, ...] = (),
    closed: str = "",
    opened: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run a program; this returns when nobody holds its output any more."""
    (folder / "strategies.py").write_text(MODULE)
    program = [sys.executable, *options, "-c", PROGRAM, strategy, how, str(workers), str(opened)]
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *program]
    environment = {**os.environ, "PYTHONPATH": str(folder / "elsewhere")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=folder, env=environment
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_strategy_leaves_open_is_closed(tmp_path: Path, workers: int) -> None:
    done = ran(tmp_path, "Leaving", "", workers)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lines").read_text() == "line\n" * 100
    assert done.stdout == "." * 100
    assert (tmp_path / "at_exit").read_text() == "ran"
    assert not list(tmp_path.glob("kept*"))


@pytest.mark.parametrize("how", ["pool", "child", "stuck"])
def test_what_it_has_started_ends_with_the_run(tmp_path: Path, how: str) -> None:
    done = ran(tmp_path, "Busy", how, 1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "done").read_text() == "[] []"


def test_and_with_an_engine_that_is_killed(tmp_path: Path) -> None:
    assert ran(tmp_path, "Busy", "killed", 1).returncode < 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("opened", [0, 2])
def test_standard_streams_may_be_closed(tmp_path: Path, closed: str, opened: int) -> None:
    # What the program opens gets their numbers first.
    done = ran(tmp_path, "Surrounded", "", 1, closed=closed, opened=opened)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "done").read_text() == "[] []"
    assert ("said again" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("options", [(), ("-E",), ("-I",)])
def test_an_isolated_interpreter_has_isolated_workers(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "sitecustomize.py").write_text("print('customized')\n")
    done = ran(tmp_path, "Surrounded", "", 1, options)
    assert done.returncode == 0, done.stderr
    # The strategy sees its environment all the same.
    assert (tmp_path / "done").read_text() == "[] []"
    assert done.stdout.count("customized") == (0 if options else 2)


@pytest.mark.parametrize("how", ["exit", "raise"])
def test_what_neighbours_have_printed_is_not_printed_again(how: str, capfd: Any) -> None:
    pairs = [f"S{number:04}/USD" for number in range(1, 6)]
    engine = Engine(cash={"USD": 100_000}, workers=1)
    engine.trade(pairs[:3], Telling(), size=0.1)
    engine.trade(pairs[3], Telling(at=4, how=how), size=0.1)
    engine.trade(pairs[4], Telling(), size=0.1)
    with pytest.warns(pairloom.QuarantineWarning):
        result = engine.backtest(pairloom.synthetic(5, rows=8, seed=7), progress=False)
    assert [record.kind for record in result.quarantined] == ["died"]
    said = capfd.readouterr().out.splitlines()
    neighbours = [pair for pair in pairs if pair != pairs[3]]
    assert sorted(line for line in said if not line.startswith(pairs[3])) == sorted(
        f"{pair} {seen}" for pair in neighbours for seen in range(1, 9)
    )
