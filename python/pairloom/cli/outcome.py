"""How a command ends: its output, its exit status, and what goes where.

With ``--json`` standard output carries one document and nothing else; everything for
people goes to standard error. Errors that a user can mend are shown without a traceback.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import sys
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

from pairloom.errors import (
    ConfigError,
    DataError,
    PairloomError,
    QuarantineWarning,
    ReconciliationWarning,
    RefusalWarning,
    StrategyError,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from pairloom.engine import Engine
    from pairloom.result import Result

__all__ = ["DONE", "FAILED", "QUARANTINED", "USAGE", "print_json", "print_json_line", "run_command", "run_engine"]

DONE = 0
FAILED = 1
USAGE = 2
QUARANTINED = 3

MOST_TRACEBACKS = 5

# How a write fails where the disk is full or what reads it is gone.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)

STANDARD_OUTPUT = 1
STANDARD_ERROR = 2

# A wrong file was named, or something else was asked of it than it is for; nothing has been run.
_JOURNAL_REASONS = ("mismatch", "missing", "version", "pruned", "real_time", "no_config", "unfinished")
NOT_THIS_JOURNAL = frozenset(f"journal.{reason}" for reason in _JOURNAL_REASONS)

# Standard output itself, while what others print is sent to standard error.
_DOCUMENTS: ContextVar[TextIO | None] = ContextVar("documents", default=None)


def run_command(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; errors become a line on standard error and an exit status."""
    _let_everything_be_shown()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status = _with_its_output(command, options)
            sys.stdout.flush()
            return status
    except (ConfigError, DataError) as error:
        return _complain(error, USAGE)
    except PairloomError as error:
        return _complain(error, USAGE if error.code in NOT_THIS_JOURNAL else FAILED)
    except BrokenPipeError:
        # Whoever read the output had enough; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("pairloom: interrupted", file=sys.stderr)
        return FAILED
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        print(f"pairloom: the output cannot be written: {error.strerror}", file=sys.stderr)
        # What is left of it cannot either, so the interpreter need not try at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _let_everything_be_shown() -> None:
    """A character that the terminal does not know is written in ASCII: a result must not be lost for it."""
    if sys.stdout is None:
        # Closed by whoever called: nobody reads it.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _with_its_output(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run the command; what strategies print goes to standard error where standard output holds a document."""
    if not getattr(options, "json", False):
        return command(options)
    with _output_apart() as document:
        token = _DOCUMENTS.set(document)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return command(options)
        finally:
            _DOCUMENTS.reset(token)


@contextlib.contextmanager
def _output_apart() -> Iterator[TextIO]:
    """Give where the document goes.

    All else that writes to the process's standard output, in C or in a child, writes to standard error meanwhile.
    """
    try:
        own = sys.stdout.fileno() == STANDARD_OUTPUT
        kept = os.dup(STANDARD_OUTPUT) if own else None
    except (OSError, ValueError, AttributeError):
        kept = None
    if kept is None:
        # Somebody has closed it, or who calls this from Python has put something else in its place.
        yield sys.stdout
        return
    sys.stdout.flush()
    os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
    try:
        with open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False) as document:
            yield document
    finally:
        os.dup2(kept, STANDARD_OUTPUT)
        os.close(kept)


def run_engine(engine: Engine, run: Callable[[], Result], as_json: bool) -> int:
    """Run, print the result, and return the exit status."""
    # The summary for people opens with what these say; beside a document they say it apart.
    for category in (RefusalWarning, QuarantineWarning, ReconciliationWarning):
        warnings.simplefilter("always" if as_json else "ignore", category)
    try:
        result = run()
    except StrategyError as error:
        if error.result is None:
            raise
        # Nobody is left, but what happened until then is a result too.
        _print_result(error.result, engine, as_json)
        _print_tracebacks(error.result)
        return _complain(error, FAILED)
    _print_result(result, engine, as_json)
    if result.interrupted:
        print("pairloom: interrupted; this is the result so far", file=sys.stderr)
        return FAILED
    if result.quarantined:
        _print_tracebacks(result)
        return QUARANTINED
    return DONE


def print_json(document: Any) -> None:
    """Print one JSON document to standard output."""
    # In one piece: a document that cannot be written is not written in half.
    out = _DOCUMENTS.get() or sys.stdout
    out.write(json.dumps(_finite(document), indent=2, allow_nan=False) + "\n")


def print_json_line(document: Any) -> None:
    """Print one line of JSON to standard output, at once: for commands that go on."""
    out = _DOCUMENTS.get() or sys.stdout
    out.write(json.dumps(_finite(document), allow_nan=False) + "\n")
    out.flush()


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; both become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _print_result(result: Result, engine: Engine, as_json: bool) -> None:
    if not as_json:
        print(result)
        return
    from pairloom.result import to_json

    print_json(to_json(result, threads=engine.num_threads or result.counters.get("threads") or os.cpu_count()))


def _print_tracebacks(result: Result) -> None:
    for record in result.quarantined[:MOST_TRACEBACKS]:
        print(f"\npairloom: {record.trader} was quarantined:", file=sys.stderr)
        print(record.traceback, end="", file=sys.stderr)
    more = len(result.quarantined) - MOST_TRACEBACKS
    if more > 0:
        print(f"\npairloom: {more:,} more quarantined traders are not shown", file=sys.stderr)


def _complain(error: PairloomError, status: int) -> int:
    print(f"pairloom: {error}", file=sys.stderr)
    return status


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"pairloom: {message}", file=sys.stderr)
