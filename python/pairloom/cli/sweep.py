"""``pairloom sweep``: combinations of parameters over the same data, and the best of them."""

from __future__ import annotations

import argparse
import sys
import warnings
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, FAILED, QUARANTINED, print_json
from pairloom.cli.source import add_arguments, plan_of
from pairloom.errors import ConfigError, SweepWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pairloom.sweep import SweepResult

__all__ = ["add_parser", "run"]

MOST_VALUES = 100_000
# What a condition may call; names of parameters come before these.
FUNCTIONS = {"abs": abs, "max": max, "min": min, "round": round}

EXAMPLES = """\
examples:
  pairloom sweep portfolio.toml --param fast=5:55:5 --param slow=60:160:10
  pairloom sweep strategies.py:SmaCross --data candles/ --cash BTC=10 --size quote=1 \\
      --param fast=5,10,20 --param slow=20,50,100 --where 'fast < slow' --maximize calmar
  pairloom sweep portfolio.toml --param fast=5:55:5 --folds anchored=5 --json

A:B:S are the numbers from A up to B, without B, in steps of S (of 1 where S is left out).
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sweep",
        help="try combinations of parameters, and show the best",
        description="Run a config, or one strategy on all pairs of the data, with all combinations of parameters, "
        "and print the best and what failed.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser, workers=False)
    parser.add_argument(
        "--param",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        dest="parameters",
        help="a parameter and its values: fast=5,10,20 or fast=5:55:5",
    )
    parser.add_argument("--where", metavar="CONDITION", help="which combinations to run, as in 'fast < slow'")
    parser.add_argument(
        "--maximize", metavar="NAME", default="sharpe", help="the statistic to choose by, or equity; default sharpe"
    )
    parser.add_argument("--folds", metavar="N", help="walk forward: 5, rolling=5 or anchored=5")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    values = dict(_parameter(text) for text in options.parameters)
    if len(values) < len(options.parameters):
        raise ConfigError("--param names a parameter twice; give all of its values at once", code="config.sweep")
    if not values:
        raise ConfigError("a sweep needs --param, as in --param fast=5,10,20", code="config.sweep")
    where = None if options.where is None else _condition(options.where)
    folds = None if options.folds is None else _folds(options.folds)
    plan = plan_of(options)
    # The summary for people opens with what these say; beside a document they say it apart.
    warnings.simplefilter("always" if options.json else "ignore", SweepWarning)
    sweep = plan.engine.sweep(
        plan.data, where=where, maximize=options.maximize, folds=folds, options=values, **plan.options
    )
    if options.json:
        from pairloom.sweep import to_json

        print_json(to_json(sweep))
    else:
        _print(sweep)
    return _status(sweep)


def _print(sweep: SweepResult) -> None:
    print(sweep)
    several = [name for name, values in sweep.parameters.items() if len(values) > 1]
    if len(several) == 2 and not sweep.folds and len(sweep):
        print(f"\n{sweep.heat_map()}")


def _status(sweep: SweepResult) -> int:
    if sweep.interrupted:
        print("pairloom: interrupted; this is the result so far", file=sys.stderr)
        return FAILED
    if len(sweep.failed) == len(sweep):
        return FAILED
    return QUARANTINED if sweep.failed_folds or any(each.quarantined for each in sweep) else DONE


def _parameter(text: str) -> tuple[str, list[Any]]:
    name, equals, given = text.partition("=")
    if not name.strip() or not equals or not given.strip():
        raise ConfigError(f"--param {text}: write NAME=VALUES, as in fast=5,10,20 or fast=5:55:5", code="config.sweep")
    if ":" in given:
        return name.strip(), _range(text, given)
    return name.strip(), [_value(each.strip()) for each in given.split(",")]


def _range(text: str, given: str) -> list[int | float]:
    """Return the numbers of FIRST:END:STEP; they are counted as decimals, so that 0.1:0.5:0.1 has four."""
    parts = given.split(":")
    try:
        first, end, step = (Decimal(part.strip()) for part in (parts if len(parts) > 2 else [*parts, "1"]))
        count = int(((end - first) / step).to_integral_value(ROUND_CEILING))
    except (ArithmeticError, ValueError):
        raise ConfigError(
            f"--param {text}: write FIRST:END:STEP with numbers, as in fast=5:55:5", code="config.sweep"
        ) from None
    if count > MOST_VALUES:
        raise ConfigError(f"--param {text}: {count:,} values are more than {MOST_VALUES:,}", code="config.sweep")
    whole = first == int(first) and step == int(step)
    return [int(first + place * step) if whole else float(first + place * step) for place in range(count)]


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("\"'")


def _condition(text: str) -> Callable[..., object]:
    try:
        code = compile(text.strip(), "--where", "eval")
    except (SyntaxError, ValueError):
        raise ConfigError(
            f"--where {text}: write a condition on the parameters, as in 'fast < slow'", code="config.where"
        ) from None
    # The condition is the user's own, as the strategies are; without builtins a misspelt name is no function by chance.
    return lambda **parameters: eval(code, {"__builtins__": {}}, {**FUNCTIONS, **parameters})


def _folds(text: str) -> Any:
    mode, equals, count = text.rpartition("=")
    try:
        number = int(count)
    except ValueError:
        raise ConfigError(f"--folds {text}: write a number, rolling=N or anchored=N", code="config.folds") from None
    return {mode.strip(): number} if equals else number
