"""Journals: what is kept, how a run goes on from it, and what is refused."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow
import pyarrow.parquet
import pytest

import pairloom
from journals import Crosses, ask, books_of, change, data, portfolio, rows_of
from pairloom import ConfigError, Engine, Journal, JournalError, RiskLimits, Signal, Strategy, SyntheticFeed, _journal
from pairloom.errors import BrokerError

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def stop_nowhere() -> Iterator[None]:
    Crosses.stop_at = None
    yield
    Crosses.stop_at = None


@pytest.fixture(scope="module")
def plain() -> Any:
    """The run without a journal, which all others are compared with."""
    return portfolio().backtest(data(), progress=False)


def run(driver: str, engine: Engine) -> Any:
    return engine.backtest(data(), progress=False) if driver == "backtest" else engine.paper(data(), progress=False)


def stopped(driver: str, engine: Engine, at: int) -> None:
    """A run that somebody ends at that event."""
    Crosses.stop_at = at
    assert run(driver, engine).interrupted
    Crosses.stop_at = None


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_a_journal_changes_nothing_and_keeps_everything(tmp_path: Path, plain: Any, driver: str) -> None:
    path = tmp_path / "run.db"
    result = run(driver, portfolio(path))
    assert result.digest == plain.digest
    assert result.resumed_at_step == 0
    journal = Journal(path)
    assert journal.digest == result.digest
    assert journal.check()["problems"] == []
    # Tables of the journal against those of the result: they are made from the same facts by other code.
    for name, columns in {
        "fills": ("ts", "trader", "pair", "side", "quantity", "price", "fee", "order_id", "liquidity"),
        "refusals": ("ts", "trader", "pair", "check", "reason"),
    }.items():
        kept, told = pyarrow.table(getattr(journal, name)), pyarrow.table(getattr(result, name))
        assert len(kept) > 10
        for column in columns:
            assert kept[column].to_pylist() == told[column].to_pylist(), f"{name}.{column}"
    kept, told = pyarrow.table(journal.intents), pyarrow.table(result.orders)
    for column in ("ts", "order_id", "trader", "pair", "side", "type", "quantity", "limit_price"):
        assert kept[column].to_pylist() == told[column].to_pylist(), f"intents.{column}"
    with sqlite3.connect(path) as connection:
        listed = connection.execute("SELECT order_id, status, coalesce(reason, '') FROM order_list").fetchall()
    statuses = zip(*(told[name].to_pylist() for name in ("order_id", "status", "reason")), strict=True)
    assert listed == list(statuses)
    assert [row[3] for row in rows_of(path)["quarantines"]] == [result.traders.index(("Errs S0002/USD", "S0002/USD"))]
    assert list(journal.runs["event"]) == ["begun", "finished"]


@pytest.mark.parametrize("driver", ["backtest", "paper"])
@pytest.mark.parametrize("at", [1, 57, 101, 300])
def test_a_run_that_was_ended_goes_on_where_it_was(tmp_path: Path, plain: Any, driver: str, at: int) -> None:
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    run(driver, portfolio(whole))
    stopped(driver, portfolio(path), at)
    before = rows_of(path)
    # Once more at the same event, while it makes again what is in the journal, and a little behind it.
    stopped(driver, portfolio(path), max(at - 20, 1))
    assert rows_of(path) == before
    stopped(driver, portfolio(path), at + 30)
    result = run(driver, portfolio(path))
    assert result.resumed_at_step > 0
    assert result.digest == plain.digest
    assert result.equity == plain.equity
    now = rows_of(path)
    assert all(now[table][: len(rows)] == rows for table, rows in before.items())
    assert now == rows_of(whole)
    assert Journal(path).check()["problems"] == []
    if driver == "paper":
        books = books_of(path)
        assert books == books_of(whole)
        assert books["duplicates"] == []


def test_a_finished_run_gives_its_result_again_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    first = run("paper", portfolio(path))
    files = {file: file.read_bytes() for file in tmp_path.iterdir() if file.suffix == ".db"}
    again = run("paper", portfolio(path, num_threads=1))
    assert again.digest == first.digest
    assert again.resumed_at_step > 0
    assert {file: file.read_bytes() for file in files} == files


@pytest.mark.parametrize(
    ("change_engine", "named"),
    [
        (lambda path: portfolio(path, fee=0.002), r"engine\.maker_fee was 0\.001, is 0\.002; engine\.taker_fee"),
        (lambda path: portfolio(path, seed=1), "engine.seed was 0, is 1"),
    ],
)
def test_a_journal_of_another_run_is_refused(tmp_path: Path, change_engine: Any, named: str) -> None:
    path = tmp_path / "run.db"
    stopped("paper", portfolio(path), 30)
    before = rows_of(path)
    with pytest.raises(JournalError, match=named) as caught:
        run("paper", change_engine(path))
    assert caught.value.code == "journal.mismatch"
    with pytest.raises(JournalError, match=r"data of S0001/USD was \d+ rows \(\w+\), is \d+ rows"):
        portfolio(path).paper(data(401), progress=False)
    with pytest.raises(JournalError, match="driver was paper, is backtest"):
        run("backtest", portfolio(path))
    other = portfolio(path)
    other.trade("S0001/USD", "simple", size=1)
    with pytest.raises(JournalError, match=r"trader 4 is new: simple\(\) on S0001/USD"):
        run("paper", other)
    assert rows_of(path) == before


def test_another_source_of_a_strategy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(STRATEGY)
    write_csv(tmp_path / "A_USD.csv")
    (tmp_path / "run.toml").write_text(CONFIG)
    command = ["paper", str(tmp_path / "run.toml"), "--journal", str(tmp_path / "run.db"), "--json"]
    first = pairloom_command(*command)
    assert first.returncode == 0, first.stderr
    again = json.loads(pairloom_command(*command).stdout)
    assert again["resumed_at_step"] > 0
    assert again["digest"] == json.loads(first.stdout)["digest"]
    (tmp_path / "one.py").write_text(STRATEGY + "\n")
    refused = pairloom_command(*command)
    assert refused.returncode == 2
    assert "source of One was" in refused.stderr


class Drifts(Strategy):
    """Flips, limit orders, cancels, refusals; from its 150th event on it depends on what is not its own."""

    size: ClassVar[int] = 1
    stop_at: ClassVar[int | None] = None

    def setup(self, ctx: Any) -> None:
        self.n = 0
        self.id: int | None = None

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.n += 1
        if self.n == Drifts.stop_at:
            raise KeyboardInterrupt
        if self.n % 10 == 0:
            ctx.buy(1 if self.n < 150 else Drifts.size, tif="IOC" if self.n % 20 else "GTC")
        if self.n % 25 == 3:
            self.id = ctx.buy(0.5, limit=ctx.candle.close * 0.98)
        elif self.n % 25 == 6 and self.id is not None:
            ctx.replace(self.id, limit=ctx.candle.close * 0.97)
        elif self.n % 25 == 9 and self.id is not None:
            ctx.cancel(self.id)
        elif self.n % 25 == 12:
            ctx.sell(10_000)
        elif self.n % 25 == 15:
            return Signal.long(limit=ctx.candle.close * 0.97)
        elif self.n % 25 == 19:
            return Signal.CLOSE
        return None


def drifting(journal: Path) -> Engine:
    engine = Engine(cash={"USD": 3_000}, journal=journal)
    engine.trade("S0001/USD", Crosses(), size=3)
    engine.trade("S0003/USD", Drifts(), size=2)
    engine.trade("*", "rsi", size={"quote": 200}, period=5)
    return engine


@pytest.fixture
def drift() -> Iterator[type[Drifts]]:
    Drifts.size, Drifts.stop_at = 1, None
    yield Drifts
    Drifts.size, Drifts.stop_at = 1, None


def test_a_backtest_that_does_not_repeat_its_journal_stops_and_says_where(tmp_path: Path, drift: type[Drifts]) -> None:
    path = tmp_path / "run.db"
    drift.stop_at = 300
    assert run("backtest", drifting(path)).interrupted
    before = rows_of(path)
    # State that is not the strategy's own is what a run cannot repeat.
    drift.size, drift.stop_at = 2, None
    with pytest.raises(JournalError, match='trader "Drifts S0003/USD"') as caught:
        run("backtest", drifting(path))
    assert caught.value.code == "journal.not_reproducible"
    details = caught.value.details
    assert details["trader"] == "Drifts S0003/USD"
    assert (details["table"], details["column"]) == ("intents", "quantity")
    assert (details["journal"], details["now"]) == ('"1"', '"2"')
    assert rows_of(path) == before


def test_a_trader_that_does_not_repeat_its_journal_is_quarantined_and_the_others_go_on(
    tmp_path: Path, drift: type[Drifts]
) -> None:
    path = tmp_path / "run.db"
    drift.stop_at = 300
    assert run("paper", drifting(path)).interrupted
    before, steps = rows_of(path), rows_of(path)["steps"][-1][1]
    assert {row[7] for row in before["intents"] if row[4] == 1} >= {"0.5", "1"}
    assert {row[4] for row in before["refusals"] if row[3] == 1} == {"short_sale"}
    assert {row[5] for row in before["orders"]} >= {None, "close", "replaced"}
    drift.size, drift.stop_at = 2, None
    result = run("paper", drifting(path))
    now = rows_of(path)
    # All that was committed stands, what the trader had done included; its quarantine is behind it.
    assert all(now[table][: len(rows)] == rows for table, rows in before.items())
    (record,) = result.quarantined
    assert (record.trader, record.kind) == ("Drifts S0003/USD", "not_reproducible")
    assert "intents.quantity" in str(record.error)
    ((_, step, _, trader, kind, _),) = now["quarantines"]
    assert (trader, kind, step) == (1, "not_reproducible", steps + 1)
    mine = [row for row in now["intents"] if row[4] == 1]
    assert mine == [row for row in before["intents"] if row[4] == 1]
    assert len([row for row in now["intents"] if row[4] == 0]) > len([row for row in before["intents"] if row[4] == 0])
    # Once more, whatever the strategy does now: it is not asked.
    again = run("paper", drifting(path))
    assert again.digest == result.digest
    assert rows_of(path) == now
    assert books_of(path)["duplicates"] == []


def test_a_second_process_is_refused_and_told_who_has_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=1) as live:
        until(lambda: live.status()["events"] > 0, "the first events")
        with pytest.raises(JournalError, match=r"in use by process \d+") as caught:
            run("paper", portfolio(path))
        assert caught.value.code == "journal.locked"
        # Who only reads is not kept away.
        assert Journal(path).counts["runs"] == 1
    assert run("paper", portfolio(path)).resumed_at_step >= 0


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    path.write_text("not a database at all, but long enough to be looked at as one" * 30)
    with pytest.raises(JournalError) as caught:
        run("paper", portfolio(path))
    assert caught.value.code == "journal.damaged"
    other = tmp_path / "other.db"
    change(other, "CREATE TABLE mine (x INTEGER)")
    with pytest.raises(JournalError, match="no journal of Pairloom"):
        run("paper", portfolio(other))
    with pytest.raises(JournalError, match="no such journal"):
        Journal(tmp_path / "none.db")
    with pytest.raises(JournalError) as caught:
        run("paper", portfolio(tmp_path / "no" / "folder.db"))
    assert caught.value.code == "journal.unreachable"
    with pytest.raises(ConfigError, match="is a folder"):
        portfolio(tmp_path)
    with pytest.raises(ConfigError, match="a sweep keeps no journal"):
        portfolio(tmp_path / "s.db").sweep(data(), fast=[2, 3])


def test_a_newer_version_of_the_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    run("backtest", portfolio(path))
    change(path, "PRAGMA user_version = 999")
    for attempt in (lambda: run("backtest", portfolio(path)), lambda: Journal(path)):
        with pytest.raises(JournalError, match="version 999") as caught:
            attempt()
        assert caught.value.code == "journal.version"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE fills SET price = '1' WHERE seq = (SELECT max(seq) FROM fills WHERE step < 200)",
        "UPDATE intents SET trader = trader + 1 WHERE order_id = 20",
        "DELETE FROM fills WHERE seq = (SELECT min(seq) FROM fills)",
    ],
)
def test_a_changed_row_is_found_by_the_check_and_by_the_run(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "run.db"
    stopped("paper", portfolio(path), 250)
    assert Journal(path).check()["problems"] == []
    change(path, sql)
    assert Journal(path).check()["problems"]
    books = books_of(path)
    with pytest.raises(JournalError) as caught:
        run("paper", portfolio(path))
    assert caught.value.code in {"journal.not_reproducible", "journal.damaged"}
    assert books_of(path) == books


def test_an_order_that_was_committed_and_not_sent_is_sent_once(tmp_path: Path, plain: Any) -> None:
    path = tmp_path / "run.db"
    stopped("paper", portfolio(path), 250)
    newest = rows_of(path)["steps"][-1][1]
    last = [row[3] for row in rows_of(path)["intents"] if row[1] == newest and "approved" in row]
    books = path.with_suffix(".broker.db")
    # As if the engine had died between its commit and the broker's: the orders of the last step are not there.
    for order in last:
        change(books, f"DELETE FROM accepted WHERE order_id = {order}")
        change(books, f"DELETE FROM executions WHERE order_id = {order}")
    result = run("paper", portfolio(path))
    assert result.digest == plain.digest
    kept = [row[0] for row in books_of(path)["accepted"]]
    assert len(kept) == len(set(kept))
    assert kept == [row[3] for row in rows_of(path)["intents"] if "approved" in row]


def test_books_of_the_broker_that_contradict_the_journal_stop_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    books = path.with_suffix(".broker.db")
    stopped("paper", portfolio(path), 100)
    early, early_books = path.read_bytes(), books.read_bytes()
    stopped("paper", portfolio(path), 250)
    before = rows_of(path)

    def refused(code: str) -> None:
        with pytest.raises(BrokerError) as caught:
            run("paper", portfolio(path))
        assert caught.value.code == code

    def put(file: Path, content: bytes | None) -> None:
        # With what SQLite keeps beside it, which belongs to the file that was there.
        for old in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            old.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)

    late_books = books.read_bytes()
    change(books, "UPDATE accepted SET lots = lots + 1 WHERE order_id = 3")
    refused("broker.disagrees")
    put(books, late_books)
    change(books, "UPDATE executions SET half_units = half_units + 1 WHERE order_id = 3")
    refused("broker.disagrees")
    # Lost, or an older copy of either file.
    put(books, None)
    refused("broker.lost_order")
    put(books, early_books)
    refused("broker.lost_order")
    assert rows_of(path) == before
    put(books, late_books)
    put(path, early)
    refused("broker.unknown_order")
    put(books, None)
    change(books, "CREATE TABLE account (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    change(books, "PRAGMA user_version = 1")
    refused("broker.other_run")


def test_what_people_told_a_run_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        live.pause("Crosses S0003/USD")
        live.add_position("Crosses S0001/USD", "0.25")
        live.force_exit("S0004/USD")
        live.restart("Crosses S0005/USD")
        live.resume("Crosses S0003/USD")
        assert ask(path, "SELECT command FROM inputs ORDER BY seq") == [
            "pause Crosses S0003/USD",
            "add_position 0.25 Crosses S0001/USD",
            "force_exit S0004/USD",
            "restart Crosses S0005/USD",
            "resume Crosses S0003/USD",
        ]
    before = rows_of(path)
    first, again = (run("paper", portfolio(path)) for _ in range(2))
    assert first.resumed_at_step > 0
    assert first.digest == again.digest
    now = rows_of(path)
    assert all(now[table][: len(rows)] == rows for table, rows in before.items())
    assert books_of(path)["duplicates"] == []


def test_a_command_that_is_refused_does_not_keep_a_run_from_going_on(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        for wrong in (
            lambda: live.pause("S0003/UDS"),
            lambda: live.force_exit("no\nsuch trader"),
            lambda: live.enable("nobody", by="Ada"),
            lambda: live.add_position("Crosses S0001/USD", 0),
            lambda: live.set_limits(RiskLimits(per_trader={"nobody": RiskLimits(max_position=1)}), by="Ada"),
        ):
            with pytest.raises(pairloom.PairloomError):
                wrong()
            live.pause("Crosses S0003/USD")
    first, again = (run("paper", portfolio(path)) for _ in range(2))
    assert first.resumed_at_step > 0
    assert first.digest == again.digest
    assert not first.risk_changes


def test_limits_that_were_refused_do_not_keep_a_run_from_going_on_from_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_journal, "SNAPSHOT_EVERY", 30)
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        for wrong in (RiskLimits(per_trader={"nobody": RiskLimits(max_position=1)}), RiskLimits(halted=["s0001/usd"])):
            with pytest.raises(ConfigError):
                live.set_limits(wrong, by="Ada\nBob")
        live.set_limits(RiskLimits(max_position=1_000), by="Ada\nBob")
        behind = "SELECT 1 FROM snapshots WHERE step > (SELECT max(step) FROM inputs)"
        until(lambda: bool(ask(path, behind)), "a snapshot behind the commands")
        before = live.stop().risk_changes
    first, again = (run("paper", portfolio(path)) for _ in range(2))
    assert first.resumed_at_step > 0
    assert first.digest == again.digest
    told = [[(change["by"], change["what"]) for change in changes] for changes in (before, first.risk_changes)]
    assert told[0] == told[1] and len(told[0]) == 1


def test_limits_that_were_changed_on_the_way_are_changed_again(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    tight = RiskLimits(
        max_order_quantity={"S0001/USD": 0.1, "*": 2},
        per_trader={"Crosses S0003/USD": RiskLimits(max_repeats=(1, 600))},
    )
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        live.set_limits(tight, by="Ada")
        until(lambda: bool(ask(path, "SELECT 1 FROM refusals WHERE \"check\" = 'order_quantity'")), "refusals")
        before = live.stop()
    changes = [(change["by"], change["kind"], change["what"]) for change in before.risk_changes]
    assert [change[:2] for change in changes] == [("Ada", "limits")]
    rows = rows_of(path)
    first, again = (run("paper", portfolio(path)) for _ in range(2))
    assert first.resumed_at_step > 0
    assert first.digest == again.digest
    for result in (first, again):
        assert [(c["by"], c["kind"], c["what"]) for c in result.risk_changes] == changes
        assert result.refusals_by_check["order_quantity"] > before.refusals_by_check["order_quantity"]
        assert "repeated_execution" in result.refusals_by_check
    now = rows_of(path)
    assert all(now[table][: len(each)] == each for table, each in rows.items())


def test_the_kill_switch_stays_set_until_a_person_clears_it(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        live.kill()
    assert Journal(path).killed
    approved = sum("approved" in row for row in rows_of(path)["intents"])
    # It goes on with the switch set: nothing leaves.
    with portfolio(path).start(data(), speed=2_000) as live:
        assert live.status()["killed"]
        seen = live.status()["events"]
        until(lambda: live.status()["events"] > seen + 50, "events after the kill")
    assert sum("approved" in row for row in rows_of(path)["intents"]) == approved
    nobody = pairloom_command("journal", "clear-kill", str(path), "--by", " ")
    assert nobody.returncode == 2 and "must say who does this" in nobody.stderr
    cleared = pairloom_command("journal", "clear-kill", str(path), "--by", "Ada")
    assert "cleared by Ada" in cleared.stdout, cleared.stderr
    assert "not set" in pairloom_command("journal", "clear-kill", str(path), "--by", "Ada").stdout
    result = run("paper", portfolio(path))
    assert sum("approved" in row for row in rows_of(path)["intents"]) > approved
    assert [(row[3], row[4]) for row in rows_of(path)["inputs"]] == [("kill", "person"), ("clear_kill", "Ada")]
    assert not Journal(path).killed
    assert run("paper", portfolio(path)).digest == result.digest


def test_the_kill_switch_of_a_run_that_has_ended_is_not_cleared(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with portfolio(path).start(data(), speed=2_000) as live:
        until(lambda: live.status()["working_orders"] > 0, "orders")
        live.kill()
    run("paper", portfolio(path))
    journal = Journal(path)
    assert journal.killed and journal.digest is not None
    before = rows_of(path)
    refused = pairloom_command("journal", "clear-kill", str(path), "--by", "Ada")
    assert refused.returncode == 2
    assert "has ended, and does not go on; name another file" in refused.stderr
    assert rows_of(path) == before
    shown = pairloom_command("journal", "show", str(path)).stdout
    assert "ended with its kill switch set" in shown and "clear-kill" not in shown


def test_a_run_in_real_time_keeps_what_happens_and_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade(["A/USD", "B/USD"], "simple", size=1)
    feed = SyntheticFeed(["A/USD", "B/USD"], rate=200, seed=1)
    with engine.start(feed) as live:
        until(lambda: Journal(path).counts["fills"] > 5, "fills")
        live.kill()
        result = live.stop()
    journal = Journal(path)
    assert journal.check()["problems"] == []
    assert journal.digest == result.digest
    assert len(journal.fills) == len(result.fills)
    assert len(journal.intents) == len(result.orders)
    assert journal.inputs["command"][0] == "kill"
    books = books_of(path)
    assert books["duplicates"] == []
    # What was on its way when the switch was thrown was held back.
    withheld = set(ask(path, "SELECT order_id FROM orders WHERE status = 'refused' AND reason = 'killed'"))
    approved = [row[3] for row in rows_of(path)["intents"] if "approved" in row]
    assert [row[0] for row in books["accepted"]] == [order for order in approved if order not in withheld]
    with pytest.raises(JournalError, match="cannot be continued") as caught:
        engine.start(feed)
    assert caught.value.code == "journal.real_time"


def test_a_run_in_real_time_whose_journal_fails_takes_its_orders_back(tmp_path: Path) -> None:
    class Rests(Strategy):
        def on_start(self, ctx: Any) -> None:
            ctx.buy(1, limit=1)

        def generate_signal(self, ctx: Any) -> None:
            # Something is filled at each event, and what rests is left alone.
            ctx.buy("0.001")

    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade(["A/USD", "B/USD"], Rests())
    with pytest.raises(JournalError, match="no such table"), engine.start(SyntheticFeed(["A/USD", "B/USD"])) as live:
        until(lambda: live.status()["working_orders"] >= 2 and Journal(path).counts["intents"] >= 2, "orders that rest")
        change(path, "DROP TABLE fills")
        until(lambda: live.finished, "the end of the run")
    limits = set(ask(path, "SELECT order_id FROM intents WHERE type = 'limit'"))
    assert limits
    approved = set(ask(path, "SELECT order_id FROM intents WHERE verdict = 'approved'"))
    books = path.with_suffix(".broker.db")
    # The broker writes when it has nothing else to do, which may be after the run has ended.
    until(lambda: limits <= set(ask(books, "SELECT order_id FROM cancels")), "cancellations")
    assert set(ask(books, "SELECT order_id FROM accepted")) <= approved


def test_a_failing_journal_ends_a_run_whose_trader_waits_for_it(tmp_path: Path) -> None:
    broken = threading.Event()

    class Waits(Strategy):
        sent = False

        def generate_signal(self, ctx: Any) -> None:
            # Once; then nothing comes any more that would have a row of its own, by which the run would hear of it.
            if broken.is_set() and not self.sent:
                self.sent = True
                ctx.buy(1, limit=1)

    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade("A/USD", Waits())
    with pytest.raises(JournalError, match="no such table: intents"), engine.start(SyntheticFeed(["A/USD"])) as live:
        until(lambda: path.exists() and live.status()["steps"] > 0, "the first step")
        change(path, "DROP TABLE intents")
        broken.set()
        until(lambda: live.finished, "the end of the run")


def test_a_failing_journal_ends_a_run_that_has_nothing_more_to_write(tmp_path: Path) -> None:
    broken = threading.Event()

    class Errs(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            if broken.is_set():
                raise ValueError("once")

    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade("A/USD", Errs())
    with (
        pytest.raises(JournalError, match="no such table: quarantines"),
        engine.start(SyntheticFeed(["A/USD"])) as live,
    ):
        until(lambda: path.exists() and live.status()["steps"] > 0, "the first step")
        change(path, "DROP TABLE quarantines")
        broken.set()
        until(lambda: live.finished, "the end of the run")


def test_an_interrupted_run_says_that_its_last_rows_were_not_written(tmp_path: Path) -> None:
    path = tmp_path / "run.db"

    class Breaks(Strategy):
        n = 0

        def generate_signal(self, ctx: Any) -> None:
            self.n += 1
            if self.n == 50:
                change(path, "DROP TABLE intents")
                ctx.buy("0.001")
            if self.n == 51:
                raise KeyboardInterrupt

    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade("A/USD", Breaks())
    with pytest.raises(JournalError, match="no such table: intents"):
        engine.backtest(pairloom.synthetic(["A/USD"], rows=100, seed=1), progress=False)


def test_a_run_whose_log_is_taken_away_stops_before_anything_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade(["A/USD", "B/USD"], "simple", size=1)
    with (
        pytest.raises(JournalError, match="write-ahead log was removed") as caught,
        engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=200, seed=1)) as live,
    ):
        until(lambda: Journal(path).counts["fills"] > 5, "fills")
        # What another SQLite does that takes itself for the file's only user.
        Path(f"{path}-wal").unlink()
        until(lambda: live.finished, "the end of the run")
    assert caught.value.code == "journal.disturbed"
    # All that left is in the file.
    approved = set(ask(path, "SELECT order_id FROM intents WHERE verdict = 'approved'"))
    accepted = set(ask(path.with_suffix(".broker.db"), "SELECT order_id FROM accepted"))
    assert accepted
    assert accepted <= approved


@pytest.mark.skipif(sys.platform != "linux", reason="the locks of an open file are of Linux")
def test_another_sqlite_of_its_process_may_read_the_files_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    books = path.with_suffix(".broker.db")
    engine = Engine(cash={"USD": 10_000}, journal=path)
    engine.trade(["A/USD", "B/USD"], "simple", size=1)
    count = {path: "SELECT count(*) FROM fills", books: "SELECT count(*) FROM executions"}
    seen = dict.fromkeys(count, 0)
    with engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=200, seed=1)) as live:
        until(lambda: Journal(path).counts["fills"] > 5, "fills")
        logs = [Path(f"{file}-wal").stat().st_ino for file in count]
        for _ in range(50):
            for file, question in count.items():
                # What a notebook does to look at the run.
                with contextlib.closing(sqlite3.connect(file)) as connection:
                    (rows,) = connection.execute(question).fetchone()
                assert rows >= seen[file]
                seen[file] = rows
        assert [Path(f"{file}-wal").stat().st_ino for file in count] == logs
        before = Journal(path).counts["fills"]
        until(lambda: Journal(path).counts["fills"] > before, "more fills")
        result = live.stop()
    assert len(result.fills) == Journal(path).counts["fills"]
    # The last user brings the log into the file.
    assert not [file for file in count if Path(f"{file}-wal").exists()]
    approved = set(ask(path, "SELECT order_id FROM intents WHERE verdict = 'approved'"))
    accepted = set(ask(books, "SELECT order_id FROM accepted"))
    assert accepted
    assert accepted <= approved


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are for Linux")
def test_workers_and_threads_continue_each_others_journals(tmp_path: Path, plain: Any) -> None:
    path = tmp_path / "run.db"
    stopped("paper", portfolio(path), 150)
    result = run("paper", portfolio(path, workers=2))
    assert result.resumed_at_step > 0
    assert result.digest == plain.digest


STRATEGY = """
from pairloom import Signal, Strategy

