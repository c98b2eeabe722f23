"""``pairloom broker``: the paper broker as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom.cli.process import Says, serve
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom broker --socket /run/user/1000/broker.sock --books books.db
  pairloom paper portfolio.toml --journal run.db --set engine.broker_socket=/run/user/1000/broker.sock

signals: SIGTERM and SIGINT end it
exit status: 0 it was ended; 2 nobody can listen there, or another process has the books
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "broker",
        help="the paper broker as a process of its own",
        description="Run the paper broker as a process of its own, for engines with broker_socket: it is told their "
        "markets, takes their orders and fills them, and keeps books of a run that has a journal. It serves one engine "
        "after the other, of its own user, until it is ended.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", metavar="PATH", required=True, help="where it listens: a Unix socket, mode 0600")
    parser.add_argument("--books", metavar="FILE", required=True, help="what it keeps of a run: orders and their ends")
    parser.add_argument("--json", action="store_true", help="print what befalls it as lines of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if sys.platform != "linux":
        raise ConfigError(f"the broker process needs Linux so far, and this is {sys.platform}", code="config.platform")
    from pairloom import _native
    from pairloom._risk_process import socket_path

    path = socket_path("--socket", options.socket, name="broker")
    books = str(Path(options.books).expanduser().absolute())
    return serve(lambda: _native.serve_broker(path, books, Says("broker", path, as_json=options.json)))
