"""What is asked of a journal at once is of one moment, though a run writes to it meanwhile."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from journals import Crosses, change, data, portfolio
from pairloom import Journal
from pairloom.cli import journal as command

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")

# What a run could commit between two looks at its file: one transaction that adds to every table.
COMMITTED = """
INSERT INTO intents (seq, step, ts, order_id, trader, verdict) VALUES (900001, 9000, 9, 900001, 0, 'approved');
INSERT INTO fills (seq, step, ts, trader, order_id, venue, account, trade_id)
    VALUES (900002, 9000, 9, 0, 900001, 'simulated', 'spot', 900001);
INSERT INTO steps (seq, step, ts, chain) VALUES (900003, 9000, 9, zeroblob(16));
INSERT INTO runs (event, at, step, after_seq, pid, version, digest)
    VALUES ('finished', 9, 9000, 900003, 1, '1', 'the digest of later');
"""


class Written:
    """The file of a journal to which a run commits right behind one look at it."""

    def __init__(self, file: Any, path: Path, behind: str) -> None:
        self._file = file
        self._path = path
        self._behind = behind

    def at_this_moment(self) -> Written:
        return Written(self._file.at_this_moment(), self._path, self._behind)

    def export(self, name: str, path: Path, csv: bool) -> Any:
        return self._commit(name, self._file.export(name, path, csv))

    def counts(self) -> Any:
        return self._commit("counts", self._file.counts())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _commit(self, name: str, found: Any) -> Any:
        if name == self._behind:
            for statement in COMMITTED.split(";")[:-1]:
                change(self._path, statement)
        return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of a run that is not finished."""
    Crosses.stop_at = 250
    assert portfolio(tmp_path / "run.db").paper(data(), progress=False).interrupted
    Crosses.stop_at = None
    return tmp_path / "run.db"


def written(path: Path, behind: str) -> Journal:
    journal = Journal(path)
    journal._file = Written(journal._file, path, behind)  # type: ignore[assignment]
    return journal


@pytest.mark.parametrize("behind", ["inputs", "intents", "fills"])
def test_an_export_is_of_one_moment(tmp_path: Path, path: Path, behind: str) -> None:
    before = Journal(path).counts
    assert written(path, behind).export(tmp_path / "tables") == before
    assert Journal(path).counts["fills"] == before["fills"] + 1, "the run has written meanwhile"


def test_what_is_shown_of_a_journal_is_of_one_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Journal(path).counts
    monkeypatch.setattr(command, "_open", lambda _: written(path, "counts"))
    command._show(argparse.Namespace(file=str(path), table=None, json=True))
    shown = json.loads(capsys.readouterr().out)
    assert shown["rows"] == before
    assert shown["digest"] is None
    assert "finished" not in {each["event"] for each in shown["runs"]}
    assert Journal(path).digest == "the digest of later"


def test_the_text_of_a_journal_is_of_one_moment(path: Path) -> None:
    assert "not finished" in repr(written(path, "counts"))
    assert "not finished" not in repr(Journal(path))