class One(Strategy):
    def setup(self, ctx):
        self.n = 0

    def generate_signal(self, ctx):
        self.n += 1
        return Signal.LONG if self.n % 7 else Signal.CLOSE
"""

CONFIG = """
[engine]
cash = { USD = 1000 }
[data]
path = "A_USD.csv"
[[trader]]
pairs = "A/USD"
strategy = "one.py:One"
size = 1
"""


def write_csv(path: Path) -> None:
    columns = pairloom.synthetic(["A/USD"], rows=200, seed=2)["A/USD"]
    rows = zip(*(columns[name].tolist() for name in columns), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def pairloom_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairloom", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_native_traders_are_replayed_by_the_other_driver(tmp_path: Path) -> None:
    """A backtest passes over steps in which nothing happens; its journal has the same groups of rows all the same."""
    write_csv(tmp_path / "A_USD.csv")
    config = CONFIG.replace('"one.py:One"', '"sma_cross"').replace("[data]", 'journal = "run.db"\n[data]')
    (tmp_path / "run.toml").write_text(config + 'options = { fast = 2, slow = 5, side = "long" }\n')
    for driver in ("paper", "backtest"):
        done = json.loads(pairloom_command(driver, str(tmp_path / "run.toml"), "--json").stdout)
        assert done["fills"] > 20
        replayed = json.loads(pairloom_command("replay", str(tmp_path / "run.db"), "--json").stdout)
        assert replayed["agrees"], replayed["first_difference"]
        assert replayed["digest"] == done["digest"]
        (tmp_path / "run.db").unlink()


def test_a_run_all_of_whose_traders_erred_is_replayed(tmp_path: Path) -> None:
    erring = """
