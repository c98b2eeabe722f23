"""The command line: ``pairloom COMMAND``. One file per command; this one chooses it.

Exit status: 0 done; 1 the run failed; 2 wrong usage, config or data; 3 done, but traders
were quarantined.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pairloom._words import nearest
from pairloom.cli import backtest, broker, demo, journal, kill, paper, replay, risk, schema, sweep
from pairloom.cli.outcome import run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "make_parser"]

COMMANDS = (demo, backtest, paper, kill, risk, broker, replay, journal, sweep, schema)

EXAMPLES = """\
examples:
  pairloom demo                                    three synthetic markets, live
  pairloom backtest portfolio.toml                 what the config describes
  pairloom backtest strategies.py:SmaCross --data candles/ --cash BTC=10 --size quote=1
  pairloom paper portfolio.toml --speed 10         the live driver on recorded data
  pairloom paper portfolio.toml --journal run.db   again, after a crash: it goes on where it was
  pairloom kill run.db                             its kill switch, from another terminal
  pairloom risk --socket risk.sock                 the gate as a process of its own
  pairloom broker --socket broker.sock --books books.db   the paper broker as one, too
  pairloom replay run.db                           does the journal come out again?
  pairloom sweep portfolio.toml --param fast=5:55:5  combinations of parameters, and the best

exit status: 0 done; 1 the run failed; 2 wrong usage, config or data;
             3 done, but traders were quarantined
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="pairloom",
        description="Run portfolios of market-pair traders.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    _know_yourselves(parser)
    return parser


def _know_yourselves(parser: argparse.ArgumentParser) -> None:
    """Let each parser leave itself in what it parsed, so that what it did not know is said by it."""
    parser.set_defaults(parser=parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _know_yourselves(each)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options, unknown = make_parser().parse_known_args(given)
    if unknown:
        parser: argparse.ArgumentParser = options.parser
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(unknown, parser)}")
    return run_command(options.run, options)


def _meant(unknown: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """The option that was meant by the first unknown one, if any is near."""
    option = next((each.partition("=")[0] for each in unknown if each.startswith("--")), None)
    return "" if option is None else nearest(option, parser._option_string_actions)


class _Version(argparse.Action):
    """Prints the version, which is asked for only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pairloom import __version__

        print(f"pairloom {__version__}")
        parser.exit()
