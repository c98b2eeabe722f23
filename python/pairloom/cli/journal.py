"""``pairloom journal``: look at a journal, check it, export it, and look after it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, FAILED, print_json
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

    from pairloom.journal import Journal

__all__ = ["add_parser"]

EXAMPLES = """\
examples:
  pairloom journal show run.db                     what is in it
  pairloom journal show run.db fills --last 20     rows of one table
  pairloom journal check run.db                    is it whole?
  pairloom journal export run.db tables/ --format csv
  pairloom journal clear-kill run.db --by NAME     let a killed run trade again when it goes on
  pairloom journal prune run.db --before-step 5000; pairloom journal vacuum run.db
"""

# Here once more, since the help must not wait for the module that knows them.
TABLES = ("inputs", "intents", "orders", "fills", "refusals", "quarantines", "steps", "runs", "traders", "snapshots")


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "journal",
        help="show, check, export and look after a journal",
        description="Look at what a run kept in its journal, and look after the file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = _action(actions, "show", _show, "print what is in it, or the last rows of a table")
    show.add_argument("table", metavar="TABLE", nargs="?", help=f"one of {', '.join(TABLES)}")
    show.add_argument("--last", metavar="N", type=_rows_wanted, default=10, help="rows of the table; default 10")
    _action(actions, "check", _check, "read everything, and say whether it is whole")
    export = _action(actions, "export", _export, "write every table to a file of its own")
    export.add_argument("folder", metavar="FOLDER", help="where to")
    export.add_argument("--format", choices=("parquet", "csv"), default="parquet", help="default parquet")
    prune = _action(actions, "prune", _prune, "take early rows out of the journal of a finished run")
    prune.add_argument("--before-step", metavar="N", type=int, required=True, help="rows of steps before this go")
    _action(actions, "vacuum", _vacuum, "give the space back that pruned rows took")
    clear = _action(actions, "clear-kill", _clear_kill, "let a run that was killed by its kill switch trade again")
    clear.add_argument("--by", metavar="NAME", required=True, help="who says so; kept in the journal")


def _action(actions: Any, name: str, run: Any, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.add_argument("file", metavar="FILE", help="the journal")
    parser.add_argument("--json", action="store_true", help="print one JSON document to standard output")
    parser.set_defaults(run=run)
    return parser


def _open(options: argparse.Namespace) -> Journal:
    from pairloom.journal import Journal

    return Journal(options.file)


def _show(options: argparse.Namespace) -> int:
    journal = _open(options)
    if options.table is not None:
        return _show_rows(journal, options)
    # Rows, digest and the rest are of one moment, though a run may be writing.
    journal = journal._at_this_moment()
    runs = _rows(journal.runs, len(journal.runs))
    document = {
        "file": options.file,
        "rows": journal.counts,
        "digest": journal.digest,
        "killed": journal.killed,
        "runs": runs,
        "settings": journal.settings,
    }
    if options.json:
        print_json(document)
        return DONE
    print(repr(journal))
    for name, value in journal.settings.items():
        print(f"  {name}: {value}")
    for run in runs:
        what = f"{run['event']} at {run['at']}, step {run['step']:,}"
        print(f"  {what}{', digest ' + run['digest'] if run['digest'] else ''}")
    steps = journal.steps
    if len(steps):
        print(f"  the last step with rows: {int(steps.column('step')[-1]):,}, at {steps.column('ts')[-1]}")
    if journal.killed and journal.digest is not None:
        print("  the run ended with its kill switch set")
    elif journal.killed:
        print(f"  the kill switch is set: pairloom journal clear-kill {options.file} --by NAME")
    return DONE


def _show_rows(journal: Journal, options: argparse.Namespace) -> int:
    rows = _rows(journal.table(options.table), options.last)
    if options.json:
        print_json({"file": options.file, "table": options.table, "rows": rows})
        return DONE
    for row in rows:
        print("  ".join(f"{name}={_on_one_line(value)}" for name, value in row.items() if value is not None))
    return DONE


def _rows_wanted(text: str) -> int:
    if text.isdecimal() and (rows := int(text)) > 0:
        return rows
    raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 1 or more")


def _on_one_line(value: Any) -> str:
    """A value as text without what would end or move the line."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))


def _rows(table: Any, most: int) -> list[dict[str, Any]]:
    """The last rows, as JSON has them: times as ISO texts, decimals as floats."""
    columns = {name: [_plain(value) for value in table[name][-most:]] for name in table.columns} if most > 0 else {}
    count = len(next(iter(columns.values()), []))
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def _plain(value: Any) -> Any:
    if hasattr(value, "dtype") and value.dtype.kind == "M":
        return f"{value}Z"
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value


def _check(options: argparse.Namespace) -> int:
    found = _open(options).check()
    if options.json:
        print_json({"file": options.file, "whole": not found["problems"], **found})
    elif not found["problems"]:
        print(f"{options.file}: whole: {found['rows']:,} rows, the last of step {found['last_step']:,}")
    else:
        for problem in found["problems"]:
            print(f"{options.file}: {problem}")
    return FAILED if found["problems"] else DONE


def _export(options: argparse.Namespace) -> int:
    counts = _open(options).export(options.folder, options.format)
    if options.json:
        print_json({"file": options.file, "folder": options.folder, "format": options.format, "rows": counts})
    else:
        print(f"{options.folder}: {', '.join(f'{count:,} {name}' for name, count in counts.items())}")
    return DONE


def _prune(options: argparse.Namespace) -> int:
    from pairloom._native import journal_prune

    journal = _open(options)
    steps = journal.steps.column("step")
    last = int(steps[-1]) if len(steps) else 0
    # Of a run that goes on every row is needed, and the core says so whatever the number.
    if journal.digest is not None and not 1 < options.before_step <= last:
        raise ConfigError(
            f"--before-step {options.before_step}: the journal's last step is {last}; write a number from 2 to {last}, "
            "or move the file away",
            code="config.before_step",
        )
    rows = journal_prune(journal.path, options.before_step)
    if options.json:
        print_json({"file": options.file, "removed": rows})
    else:
        said = "it can be read, but not be made again" if rows else "there were none"
        print(f"{options.file}: {rows:,} rows taken out; {said}")
    return DONE


def _vacuum(options: argparse.Namespace) -> int:
    from pairloom._native import journal_vacuum

    path = _open(options).path
    before = path.stat().st_size
    journal_vacuum(path)
    after = path.stat().st_size
    if options.json:
        print_json({"file": options.file, "bytes_before": before, "bytes": after})
    else:
        print(f"{options.file}: {before:,} bytes before, {after:,} now")
    return DONE


def _clear_kill(options: argparse.Namespace) -> int:
    from pairloom._native import journal_clear_kill

    if not options.by.strip():
        raise ConfigError(f"--by {options.by!r} must say who does this, as in --by Ada", code="config.by")
    journal = _open(options)
    if journal.digest is not None:
        raise ConfigError(
            f"{options.file}: the run in it has ended, and does not go on; name another file for a new run, "
            "which begins without the kill switch",
            code="journal.finished",
        )
    cleared = journal_clear_kill(journal.path, options.by)
    if options.json:
        print_json({"file": options.file, "cleared": cleared})
    elif cleared:
        print(f"{options.file}: cleared by {options.by}; the run trades again when it goes on")
    else:
        print(f"{options.file}: its kill switch is not set, or was cleared already")
    return DONE
