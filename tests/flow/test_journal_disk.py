"""A disk that is full or fails under a journal: nothing leaves, the error says so, and the run goes on afterwards."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pairloom
from journals import books_of, rows_of

STRATEGY = """
from pairloom import Signal, Strategy

class Turns(Strategy):
    def setup(self, ctx):
        self.n = 0

    def generate_signal(self, ctx):
        self.n += 1
        return Signal.LONG if self.n % 3 else Signal.CLOSE
"""

CONFIG = """
[engine]
cash = { USD = 10000 }
[data]
path = "data"
[[trader]]
pairs = "*"
strategy = "turns.py:Turns"
size = 1
"""


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    """A config whose journal needs some hundred kilobytes."""
    (tmp_path / "data").mkdir()
    for pair, columns in pairloom.synthetic(4, rows=600, seed=5).items():
        rows = zip(*(columns[name].tolist() for name in columns), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        (tmp_path / "data" / f"{pair.replace('/', '_')}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "turns.py").write_text(STRATEGY)
    (tmp_path / "run.toml").write_text(CONFIG)
    return tmp_path / "run.toml"


def paper(config: Path, journal: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairloom", "paper", str(config), "--journal", str(journal), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def check_stopped(said: subprocess.CompletedProcess[str], journal: Path, words: str) -> None:
    """The run ended with an error, and no order is at the broker that the journal lacks."""
    assert said.returncode == 1, said.stdout
    assert words in said.stderr
    assert "run the same command again" in said.stderr
    assert "Traceback" not in said.stderr
    approved = [row[3] for row in rows_of(journal)["intents"] if "approved" in row]
    accepted = [row[0] for row in books_of(journal)["accepted"]]
    assert accepted == approved[: len(accepted)]
    assert 0 < len(accepted) < 800


def check_done(said: subprocess.CompletedProcess[str], journal: Path, digest: str) -> None:
    assert said.returncode == 0, said.stderr
    document = json.loads(said.stdout)
    assert document["resumed_at_step"] > 0
    assert document["digest"] == digest
    approved = [row[3] for row in rows_of(journal)["intents"] if "approved" in row]
    books = books_of(journal)
    assert [row[0] for row in books["accepted"]] == approved
    assert books["duplicates"] == []


def test_a_write_that_fails_stops_the_run(workload: Path, tmp_path: Path) -> None:
    digest = json.loads(paper(workload, tmp_path / "whole.db").stdout)["digest"]
    journal = tmp_path / "run.db"

    def limit() -> None:
        # Beyond this the system refuses to write to a file, which SQLite reports as an error of the disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))

    said = paper(workload, journal, preexec_fn=limit)
    check_stopped(said, journal, "disk I/O error")
    check_done(paper(workload, journal), journal, digest)


SMALL_DISK = """
set -e
mount -t tmpfs -o size=700k tmpfs "$ROOM"
head -c 400000 /dev/zero > "$ROOM/filler"
"$PYTHON" "$PROBE" stopped
rm "$ROOM/filler"
mount -o remount,size=20m "$ROOM"
"$PYTHON" "$PROBE" done
"""

PROBE = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from flow.test_journal_disk import check_done, check_stopped, paper
config, journal = Path({config!r}), Path({journal!r})
said = paper(config, journal)
if sys.argv[1] == "stopped":
    check_stopped(said, journal, "full")
else:
    check_done(said, journal, {digest!r})
"""


def test_a_full_disk_stops_the_run(workload: Path, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    room = tmp_path / "small"
    room.mkdir()
    mounts = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(room)]
    if unshare is None or subprocess.run([unshare, "-rm", *mounts], capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk is made with unshare and mount, which this system does not let its users do")
    digest = json.loads(paper(workload, tmp_path / "whole.db").stdout)["digest"]
    journal = room / "run.db"
    probe = tmp_path / "probe.py"
    tests = str(Path(__file__).resolve().parents[1])
    probe.write_text(PROBE.format(path=[tests], config=str(workload), journal=str(journal), digest=digest))
    environment = {**os.environ, "ROOM": str(room), "PYTHON": sys.executable, "PROBE": str(probe)}
    command = [unshare, "-rm", "sh", "-c", SMALL_DISK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
