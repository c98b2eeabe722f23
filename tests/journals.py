"""What the tests of journals share: strategies that can be stopped, and the rows of files as anybody reads them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pairloom
from pairloom import Engine, Signal, Strategy
from pairloom import indicators as ta

TABLES = ("inputs", "intents", "orders", "fills", "refusals", "quarantines", "steps")


class Crosses(Strategy):
    """Signals, limit orders that rest, cancels; and an interrupt at one event of the first pair, if a test wants it."""

    fast: int = 3
    slow: int = 9
    stop_at: ClassVar[int | None] = None

    def setup(self, ctx: Any) -> None:
        self.f = ctx.indicator(ta.Sma(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))
        self.n = 0
        self.id: int | None = None

    def generate_signal(self, ctx: Any) -> Signal:
        self.n += 1
        if self.n == Crosses.stop_at and ctx.pair.startswith("S0001"):
            raise KeyboardInterrupt
        if self.n % 20 == 0:
            self.id = ctx.buy(0.5, limit=ctx.candle.close * 0.99)
        elif self.n % 20 == 7 and self.id is not None:
            ctx.cancel(self.id)
        return Signal.LONG if self.f.value > self.s.value else Signal.CLOSE


class Errs(Strategy):
    """Holds, and errs at its hundredth event."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.n += 1
        if self.n == 100:
            raise ValueError("planted")
        return Signal.LONG


def data(rows: int = 400) -> Any:
    """Five markets."""
    return pairloom.synthetic(5, rows=rows, seed=4, volatility=0.01, missing=0.1)


def portfolio(journal: Path | None = None, **settings: Any) -> Engine:
    """Python and native traders, some of whose orders are refused, and one that errs."""
    engine = Engine(cash={"USD": 1_200}, journal=journal, **settings)
    engine.trade("*", Crosses(), size=3)
    engine.trade("*", "rsi", size={"quote": 200}, period=5)
    engine.trade("S0002/USD", Errs(), size=1)
    return engine


def rows_of(path: Path, *, whole: bool = True) -> dict[str, list[Any]]:
    """All rows of the sequence; not ``whole``: without texts for people and times of the day."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = {table: connection.execute(f"SELECT * FROM {table} ORDER BY seq").fetchall() for table in TABLES}
    finally:
        connection.close()
    if not whole:
        rows = {**rows, "inputs": [row[:-1] for row in rows["inputs"]]}
    return rows


# A file that a run of this process has open is asked and changed from another one: SQLite's locks belong to a process,
# and when this interpreter's own SQLite closes the file, the run would lose them.
ELSEWHERE = """
import json, sqlite3, sys
path, mode, *questions = sys.argv[1:]
connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True)
with connection:
    answers = [connection.execute(question).fetchall() for question in questions]
connection.close()
print(json.dumps(answers))
"""


def elsewhere(path: Path, mode: str, *questions: str) -> list[list[list[Any]]]:
    """What another process is told, for each question its rows."""
    command = [sys.executable, "-c", ELSEWHERE, str(path), mode, *questions]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answers: list[list[list[Any]]] = json.loads(done.stdout)
    return answers


def ask(path: Path, question: str) -> list[Any]:
    """The one column of the rows of a file that may be in use."""
    (answer,) = elsewhere(path, "ro", question)
    return [value for (value,) in answer]


BOOKS = {
    "accepted": "SELECT order_id, ts, pair, side, lots FROM accepted ORDER BY 1",
    "duplicates": "SELECT order_id FROM duplicates",
    "cancels": "SELECT order_id FROM cancels ORDER BY 1",
    "executions": "SELECT order_id, ts, outcome FROM executions ORDER BY 1",
}


def books_of(path: Path) -> dict[str, list[Any]]:
    """What the paper broker of a journal remembers, without the times of the day; it may be writing still."""
    answers = elsewhere(path.with_suffix(".broker.db"), "ro", *BOOKS.values())
    return dict(zip(BOOKS, answers, strict=True))


def change(path: Path, sql: str) -> None:
    """Change a file behind its owner's back."""
    elsewhere(path, "rwc", sql)
