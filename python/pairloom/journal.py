"""``Journal``: what a run kept of itself, as tables."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pairloom._native import JournalFile
from pairloom._settings import choice
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from pairloom._native import Table
    from pairloom.engine import Engine
    from pairloom.result import Result

__all__ = ["FORMATS", "TABLES", "Journal", "replay"]

TABLES = (*JournalFile.names(), "runs", "traders", "snapshots")
FORMATS = ("parquet", "csv")


class Journal:
    """A journal, read-only; the run that writes it may go on meanwhile.

    Its tables are `inputs` (what people told the run), `intents` (every order that reached the gate),
    `orders` (how each that left has ended), `fills`, `refusals`, `quarantines` and `steps`, whose rows
    stand in one sequence, `seq`; `runs`, the times at which the run was begun, resumed and finished;
    `traders`; and `snapshots`, from which it goes on.
    Each is like `Result.fills`: an Arrow stream with exact decimals, `to_pandas()`, `to_polars()`.

    Raises ``JournalError`` where there is no journal, or none that this version can read.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open the file; its tables are read when they are asked for."""
        self.path = Path(path).expanduser()
        """Where it is."""
        self._file = JournalFile(self.path)

    def table(self, name: str) -> Table:
        """Return a table as it is now."""
        return self._file.table(choice("table", name, TABLES))

    @property
    def inputs(self) -> Table:
        """What people told the run: `seq, step, ts, command, author, at`."""
        return self.table("inputs")

    @property
    def intents(self) -> Table:
        """Every order that reached the gate.

        `seq, step, ts, order_id, trader, pair, side, type, quantity, limit_price, tif, reduce_only, origin,
        client_id, tag, verdict, reason`; the verdict is approved, refused or liquidation.
        """
        return self.table("intents")

    @property
    def orders(self) -> Table:
        """How each order that left has ended: `seq, step, ts, order_id, status, reason`."""
        return self.table("orders")

    @property
    def fills(self) -> Table:
        """Fills.

        `seq, step, ts, trader, pair, side, quantity, price, fee, order_id, liquidity, venue, account, trade_id`.
        """
        return self.table("fills")

    @property
    def refusals(self) -> Table:
        """What the gate refused or the cash at the fill cut: `seq, step, ts, trader, pair, check, reason`."""
        return self.table("refusals")

    @property
    def quarantines(self) -> Table:
        """Traders that were stopped: `seq, step, ts, trader, pair, kind, error`."""
        return self.table("quarantines")

    @property
    def steps(self) -> Table:
        """Committed steps in which something was decided: `seq, step, ts, chain`, a fingerprint of all rows so far."""
        return self.table("steps")

    @property
    def runs(self) -> Table:
        """The life of the run: `run, event, at, step, after_seq, pid, version, digest, author`."""
        return self.table("runs")

    @property
    def traders(self) -> Table:
        """Who traded: `name, pair, strategy, strategy_version`; files of earlier versions lack the last."""
        return self.table("traders")

    @property
    def snapshots(self) -> Table:
        """What the run goes on from, should it be killed; none once it is finished.

        `number, step, ts, after_seq, version, part_bytes, state_bytes`: after which step, behind which row, what the
        records grew by since the one before, and what stood then, of the newest ones alone.
        """
        return self.table("snapshots")

    @cached_property
    def settings(self) -> dict[str, str]:
        """What makes the run this one: settings, strategies and their sources, data, each as a text."""
        return {name: value for name, value, compared in self._file.settings() if compared}

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return self._file.counts()

    @property
    def digest(self) -> str | None:
        """The digest of a finished run, else ``None``."""
        finished = [digest for digest in self.runs.column("digest") if digest is not None]
        return finished[0] if finished else None

    @property
    def killed(self) -> bool:
        """Whether the run will go on with its kill switch set."""
        return self._file.killed

    def check(self) -> dict[str, Any]:
        """Read everything; returns ``rows, steps, last_step, digest, pruned`` and the list of ``problems``.

        The file's own structure is checked, the sequence, and a chain of fingerprints over all rows but the
        texts for people and the times of the day.
        """
        return self._file.check()

    def export(self, folder: str | PathLike[str], format: Literal["parquet", "csv"] = "parquet") -> dict[str, int]:
        """Write every table to a file of its own in ``folder``; returns the number of rows of each.

        All are as they were at one moment, also while a run writes the journal.
        """
        choice("format", format, FORMATS)
        folder = Path(folder).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: {error.strerror}", code="config.folder") from None
        file = self._file.at_this_moment()
        return {name: file.export(name, folder / f"{name}.{format}", format == "csv") for name in TABLES}

    def _at_this_moment(self) -> Journal:
        """The same journal as it is now: what is asked of it fits together, whatever a run writes meanwhile."""
        same = Journal.__new__(Journal)
        same.path, same._file = self.path, self._file.at_this_moment()
        return same

    def __repr__(self) -> str:
        """The file and what is in it."""
        now = self._at_this_moment()
        counts = now.counts
        state = "finished" if now.digest else "not finished"
        shown = ", ".join(f"{counts[name]:,} {name}" for name in ("intents", "fills", "refusals"))
        return f"<Journal {str(self.path)!r}: {shown}; {state}>"


def replay(path: str | PathLike[str]) -> dict[str, Any]:
    """Run what a journal was written by once more, and say whether it comes out the same; nothing is written.

    The journal must have been begun by a config (``pairloom paper CONFIG --journal FILE``). Returns
    ``agrees, digest, journal_digest, finished, last_step, orders, fills, elapsed_s`` and
    ``first_difference`` (``step, trader, table, column, journal, now``), which is ``None`` where it agrees.
    """
    from pairloom.errors import JournalError

    journal = Journal(path)
    engine, data, options = _engine_of(journal)
    finished = journal.digest
    document: dict[str, Any] = {
        "agrees": False,
        "digest": None,
        "journal_digest": finished,
        "finished": finished is not None,
        "last_step": int(max(journal.steps.column("step"), default=0)),
        "first_difference": None,
    }
    try:
        # Where nobody told the run anything, the other driver makes it again: it knows neither channels nor brokers.
        live = len(journal.inputs) > 0 or "not_reproducible" in journal.quarantines.column("kind")
        live = live or "refused" in journal.orders.column("status")
        # A connection that fails, and who compares both sides of it, are part of what is made again.
        live = live or not {"faults", "reconcile"}.isdisjoint(engine._settings)
        result = _result_of(lambda: engine.paper(data, **options) if live else engine.backtest(data, **options))
    except JournalError as error:
        if error.code != "journal.not_reproducible":
            raise
        difference: dict[str, Any] = {**error.details} or {"message": str(error)}
        if "step" in difference:
            difference["step"] = int(difference["step"])
        return {**document, "first_difference": difference}
    return {
        **document,
        "agrees": True,
        "digest": result.digest,
        "orders": len(result.orders),
        "fills": len(result.fills),
        "elapsed_s": result.elapsed,
    }


def _result_of(run: Callable[[], Result]) -> Result:
    """What came of a run, also where all its traders were quarantined."""
    from pairloom.errors import StrategyError

    try:
        return run()
    except StrategyError as error:
        if error.result is None:
            raise
        return error.result


def _engine_of(journal: Journal) -> tuple[Engine, str, dict[str, Any]]:
    """The engine, data and options that a journal was written with."""
    from pairloom.config import make_plan
    from pairloom.errors import JournalError

    driver = journal.settings.get("driver", "")
    if driver == "real time":
        raise JournalError(
            f"{journal.path} is of a run in real time, whose market events are not kept, so it cannot be made again",
            code="journal.real_time",
        )
    extras = {name: value for name, value, compared in journal._file.settings() if not compared}
    if "document" not in extras:
        raise JournalError(
            f"{journal.path} was not begun by a config file; run its own program again on it: a finished run is "
            "compared from end to end, and nothing is sent",
            code="journal.no_config",
        )
    try:
        document, base, where = (json.loads(extras[name]) for name in ("document", "base", "where"))
    except (KeyError, ValueError):
        raise JournalError(
            f"{journal.path}: the config in its table settings is not what was written; take the last copy that "
            "`pairloom journal check` finds whole",
            code="journal.damaged",
        ) from None
    # A replay sends nothing, so that it has nobody to ask.
    for key in ("journal", "risk_socket", "risk_timeout", "broker_socket"):
        document["engine"].pop(key, None)
    plan = make_plan(document, base=Path(base), where=where)
    plan.engine._journal = journal.path.absolute()
    plan.engine._replays = driver
    return plan.engine, plan.data, plan.options
