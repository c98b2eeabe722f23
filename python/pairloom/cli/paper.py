"""``pairloom paper``: the live driver with the paper broker, on recorded data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pairloom.cli.outcome import run_engine
from pairloom.cli.process import killable
from pairloom.cli.source import add_arguments, plan_of

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom paper portfolio.toml                    as fast as it goes
  pairloom paper portfolio.toml --speed 1          as fast as it was recorded
  pairloom paper portfolio.toml --speed 10 --duration 60 --json
  pairloom paper portfolio.toml --journal run.db   the same command again continues it
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "paper",
        help="run through the live driver on recorded data",
        description="Run a config through the live driver with the paper broker. A recorded feed runs "
        "on its own clock, so the result is the backtest's. On Linux, kill -USR1 PID sets the kill switch: "
        "all orders are cancelled and no new one leaves.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("--speed", metavar="X", default="max", help="max, or a multiple of real time such as 1 or 10")
    parser.add_argument("--journal", metavar="FILE", help="keep what is decided; a killed run goes on from it")
    parser.add_argument("--duration", metavar="S", help="end the run after so many seconds")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    plan = plan_of(options)
    with killable():
        return run_engine(
            plan.engine,
            lambda: plan.engine.paper(plan.data, speed=options.speed, duration=options.duration, **plan.options),
            options.json,
        )
