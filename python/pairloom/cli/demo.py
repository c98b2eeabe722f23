"""``pairloom demo``: a live run of synthetic markets, with a table to watch."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

from pairloom.cli.outcome import DONE, print_json
from pairloom.errors import ConfigError
from pairloom.numbers import whole_number

if TYPE_CHECKING:
    from typing import Any

__all__ = ["add_parser", "run"]

MOST_MARKETS = 1_000_000
MOST_THREADS = 1024
FILL_DELAY_NS = 300_000_000

EXAMPLES = """\
examples:
  pairloom demo
  pairloom demo --duration 10 --json
  pairloom demo --markets 10000 --threads 2 --duration 10
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="trade synthetic markets live, with a table to watch",
        description="Trade synthetic markets live on paper: RSI on BTC/USDT and SUI/USDT, simple on "
        "SOL/USDT, on two threads, with fills that take 300 ms. Ctrl-C ends it and prints the summary.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--markets", metavar="N", type=int, default=3, help="number of markets; default 3")
    parser.add_argument("--threads", metavar="N", type=int, default=2, help="number of threads; default 2")
    parser.add_argument("--duration", metavar="S", type=float, default=30.0, help="seconds; default 30")
    parser.add_argument(
        "--rate", metavar="R", type=float, default=10.0, help="events per market and second; default 10"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="the seed of the prices; default 0")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON document")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    whole_number(options.markets, "--markets", least=1, most=MOST_MARKETS)
    whole_number(options.threads, "--threads", least=1, most=MOST_THREADS)
    whole_number(options.seed, "--seed", least=0, most=2**64 - 1)
    for name in ("duration", "rate"):
        value = getattr(options, name)
        if not math.isfinite(value) or value <= 0:
            raise ConfigError(f"--{name} {value} must be more than 0", code="config.range")

    from pairloom import _native
    from pairloom.demo import summary_text, watch

    handle = _native.demo_run(
        markets=options.markets,
        threads=options.threads,
        duration=options.duration,
        rate=options.rate,
        seed=options.seed,
        fill_delay_ns=FILL_DELAY_NS,
    )
    # With --json, standard output is the document's alone, so the table moves aside.
    summary = watch(handle, sys.stderr if options.json else sys.stdout)
    if options.json:
        print_json(summary)
    else:
        print(summary_text(summary))
    return DONE
