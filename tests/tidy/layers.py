"""Which folder of rust/core/src may use which: the table, and the check against it.

The folders stand in the order in which data passes them. An arrow that is not in the table is an error,
and so is an arrow in the table that no code uses any more, so the table cannot rot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidy.sources import Offence, Source, rust_code, rust_without_tests

CORE = "rust/core/src/"

# The order in which data passes the folders, which is also the order in which lib.rs lists them.
STAGES = (
    "domain",
    "market",
    "dispatch",
    "trader",
    "strategy",
    "indicator",
    "signal",
    "risk",
    "order",
    "venue",
    "portfolio",
    "commit",
    "journal",
    "wire",
    "guard",
    "step",
    "replay",
    "live",
    "engine",
)

# Single files beside the folders. Anybody may use them.
COMMON = ("limits", "clock", "error", "spare", "rows")

# The one file that may use every folder.
JOINER = "rust/core/src/engine/wiring.rs"

# from -> {to: why this arrow is right}.  `domain` has no row: it uses no sibling.
ALLOWED: dict[str, dict[str, str]] = {
    "market": {
        "domain": "events carry times, exact prices and sides",
        "indicator": "an event is what an indicator samples, so it implements that trait",
    },
    "trader": {
        "domain": "times and quantities",
        "market": "its window and its events",
        "strategy": "it owns one and calls it",
        "indicator": "it owns its strategy's and feeds them first",
        "signal": "it collects what the strategy wants",
        "portfolio": "it hands on its own row of the snapshot",
    },
    "strategy": {
        "domain": "times and instruments",
        "market": "the context shows events and windows",
        "indicator": "the context hands out indicators",
        "signal": "what generate_signal returns",
        "portfolio": "the context shows the trader's own row of the snapshot",
    },
    "indicator": {"market": "it reads the fields of events"},
    "signal": {"domain": "sizes are exact numbers"},
    "risk": {
        "domain": "money and quantities",
        "signal": "a size that cannot be computed is refused with its reason",
        "order": "what it judges, and what it approves",
        "portfolio": "what it judges by, and where it reserves",
    },
    "order": {
        "domain": "quantities, prices, sides",
        "signal": "an order comes from a signal and keeps its terms",
    },
    "venue": {
        "domain": "quantities, prices, sides",
        "market": "orders meet events",
        "signal": "the time in force decides what rests",
        "order": "what it holds and fills",
    },
    "portfolio": {
        "domain": "money and quantities",
        "strategy": "what a strategy is shown of fills and exits is made once, when they happen",
        "signal": "the time in force of an order",
        "order": "fills settle orders",
    },
    "commit": {
        "domain": "money and quantities",
        "strategy": "hooks that fall due, and faults",
        "signal": "what it turns into orders",
        "risk": "every order passes the gate",
        "order": "what it makes and follows",
        "venue": "where approved orders go",
        "portfolio": "the one writer of it",
    },
    "journal": {
        "domain": "times, and numbers as decimals",
        "order": "the rows it keeps of orders and refusals",
        "commit": "what the writer has recorded is what it keeps",
        "strategy": "why a trader is stopped, and how the versions of built-ins were called",
        "signal": "the terms of an order of before",
        "risk": "why an order of before was refused",
    },
    "wire": {
        "domain": "sides and quantities, which travel",
        "signal": "the time in force of an order that travels",
        "order": "an order as bytes",
    },
    "guard": {
        "wire": "its messages travel over a socket",
        "domain": "times, prices and instruments, which travel",
        "signal": "the time in force of an order that travels",
        "risk": "the gate that another process has, too",
        "order": "what is asked about",
        "portfolio": "the account that the other process keeps",
    },
    "step": {
        "journal": "a step is in it before its orders leave",
        "market": "rows for traders that are evaluated elsewhere",
        "dispatch": "from a market to those traders",
        "trader": "what is said to them, and what they answer",
        "domain": "times and marks",
        "strategy": "hooks and time events",
        "venue": "what it says in phases 1, 5 and 6",
        "commit": "its fourth phase, and the snapshot",
        "portfolio": "a driver may tell it what positions are worth",
        "engine": "the host of a run, and the times that traders wait for",
    },
    "live": {
        "domain": "times and sides",
        "market": "events, recorded and synthetic",
        "dispatch": "from a pair to the inboxes of its traders",
        "trader": "whom its actors let evaluate",
        "strategy": "lanes, hooks and faults",
        "signal": "what an evaluation asked for",
        "risk": "the order engine takes nothing but what was approved",
        "order": "what the order engine follows",
        "venue": "the paper broker wraps it",
        "portfolio": "the board from which a trader copies its row",
        "commit": "acts in, commands out",
        "step": "the phases of a step",
        "journal": "commands of people, and the paper broker's own books",
        "wire": "the paper broker may live in another process",
        "guard": "no order leaves without the risk process's word",
        "engine": "the options and the host of a run",
    },
    "replay": {
        "journal": "a recorded run may have one",
        "domain": "times",
        "market": "the feed, in steps",
        "dispatch": "from a pair to its traders",
        "trader": "whom it lets evaluate",
        "strategy": "lanes and time events",
        "order": "which open an order waits for",
        "venue": "its first phase",
        "commit": "its fourth phase",
        "step": "the phases of a step",
        "engine": "the options and the host of a run",
        "portfolio": "positions are valued along the columns, some steps ahead",
    },
    "engine": {
        "trader": "strategies in other processes, which the host starts",
        "domain": "pairs and money in settings and results",
        "market": "the kinds of event in settings, and the steps that the runs of a sweep share",
        "indicator": "values of indicators that the runs of a sweep share",
        "strategy": "a strategy in a trader's settings",
        "signal": "a size in a trader's settings",
        "venue": "the venue's settings",
        "portfolio": "trades in the result",
        "commit": "records in the result",
        "journal": "a run asks for one, and closes it with its books",
        "step": "the report in the result",
        "risk": "limits in settings",
    },
    "clock": {"domain": "it counts in the domain's nanoseconds"},
}

# Two folders that use each other are hard to read apart. These pairs do, for the reasons above; no others may.
MUTUAL = {("market", "indicator"), ("strategy", "portfolio"), ("step", "engine")}


def mutual(allowed: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """The pairs of folders that use each other, the earlier stage first."""
    return {
        (home, target)
        for home, targets in allowed.items()
        for target in targets
        if home in STAGES and home in allowed.get(target, {}) and STAGES.index(home) < STAGES.index(target)
    }


def edges(sources: Iterable[Source]) -> dict[tuple[str, str], list[Offence]]:
    """Every arrow between two folders, with the places that draw it."""
    found: dict[tuple[str, str], list[Offence]] = {}
    for source in sources:
        home = _home(source)
        if home is None or source.is_test or source.path == JOINER:
            continue
        for target, line in references(source):
            if target != home and target in STAGES:
                found.setdefault((home, target), []).append(
                    Offence(
                        source.path,
                        line,
                        f"`{home}` uses `{target}`, which tests/tidy/layers.py does not allow",
                    )
                )
    return found


def forbidden(sources: Iterable[Source], allowed: dict[str, dict[str, str]]) -> list[Offence]:
    """The places that draw an arrow the table does not have."""
    return [
        place
        for (home, target), places in edges(sources).items()
        if target not in allowed.get(home, {})
        for place in places
    ]


def unused(sources: Iterable[Source], allowed: dict[str, dict[str, str]]) -> list[str]:
    """The arrows of the table that nobody draws."""
    drawn = edges(sources)
    return [
        f"{home} -> {target}" for home, targets in allowed.items() for target in targets if (home, target) not in drawn
    ]


def unknown_folders(sources: Iterable[Source]) -> list[Offence]:
    """Files of the core that are in no stage: a new folder is a decision, not an accident."""
    known = {*STAGES, *COMMON, "lib"}
    return [
        Offence(source.path, 1, "is in no stage; add it to tests/tidy/layers.py and ARCHITECTURE.md, or move it")
        for source in sources
        if source.path.startswith(CORE)
        and source.path.removeprefix(CORE).split("/")[0].removesuffix(".rs") not in known
    ]


def references(source: Source) -> list[tuple[str, int]]:
    """The modules of the crate's root that a file names, by `crate::` or by enough `super::`."""
    code = rust_without_tests(rust_code(source.text))
    depth = len(module_path(source.path))
    found: list[tuple[str, int]] = []
    for match in re.finditer(r"\bcrate\s*::\s*|\b(?:super\s*::\s*)+", code):
        if match[0].startswith("super") and match[0].count("super") < depth:
            continue
        line = code.count("\n", 0, match.start()) + 1
        found += [(name, line) for name in _first_names(code, match.end())]
    return found


