"""``pairloom schema``: the JSON Schema of a config file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, print_json

if TYPE_CHECKING:
    import argparse
    from typing import Any

__all__ = ["add_parser", "run"]


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of a config file",
        description="Print the JSON Schema of a config file, for editors that complete and check TOML.",
    )
    # It prints nothing else; who asks every command for JSON is not refused here.
    parser.add_argument("--json", action="store_true", help="what it prints is JSON with this or without")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from pairloom.config.schema import config_schema

    print_json(config_schema())
    return DONE
