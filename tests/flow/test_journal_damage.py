"""Journals that somebody or something changed: what is found, what is refused, and what it is called."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pairloom
from journals import Crosses, books_of, change, data, portfolio
from pairloom import Engine, Journal, JournalError, SyntheticFeed
from pairloom._native import journal_prune
from pairloom.cli import main
from pairloom.journal import replay

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")

CONFIG = """
[engine]
cash = { USD = 1000 }
[data]
path = "data"
[[trader]]
pairs = "*"
strategy = "rsi"
options = { period = 5 }
size = 1
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished journal that a config began."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "run.toml").write_text(CONFIG)
    (folder / "data").mkdir()
    for pair, columns in pairloom.synthetic(["A/USD", "B/USD", "C/USD"], rows=300, seed=4, volatility=0.01).items():
        rows = zip(*(columns[name].tolist() for name in columns), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        (folder / "data" / f"{pair.replace('/', '_')}.csv").write_text("\n".join(lines) + "\n")
    assert main(["paper", str(folder / "run.toml"), "--journal", str(folder / "run.db"), "--json"]) == 0
    return folder / "run.db"


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    shutil.copy(whole, tmp_path / "run.db")
    return tmp_path / "run.db"


def number(path: Path, sql: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute(sql).fetchone()
    return int(found)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline


def said_of_damage(action: Callable[[], object], *words: str) -> None:
    with pytest.raises(JournalError) as caught:
        action()
    assert caught.value.code == "journal.damaged", caught.value
    for word in (*words, "pairloom journal check"):
        assert word in str(caught.value)
    assert "report it" not in str(caught.value)


@pytest.mark.parametrize("column", ["step", "ts"])
@pytest.mark.parametrize("by", ["+ 1", "- 1", "+ 4611686018427387904"])
def test_a_step_that_was_changed_is_damage(path: Path, column: str, by: str) -> None:
    assert Journal(path).check()["problems"] == []
    middle = number(path, "SELECT seq FROM steps ORDER BY seq LIMIT 1 OFFSET (SELECT count(*) / 2 FROM steps)")
    before = Journal(path).counts
    change(path, f"UPDATE steps SET {column} = {column} {by} WHERE seq = {middle}")
    assert Journal(path).check()["problems"]
    # The run does what it did, so that no strategy is to blame for it.
    said_of_damage(lambda: replay(path), f"row {middle}")
    said_of_damage(lambda: journal_prune(path, 100), "no rows were taken out")
    assert Journal(path).counts == before


def test_a_run_does_not_go_on_behind_a_step_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    Crosses.stop_at = 250
    assert portfolio(path).paper(data(), progress=False).interrupted
    Crosses.stop_at = None
    change(path, "UPDATE steps SET ts = ts + 1 WHERE seq = (SELECT min(seq) FROM steps)")
    books = books_of(path)
    said_of_damage(lambda: portfolio(path).paper(data(), progress=False), "nothing was sent")
    assert books_of(path) == books


@pytest.mark.parametrize("driver", ["backtest", "paper", "real time"])
def test_what_holds_of_the_steps_of_an_older_journal_holds_of_every_run(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "run.db"
    if driver == "real time":
        engine = Engine(cash={"USD": 100_000}, journal=path)
        engine.trade(["A/USD", "B/USD"], "simple", size=1)
        with engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=2_000, seed=1)) as live:
            until(lambda: Journal(path).counts["steps"] > 50)
            live.kill()
            live.stop()
    elif driver == "paper":
        portfolio(path).paper(data(), progress=False)
    else:
        portfolio(path).backtest(data(), progress=False)
    between = """
        SELECT count(*) FROM (SELECT seq, step, ts, lag(seq, 1, 0) OVER w AS after, lag(step, 1, 0) OVER w AS earliest,
            lag(ts, 1, -9e18) OVER w AS since FROM steps WINDOW w AS (ORDER BY seq)) s
        JOIN (SELECT seq, step, ts, 1 AS timed FROM inputs UNION ALL SELECT seq, step, ts, 1 FROM intents UNION ALL
            SELECT seq, step, ts, 1 FROM orders UNION ALL SELECT seq, step, ts, 0 FROM fills UNION ALL
            SELECT seq, step, ts, 0 FROM refusals UNION ALL SELECT seq, step, ts, 0 FROM quarantines) x
            ON x.seq > s.after AND x.seq < s.seq
    """
    assert number(path, between) > 30
    outside = (
        f"{between} WHERE x.step NOT BETWEEN s.earliest AND s.step OR x.timed AND x.ts NOT BETWEEN s.since AND s.ts"
    )
    assert number(path, outside) == 0
    assert (
        number(path, "SELECT count(*) FROM steps a JOIN steps b ON b.seq > a.seq AND (b.step < a.step OR b.ts < a.ts)")
        == 0
    )


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("UPDATE settings SET value = cast(x'3537ff' AS TEXT) WHERE key LIKE 'data of%'", "settings"),
        ("UPDATE runs SET digest = cast(x'ff' AS TEXT) WHERE event = 'finished'", "runs"),
        ("DROP TABLE settings", "settings"),
    ],
)
def test_what_show_and_replay_cannot_read_is_damage(path: Path, sql: str, table: str) -> None:
    change(path, sql)
    assert any(table in problem for problem in Journal(path).check()["problems"])
    said_of_damage(lambda: replay(path), table, "run.db")
    said_of_damage(lambda: (Journal(path).settings, Journal(path).digest), table)
    assert main(["journal", "check", str(path)]) == 1


def test_a_config_in_a_journal_that_is_none_any_more_is_damage(path: Path) -> None:
    change(path, "UPDATE settings SET value = '{' WHERE key = 'document'")
    said_of_damage(lambda: replay(path), "settings")


def test_rows_of_a_trader_that_is_lost_are_not_left_out_in_silence(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(path, "DELETE FROM traders WHERE trader = 2")
    said_of_damage(lambda: Journal(path).intents, "trader 2", "intents")
    said_of_damage(lambda: Journal(path).export(tmp_path / "tables"), "trader 2")
    assert main(["journal", "export", str(path), str(tmp_path / "tables")]) != 0
    capsys.readouterr()
    assert main(["journal", "check", str(path), "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert any("rows of traders that there are not" in problem for problem in problems)
    # A lost trader without rows is found where others follow it.
    change(path, "DELETE FROM traders WHERE trader = 0")
    assert any("traders missing" in problem for problem in Journal(path).check()["problems"])
    assert len(Journal(path).orders) > 0, "a table without traders can be read"
