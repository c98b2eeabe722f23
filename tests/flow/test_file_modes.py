"""What holds a user's trades is that user's alone, whatever the mask of the process allows."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")


class Looks(Strategy):
    """Notes the modes of all files of its journal while the run goes on: the logs are there then."""

    folder: Any = None

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.n += 1
        if self.n == 50:
            SEEN.update(modes(Path(self.folder)))
        return Signal.LONG if self.n % 7 < 4 else Signal.CLOSE


SEEN: dict[str, int] = {}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def open_mask() -> Iterator[None]:
    """A mask that lets everybody in."""
    before = os.umask(0)
    SEEN.clear()
    yield
    os.umask(before)


def run(folder: Path) -> None:
    engine = Engine(cash={"USD": 1_000}, journal=folder / "run.db")
    engine.trade("*", Looks(folder=str(folder)), size=1)
    engine.paper(pairloom.synthetic(1, rows=80, seed=1), progress=False)


@pytest.mark.usefixtures("open_mask")
def test_a_journal_its_books_and_its_lock_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    run(tmp_path)
    assert SEEN.keys() >= {"run.db", "run.db-wal", "run.db-shm", "run.db.lock", "run.broker.db", "run.broker.db-wal"}
    assert set(SEEN.values()) == {0o600}
    assert set(modes(tmp_path).values()) == {0o600}


@pytest.mark.usefixtures("open_mask")
def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    for name in ("run.db", "run.db.lock", "run.broker.db"):
        path = tmp_path / name
        path.touch()
        path.chmod(0o640)
    run(tmp_path)
    assert set(SEEN.values()) == {0o640}
