"""Every order can be traced back to the version of the strategy that decided it (control 16)."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import ConfigError, Engine, Journal, JournalError, Signal, Strategy
from plugin_build import build, functions


class Plain(Strategy):
    fast: int = 3

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG if ctx.candle.close > ctx.candle.open else Signal.CLOSE


class Named(Plain):
    version = "2.1"


class Numbered(Plain):
    version: int = 7


def data() -> Any:
    return pairloom.synthetic(2, rows=60, seed=3)


def run(*strategies: Any, journal: Path | None = None, driver: str = "backtest") -> pairloom.Result:
    engine = Engine(cash={"USD": 10_000}, journal=journal)
    for number, strategy in enumerate(strategies):
        parameters = {"side": "long"} if strategy == "sma_cross" else {}
        engine.trade("S0001/USD", strategy, size=1, name=f"T{number}", **parameters)
    return getattr(engine, driver)(data(), progress=False)


def written(folder: Path, body: str) -> Any:
    """The class of a file with this source."""
    path = folder / "written.py"
    path.write_text(body)
    spec = importlib.util.spec_from_file_location("written_strategy", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["written_strategy"] = module
    # Files that change within a second would be taken from what was compiled before.
    exec(compile(body, str(path), "exec"), module.__dict__)
    return module.Own


SOURCE = """
import pairloom


class Own(pairloom.Strategy):
    def generate_signal(self, ctx):
        return pairloom.Signal.LONG
"""


def test_a_version_is_what_the_class_says_or_a_fingerprint_of_its_source(tmp_path: Path) -> None:
    first, changed = written(tmp_path, SOURCE), None
    versions = run(Plain, Named, Numbered, Numbered(version=8), "simple", first).strategy_versions
    assert list(versions) == [f"T{n}" for n in range(6)]
    own = versions["T5"]
    assert len(own) == len(versions["T0"]) == 16
    assert own != versions["T0"]
    assert [versions[f"T{n}"] for n in (1, 2, 3, 4)] == ["2.1", "7", "8", "simple 1"]
    assert run(written(tmp_path, SOURCE)).strategy_versions == {"T0": own}
    changed = written(tmp_path, SOURCE + "# another one\n")
    assert run(changed).strategy_versions["T0"] != own


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_the_journal_names_the_version_of_each_order(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "run.db"
    result = run(Named, Plain, "simple", journal=path, driver=driver)
    traders = Journal(path).traders
    versions = dict(zip(traders.column("name"), traders.column("strategy_version"), strict=True))
    assert versions == result.strategy_versions
    with sqlite3.connect(path) as connection:
        listed = connection.execute("SELECT trader, strategy_version FROM order_list").fetchall()
    assert len(listed) == len(result.orders) > 0
    assert all(versions[trader] == version for trader, version in listed)


def test_a_journal_is_not_continued_by_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.db"
    run(Named, journal=path)
    monkeypatch.setattr(Named, "version", "2.2")
    with pytest.raises(JournalError, match=r"the strategy version of T0 was 2\.1, is 2\.2") as caught:
        run(Named, journal=path)
    assert caught.value.code == "journal.mismatch"


def test_a_file_of_before_is_brought_to_this_version(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    wanted = run(Named, journal=path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE snapshots")
        connection.execute("DROP VIEW order_list")
        connection.execute("ALTER TABLE traders DROP COLUMN strategy_version")
        connection.execute("CREATE VIEW order_list AS SELECT * FROM intents")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert list(Journal(path).traders.columns) == ["name", "pair", "strategy"]
    assert run(Named, journal=path).digest == wanted.digest
    # What was not kept then is not known now.
    assert Journal(path).traders.column("strategy_version").tolist() == [None]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM order_list").fetchone() == (len(wanted.orders),)


def test_a_plug_in_has_the_version_of_its_library(tmp_path: Path) -> None:
    cross = functions(build("cross", tmp_path), "cross_functions")

    class Shown:
        version = "1.9"

        def __pairloom_strategy__(self) -> Any:
            return cross

    versions = run(cross, Shown()).strategy_versions
    assert versions["T1"] == "1.9"
    if sys.platform == "linux":
        assert len(versions["T0"]) == 16


@pytest.mark.parametrize("version", ["", " ", True, ["1"]])
def test_a_version_that_names_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    monkeypatch.setattr(Named, "version", version)
    with pytest.raises(ConfigError, match="every order names it") as caught:
        run(Named)
    assert caught.value.code == "config.strategy_version"


def test_a_plug_in_of_no_known_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cross = functions(build("cross", tmp_path), "cross_functions")
    monkeypatch.setattr("pairloom._native.plugin_library", lambda _: None)
    with pytest.raises(ConfigError, match="nothing tells the version of this plug-in") as caught:
        run(cross)
    assert caught.value.code == "config.strategy_version"


BUILTINS = ["sma_cross", "rsi", "simple", "heikin_ashi"]


def test_a_built_in_has_a_version_of_its_own() -> None:
    # It changes with its rule. Should a new version of Pairloom be all that is new, this is as it was.
    versions = run(*BUILTINS).strategy_versions
    assert list(versions.values()) == ["sma_cross 1", "rsi 1", "simple 1", "heikin_ashi 1"]


def renamed(path: Path, trader: str, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE traders SET strategy_version = ? WHERE name = ?", (version, trader))
    connection.close()


@pytest.mark.parametrize("version", ["pairloom 0.1.0", "pairloom 0.0.9"])
def test_a_journal_that_has_the_version_of_pairloom_goes_on(tmp_path: Path, version: str) -> None:
    path = tmp_path / "run.db"
    wanted = run(*BUILTINS, journal=path, driver="paper")
    for number in range(4):
        renamed(path, f"T{number}", version)
    assert run(*BUILTINS, journal=path, driver="paper").digest == wanted.digest
    # What stands there stands.
    assert Journal(path).traders.column("strategy_version").tolist() == [version] * 4


@pytest.mark.parametrize("version", ["rsi 2", "simple 1", "pairloom"])
def test_a_built_in_of_another_version_is_another_strategy(tmp_path: Path, version: str) -> None:
    path = tmp_path / "run.db"
    run("rsi", journal=path)
    renamed(path, "T0", version)
    with pytest.raises(JournalError, match=f"the strategy version of T0 was {version}, is rsi 1"):
        run("rsi", journal=path)


def test_a_class_is_no_built_in_of_before(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    run(Named, journal=path)
    renamed(path, "T0", "pairloom 0.1.0")
    with pytest.raises(JournalError, match=r"was pairloom 0\.1\.0, is 2\.1"):
        run(Named, journal=path)
