"""The worker processes of a run: how many, how they are started, and what they are given."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pairloom._inside import refuse_more_workers
from pairloom.errors import ConfigError
from pairloom.numbers import decimal_text, whole_number

if TYPE_CHECKING:
    from pairloom.strategy import Strategy

__all__ = ["refuse_workers", "worker_settings", "workers_of"]

MOST_WORKERS = 1024
MOST_TIME_LIMIT_S = 31 * 86_400
BACKTEST_LIMIT_NS = 10 * 10**9

_BYTES = re.compile(r"(\d+)\s*([kMGT]?)(i?)B", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def worker_settings(workers: object, time_limit: object, memory_limit: object) -> dict[str, Any]:
    """Check the arguments of ``Engine`` that are about workers; raises ``ConfigError``."""
    count = whole_number(workers, "workers", least=0, most=MOST_WORKERS)
    if count and sys.platform != "linux":
        raise ConfigError(
            f"workers={count}: worker processes need Linux so far, and this is {sys.platform}; use workers=0",
            code="config.workers",
        )
    if not count:
        limited = time_limit not in ("auto", "off", None)
        for key, given in {"time_limit": limited, "memory_limit": memory_limit}.items():
            if given:
                raise ConfigError(
                    f"{key} needs worker processes, which can be ended: give workers=2 or leave {key} out",
                    code=f"config.{key}",
                )
    return {
        "workers": count,
        "time_limit": _time_limit(time_limit),
        "memory_limit": _memory_limit(memory_limit),
    }


def refuse_workers(settings: dict[str, Any], what: str, instead: str) -> None:
    """Refuse workers where there are none yet; raises ``ConfigError``."""
    if settings["workers"]:
        raise ConfigError(
            f"workers={settings['workers']}: {what} has no worker processes yet; {instead}", code="config.workers"
        )


def workers_of(settings: dict[str, Any], described: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what a run says of its workers, and mark the traders that go there; ``None`` without any.

    Raises ``ConfigError`` where a strategy cannot travel.
    """
    away = [trader for trader in described if "factory" in trader and "compiled" not in trader]
    if not settings["workers"] or not away:
        return None
    refuse_more_workers(settings["workers"])
    templates: dict[int, tuple[int, Strategy]] = {}
    for trader in away:
        template = trader["factory"].__self__
        number, _ = templates.setdefault(id(template), (len(templates), template))
        trader["template"] = number
    limit = settings["time_limit"]
    return {
        "count": settings["workers"],
        "command": _command(),
        "stdout": _stdout(),
        # The worker needs one variable, for the order of sets, so that it is given none of the others instead of -E.
        "without_environment": bool(sys.flags.ignore_environment),
        "payload": _payload([template for _, template in templates.values()]),
        "time_limit": BACKTEST_LIMIT_NS if limit == "auto" else limit,
        "memory_limit": settings["memory_limit"],
    }


def _time_limit(limit: object) -> int | str | None:
    """Return nanoseconds, ``"auto"``, or ``None`` for no limit; a config file says ``"off"`` for that."""
    if limit == "auto":
        return "auto"
    if limit is None or limit == "off":
        return None
    way_out = 'give seconds, "auto" or "off"'
    text = decimal_text(limit, "time_limit", above=0, below=MOST_TIME_LIMIT_S, way_out=way_out)
    return max(1, int(Decimal(text) * 10**9))


def _memory_limit(limit: object) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, str):
        match = _BYTES.fullmatch(limit.strip())
        if match is None:
            raise ConfigError(
                f"memory_limit={limit!r} is no amount of memory; write bytes or a text such as '512MB'",
                code="config.memory_limit",
            )
        base = 1024 if match[3] else 1000
        limit = int(match[1]) * base ** _POWERS[match[2].upper()]
    return whole_number(limit, "memory_limit", least=1, most=2**62)


def _command() -> list[str]:
    if not sys.executable:
        raise ConfigError(
            "workers: this program does not say which Python it runs (sys.executable is empty); use workers=0",
            code="config.workers",
        )
    options = [*(f"-W{option}" for option in sys.warnoptions), *["-O"] * sys.flags.optimize]
    if sys.flags.no_user_site:
        options.append("-s")
    if sys.version_info >= (3, 11):
        # The folder that one happens to be in holds no modules of the worker's own.
        options.append("-P")
    return [sys.executable, *options, "-m", "pairloom._worker"]


def _stdout() -> int | None:
    """Where this process's output goes, if that is a file; it may be standard error, or where a test looks."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _payload(templates: list[Strategy]) -> bytes:
    from pairloom._modules import places
    from pairloom._outline import outline
    from pairloom._program import as_set
    from pairloom._travel import pack_strategies

    logging = sys.modules.get("logging")
    levels = {"": 30}
    disabled = 0
    if logging is not None:
        levels = {"": logging.root.level}
        disabled = logging.root.manager.disable
        for name, logger in logging.root.manager.loggerDict.items():
            if getattr(logger, "level", 0):
                levels[name] = logger.level
    import pickle

    return pickle.dumps(
        {
            "path": sys.path,
            "places": places({owner.__module__ for template in templates for owner in type(template).__mro__}),
            "levels": levels,
            "disabled": disabled,
            "program": as_set(),
            "outline": outline(templates),
            "strategies": pack_strategies(templates),
        }
    )
