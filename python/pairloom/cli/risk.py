"""``pairloom risk``: the gate as a process of its own."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom.cli.process import Says, killable, serve
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

EXAMPLES = """\
examples:
  pairloom risk --socket /run/user/1000/risk.sock
  pairloom risk --socket risk.sock --config limits.toml --log verdicts.log
  pairloom paper portfolio.toml --set engine.risk_socket=risk.sock

signals: SIGTERM and SIGINT end it; SIGUSR1 sets its kill switch: no order leaves any more, and all are cancelled
exit status: 0 it was ended; 2 nobody can listen there, or the log cannot be written
"""

# Sessions are laid out for recorded data of the last ten years, and for as long as the process may run.
DAY_NS = 24 * 3_600 * 10**9
BEHIND_NS, AHEAD_NS = 3_653 * DAY_NS, 366 * DAY_NS
# The process is asked about orders alone: these are for cancellations, which pass always.
ABOUT_CANCELLATIONS = ("max_cancel_rate", "cancel_on_disconnect")


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "risk",
        help="the gate as a process of its own",
        description="Run the gate as a process of its own, which an engine with risk_socket asks about every order "
        "that its own gate approved. Without its word nothing but cancellations leaves. It serves one engine after "
        "the other, of its own user, until it is ended.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--socket", metavar="PATH", required=True, help="where it listens: a Unix socket, mode 0600")
    parser.add_argument("--config", metavar="CONFIG", help="a TOML file whose [risk] takes the place of the engine's")
    parser.add_argument("--log", metavar="FILE", help="add a line for each word on an order to this file")
    parser.add_argument("--json", action="store_true", help="print what befalls it as lines of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if sys.platform != "linux":
        raise ConfigError(f"the risk process needs Linux so far, and this is {sys.platform}", code="config.platform")
    from pairloom import _native
    from pairloom._risk_process import socket_path

    path = socket_path("--socket", options.socket, name="risk")
    limits = None if options.config is None else _limits(Path(options.config))
    log = None if options.log is None else str(Path(options.log).expanduser().absolute())
    with killable():
        return serve(lambda: _native.serve_risk(path, log, limits, Says("risk", path, as_json=options.json)))


def _limits(config: Path) -> dict[str, Any]:
    """The limits of a config, as the core takes them; its other sections are not looked at."""
    from pairloom.config import read_document
    from pairloom.config.document import check_section
    from pairloom.risk import RiskLimits

    document = read_document(config)
    if "risk" not in document:
        raise ConfigError(f"{config}: there is no [risk] in it; write one, or leave --config out", code="config.risk")
    check_section("risk", document["risk"], str(config))
    _refuse_idle(document["risk"], config)
    try:
        limits = RiskLimits(**document["risk"])
    except ConfigError as error:
        raise ConfigError(f"{config}: [risk] {error}", code=error.code) from error.__cause__
    now = time.time_ns()
    return limits._between(now - BEHIND_NS, now + AHEAD_NS)


def _refuse_idle(limits: dict[str, Any], config: Path) -> None:
    """Refuse what would have no effect here."""
    for given in (limits, *limits.get("per_trader", {}).values()):
        for name in ABOUT_CANCELLATIONS:
            if given.get(name):
                raise ConfigError(
                    f"{config}: [risk] {name} is about cancellations, which no risk process is asked about; "
                    "set it in the engine's own limits and leave it out here",
                    code="config.risk",
                )
