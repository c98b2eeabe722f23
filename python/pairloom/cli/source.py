"""The arguments that ``backtest`` and ``paper`` share: what to run, on which data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairloom._builtins import BUILTINS
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from pairloom.config import Plan

__all__ = ["add_arguments", "plan_of"]


def add_arguments(parser: argparse.ArgumentParser, *, workers: bool = True) -> None:
    """Add what says which engine to run, and on what; ``--workers`` only where there may be any."""
    parser.add_argument(
        "what",
        metavar="CONFIG|STRATEGY",
        help="a TOML config; or FILE:CLASS, package.module:Class or a built-in's name, which trades '*'",
    )
    parser.add_argument("--data", metavar="PATH", help="a CSV, Parquet or Feather file, or a folder of them")
    parser.add_argument("--pairs", metavar="PAIRS", help="pairs for STRATEGY, by commas; default '*'")
    parser.add_argument("--cash", metavar="CUR=N", action="append", default=[], help="cash for STRATEGY, as in BTC=10")
    parser.add_argument("--size", metavar="UNIT=N", help="size for STRATEGY: base=N, quote=N or equity=N")
    parser.add_argument("--threads", metavar="N", type=int, help="number of threads; all cores when not given")
    if workers:
        parser.add_argument("--workers", metavar="N", type=int, help="processes for strategies that are Python classes")
    else:
        parser.set_defaults(workers=None)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="changes",
        help="change one key of the config, as in engine.fee=0.002 or trader.0.options.fast=5",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document to standard output")


def plan_of(options: argparse.Namespace) -> Plan:
    """Return the plan that the arguments describe; raises ``ConfigError``."""
    # Reading a config needs more of Python than `--help` should wait for.
    from pairloom.config import apply_change, make_plan, read_document, set_value

    if _is_config(options.what):
        config = Path(options.what)
        document, base, where = read_document(config), config.parent, str(config)
        _refuse_direct(options)
    else:
        document, base, where = _direct_document(options), Path(), "command line"
    for change in options.changes:
        apply_change(document, change)
    if options.threads is not None:
        set_value(document, ["engine", "num_threads"], options.threads, "--threads")
    if options.workers is not None:
        set_value(document, ["engine", "workers"], options.workers, "--workers")
    if getattr(options, "journal", None) is not None:
        journal = str(Path(options.journal).expanduser().absolute())
        set_value(document, ["engine", "journal"], journal, "--journal")
    if options.data is not None:
        # A path on the command line is relative to where one stands, not to the config.
        path = str(Path(options.data).expanduser().absolute())
        set_value(document, ["data", "path"], path, "--data")
    return make_plan(document, base=base, where=where)


def _is_config(what: str) -> bool:
    if what.endswith(".toml"):
        return True
    # A file without that ending is a config all the same, unless it names a class or is Python.
    return what not in BUILTINS and ":" not in what and not what.endswith(".py") and Path(what).is_file()


def _refuse_direct(options: argparse.Namespace) -> None:
    for name in ("cash", "size", "pairs"):
        if getattr(options, name):
            raise ConfigError(
                f"--{name} is for a strategy given alone; {options.what} is a config: "
                "write it there, or change it with --set",
                code="config.usage",
            )


def _direct_document(options: argparse.Namespace) -> dict[str, Any]:
    if not options.cash and not any(change.startswith("engine.cash") for change in options.changes):
        raise ConfigError("--cash is missing: say what the account starts with, as in --cash BTC=10")
    cash = dict(_named_number("--cash", each, "BTC=10") for each in options.cash)
    trader: dict[str, Any] = {"pairs": "*", "strategy": options.what}
    if options.pairs:
        trader["pairs"] = [pair.strip() for pair in options.pairs.split(",")]
    if options.size:
        bare = "=" not in options.size
        trader["size"] = options.size if bare else dict([_named_number("--size", options.size, "quote=1")])
    return {"engine": {"cash": cash}, "data": {}, "trader": [trader]}


def _named_number(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, number = text.partition("=")
    if not equals or not name.strip() or not number.strip():
        raise ConfigError(f"{option} {text!r}: write {option} {example}", code="config.usage")
    return name.strip(), number.strip()
