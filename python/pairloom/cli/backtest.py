"""``pairloom backtest``: run over data, print the result."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pairloom.cli.outcome import run_engine
from pairloom.cli.source import add_arguments, plan_of

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom backtest portfolio.toml
  pairloom backtest portfolio.toml --set engine.fee=0.002 --set trader.0.options.fast=5 --json
  pairloom backtest strategies.py:SmaCross --data candles/ --cash BTC=10 --size quote=1
  pairloom backtest rsi --data candles/ --pairs ETH/BTC,LTC/BTC --cash BTC=10 --size equity=0.1
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "backtest",
        help="run a config or a strategy over data",
        description="Run a config, or one strategy on all pairs of the data, and print the result.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    plan = plan_of(options)
    return run_engine(plan.engine, lambda: plan.engine.backtest(plan.data, **plan.options), options.json)