def module_path(path: str) -> list[str]:
    """`rust/core/src/risk/gate.rs` is the module `risk::gate`; a `mod.rs` is its folder."""
    parts = path.removeprefix(CORE).removesuffix(".rs").split("/")
    return parts[:-1] if parts[-1] in {"mod", "lib"} else parts


def lib_order(lib_text: str) -> list[str]:
    """The stages in the order in which lib.rs declares them."""
    declared = re.findall(r"^\s*pub(?:\([^)]*\))?\s+mod\s+(\w+)\s*;", rust_code(lib_text), re.MULTILINE)
    return [name for name in declared if name in STAGES]


def _home(source: Source) -> str | None:
    if not source.path.startswith(CORE):
        return None
    first = source.path.removeprefix(CORE).split("/")[0].removesuffix(".rs")
    return first if first in STAGES or first in COMMON else None


def _first_names(code: str, at: int) -> list[str]:
    """The first path segment at `at`; of a group in braces, the first segment of each member."""
    if not code.startswith("{", at):
        name = re.match(r"\w+", code[at:])
        return [name[0]] if name else []
    names, depth, fresh = [], 0, True
    for token in re.finditer(r"[{},]|\w+", code[at:]):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                break
        elif token[0] == ",":
            fresh = fresh or depth == 1
        elif fresh and depth == 1:
            names.append(token[0])
            fresh = False
    return names
