"""What a run tells its journal about itself: everything that makes it this run and no other.

A journal is continued by the run that it was begun by. That is so when the settings, the
strategies' parameters and sources, and the content of the data are the same; the number of
threads or workers, and where files lie, do not matter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from pairloom._told import text
from pairloom._versions import SHOWN, fingerprint, own_classes, source
from pairloom.errors import ConfigError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pairloom._native import MarketData
    from pairloom._traders import Assignment

__all__ = ["asked", "driven", "journal_path"]

T = TypeVar("T")

# Settings that never change a result.
_FREE = frozenset(
    {"num_threads", "workers", "time_limit", "memory_limit", "block", "risk_socket", "risk_timeout", "broker_socket"}
)
# Market events between two snapshots; a number that suits the run where there is none. Tests set it.
SNAPSHOT_EVERY: int | None = None


def journal_path(journal: object) -> Path | None:
    """Check ``Engine(journal=...)``; raises ``ConfigError``."""
    if journal is None:
        return None
    if isinstance(journal, str | os.PathLike) and os.fspath(journal):
        from pathlib import Path

        path = Path(os.fsdecode(journal)).expanduser()
        if path.is_dir():
            raise ConfigError(f"journal={journal!r} is a folder; name a file in it", code="config.journal")
        # The books, the lock and the kill switch are those of the file, whatever link leads to it.
        return path.resolve() if path.is_symlink() else path.absolute()
    raise ConfigError(f"journal={journal!r} must be the path of a file, as in journal='run.db'", code="config.journal")


def asked(
    path: Path,
    *,
    driver: str,
    settings: Mapping[str, Any],
    assignments: Sequence[Assignment],
    described: Sequence[Mapping[str, Any]],
    run: Mapping[str, Any],
    market: MarketData | None,
    origin: Mapping[str, Any],
    replay: bool = False,
) -> dict[str, Any]:
    """Return what the core takes as the journal of a run."""
    import json

    identity = [("driver", driver)]
    identity += _settings(settings)
    identity += [(f"data.{bound}", text(run[bound])) for bound in ("start", "end") if run[bound] is not None]
    for number, assignment in enumerate(assignments, start=1):
        identity.append((f"trader {number}", _assignment(assignment)))
    identity += _sources(assignments)
    names = "\n".join(f"{each['name']}\t{each['pair']}" for each in described)
    identity.append(("traders", f"{len(described)} ({fingerprint(names.encode())})"))
    if market is not None:
        traded = {each["pair"] for each in described}
        identity += [
            (f"data of {pair}", f"{rows} rows ({content[:SHOWN]})")
            for pair, rows, content in market.contents()
            if pair in traded
        ]
    extras = [(key, json.dumps(value, default=str)) for key, value in origin.items()]
    return {
        "path": path,
        "replay": replay,
        "identity": identity,
        "extras": extras,
        "distrusted": [],
        "snapshot_every": SNAPSHOT_EVERY,
        "from_start": False,
    }


def driven(drive: Callable[[], T], driver: str, run: dict[str, Any]) -> T:
    """Run, or start a run; on paper, where it does not repeat its journal, it begins once more.

    First without snapshots, should it have gone on from one; then without the trader that does not repeat.
    """
    while True:
        try:
            return drive()
        except JournalError as error:
            if driver != "paper" or not (
                _from_start(run.get("journal"), error) or _distrust(run.get("journal"), error)
            ):
                raise


def _from_start(journal: dict[str, Any] | None, error: JournalError) -> bool:
    """Let the next try begin at the first row, if this one went on from a snapshot; whether that may help."""
    if journal is None or journal["from_start"] or "snapshot" not in error.details:
        return False
    journal["from_start"] = True
    import logging

    logging.getLogger("pairloom").warning(
        "behind the snapshot of step %s the run is made again from its first row: %s", error.details["snapshot"], error
    )
    return True


def _distrust(journal: dict[str, Any] | None, error: JournalError) -> bool:
    """Note the trader that an error names, for the next try; whether that may help."""
    where = error.details
    trader = where.get("trader")
    if journal is None or journal["replay"] or not trader or trader in dict(journal["distrusted"]):
        return False
    why = (
        f"made again, it did not do what it had done: first at step {where['step']}, {where['table']}."
        f"{where['column']}: the journal has {where['journal']}, now it is {where['now']}"
    )
    journal["distrusted"].append((trader, why))
    return True


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in settings.items():
        if key in _FREE:
            continue
        if isinstance(value, dict):
            found += [(f"engine.{key}.{name}", text(each)) for name, each in value.items()]
        else:
            found.append((f"engine.{key}", text(value)))
    return found


def _assignment(assignment: Assignment) -> str:
    if assignment.plugin is not None:
        parameters: Mapping[str, Any] = assignment.plugin.parameters
    elif assignment.template is not None:
        parameters = assignment.template.parameters()
    else:
        parameters = assignment.parameters
    pairs = ", ".join(assignment.pairs[:3])
    if len(assignment.pairs) > 3:
        pairs += f" and {len(assignment.pairs) - 3} more ({fingerprint(text(assignment.pairs).encode())})"
    given = ", ".join(f"{name}={text(value)}" for name, value in parameters.items())
    size = "no size" if assignment.size is None else f"size {text(assignment.size)}"
    return f"{assignment.label}({given}) on {pairs}, {size}"


def _sources(assignments: Sequence[Assignment]) -> list[tuple[str, str]]:
    """The sources of all classes that a person wrote: of the whole file, since a class uses what is around it."""
    found: dict[str, str] = {}
    for assignment in assignments:
        if assignment.template is None:
            continue
        for cls in own_classes(type(assignment.template)):
            key = f"source of {cls.__qualname__}"
            if key not in found:
                found[key] = fingerprint(source(cls))
    return list(found.items())
