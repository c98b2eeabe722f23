"""``pairloom replay``: whether a journal comes out the same when its run is made again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, FAILED, print_json

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom replay run.db
  pairloom replay run.db --json

exit status: 0 it comes out the same, its quarantines too; 1 it does not, the journal
             is damaged, or the run failed; 2 nothing was run: wrong usage, no such journal,
             one that cannot be made again (begun from Python, in real time, pruned, of a
             newer version), or its config, strategies or data are gone or have changed
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "replay",
        help="run what a journal was written by once more, and compare",
        description="Run what a journal was written by once more, and say whether every order, fill, refusal and "
        "quarantine and the digest come out the same, and where they first differ. The engine writes and sends "
        "nothing; strategies run, and write what they always write.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="the journal")
    parser.add_argument("--json", action="store_true", help="print one JSON document to standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from pairloom.journal import replay

    found = replay(options.file)
    if options.json:
        print_json({"file": options.file, **found})
    else:
        print(_text(options.file, found))
    return DONE if found["agrees"] else FAILED


def _text(file: str, found: dict[str, Any]) -> str:
    if found["agrees"]:
        kept = f"{found['orders']:,} orders, {found['fills']:,} fills, digest {found['digest']}"
        if found["finished"]:
            return f"{file}: the run comes out the same: {kept}"
        return f"{file}: the run comes out the same up to step {found['last_step']:,}, where the journal ends"
    where = found["first_difference"]
    if "step" not in where:
        return f"{file}: {where['message']}"
    trader = f", trader {where['trader']!r}" if where["trader"] else ""
    return (
        f"{file}: the run first differs at step {where['step']:,}{trader}, in {where['table']}.{where['column']}:\n"
        f"  the journal has {where['journal']}\n  now it is       {where['now']}"
    )