from pairloom import Signal, Strategy


class One(Strategy):
    def setup(self, ctx):
        self.n = 0

    def generate_signal(self, ctx):
        self.n += 1
        if self.n == 50:
            raise ValueError("planted")
        return Signal.LONG
"""
    (tmp_path / "one.py").write_text(erring)
    write_csv(tmp_path / "A_USD.csv")
    (tmp_path / "run.toml").write_text(CONFIG.replace("[data]", 'journal = "run.db"\n[data]'))
    assert "planted" in pairloom_command("paper", str(tmp_path / "run.toml")).stderr
    done = pairloom_command("replay", str(tmp_path / "run.db"), "--json")
    replayed = json.loads(done.stdout)
    assert replayed["agrees"]
    assert replayed["fills"] == 1
    assert done.returncode == 0


@pytest.mark.parametrize(
    "venue", ["reconcile = { interval = 10 }", "faults = { seed = 3, lose_reply = 0.3, delay = [0.2, 90] }"]
)
def test_a_run_whose_venue_is_asked_or_fails_is_replayed(tmp_path: Path, venue: str) -> None:
    (tmp_path / "one.py").write_text(STRATEGY)
    write_csv(tmp_path / "A_USD.csv")
    (tmp_path / "run.toml").write_text(CONFIG.replace("[data]", f'journal = "run.db"\n{venue}\n[data]'))
    done = json.loads(pairloom_command("paper", str(tmp_path / "run.toml"), "--json").stdout)
    files = {path: path.read_bytes() for path in tmp_path.glob("run.*")}
    replayed = json.loads(pairloom_command("replay", str(tmp_path / "run.db"), "--json").stdout)
    assert replayed["agrees"]
    assert replayed["digest"] == replayed["journal_digest"] == done["digest"]
    assert {path: path.read_bytes() for path in tmp_path.glob("run.*")} == files


def test_a_journal_is_replayed_shown_exported_and_pruned(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(STRATEGY)
    write_csv(tmp_path / "A_USD.csv")
    (tmp_path / "run.toml").write_text(CONFIG.replace("[data]", 'journal = "run.db"\n[data]'))
    path = tmp_path / "run.db"
    done = json.loads(pairloom_command("paper", str(tmp_path / "run.toml"), "--json").stdout)
    before = path.read_bytes()

    def document(*arguments: str, status: int = 0) -> Any:
        said = pairloom_command(*arguments, "--json")
        assert said.returncode == status, said.stderr
        return json.loads(said.stdout)

    replayed = document("replay", str(path))
    assert replayed["agrees"]
    assert replayed["digest"] == replayed["journal_digest"] == done["digest"]
    shown = document("journal", "show", str(path))
    assert shown["rows"]["fills"] == done["fills"] > 20
    fills = document("journal", "show", str(path), "fills", "--last", "3")["rows"]
    assert [fill["order_id"] for fill in fills] == [done["fills"] - 2, done["fills"] - 1, done["fills"]]
    assert document("journal", "check", str(path))["whole"]
    assert path.read_bytes() == before
    for format in ("parquet", "csv"):
        counts = document("journal", "export", str(path), str(tmp_path / format), "--format", format)["rows"]
        assert counts["fills"] == done["fills"]
    exported = pyarrow.parquet.read_table(tmp_path / "parquet" / "fills.parquet")
    kept = pyarrow.table(Journal(path).fills)
    assert exported.equals(kept)
    lines = (tmp_path / "csv" / "fills.csv").read_text().splitlines()
    at = lines[0].split(",").index("price")
    assert [Decimal(line.split(",")[at]) for line in lines[1:]] == kept["price"].to_pylist()

    change(path, "UPDATE fills SET price = '1' WHERE seq = (SELECT min(seq) FROM fills)")
    differs = document("replay", str(path), status=1)
    assert not document("journal", "check", str(path), status=1)["whole"]
    found = differs["first_difference"]
    assert "message" in found or (found["column"] in {"price", "chain"} and type(found["step"]) is int)
    path.write_bytes(before)

    removed = document("journal", "prune", str(path), "--before-step", "100")["removed"]
    assert 0 < removed < shown["rows"]["fills"] * 4
    assert document("journal", "check", str(path))["whole"]
    sizes = document("journal", "vacuum", str(path))
    assert sizes["bytes"] <= sizes["bytes_before"]
    refused = pairloom_command("paper", str(tmp_path / "run.toml"))
    assert "can only be read" in refused.stderr
