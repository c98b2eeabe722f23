"""The risk process of a run: where it listens, and how long it may take."""

from __future__ import annotations

import os
from typing import Any

from pairloom._times import duration_ns
from pairloom.errors import ConfigError

__all__ = ["process_settings", "refuse_process", "socket_path"]

DEFAULT_TIMEOUT_NS = 10**9
# What the system leaves for the path of a socket.
MOST_BYTES = 100


def socket_path(key: str, path: object, *, name: str) -> str:
    """Check the path of a Unix socket and return it whole; raises ``ConfigError``, with ``name`` in the example."""
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ConfigError(
            f"{key}={path!r} must be the path of a socket, as in {key}='/run/user/1000/{name}.sock'",
            code=f"config.{key}",
        )
    from pathlib import Path

    whole = str(Path(os.fsdecode(path)).expanduser().absolute())
    if len(os.fsencode(whole)) > MOST_BYTES:
        raise ConfigError(
            f"{key}={whole!r} is longer than the {MOST_BYTES} bytes that the path of a socket may have; "
            "name a shorter one",
            code=f"config.{key}",
        )
    return whole


def process_settings(risk_socket: object, risk_timeout: object) -> dict[str, Any]:
    """Check the arguments of ``Engine`` that are about the risk process; raises ``ConfigError``."""
    if risk_socket is None:
        if risk_timeout is not None:
            raise ConfigError(
                "risk_timeout is for a risk process: give risk_socket= too, or leave it out",
                code="config.risk_timeout",
            )
        return {"risk_socket": None, "risk_timeout": None}
    return {
        "risk_socket": socket_path("risk_socket", risk_socket, name="risk"),
        "risk_timeout": duration_ns("risk_timeout", risk_timeout) or DEFAULT_TIMEOUT_NS,
    }


def refuse_process(settings: dict[str, Any], what: str) -> None:
    """Refuse a risk process where no order leaves that it could be asked about; raises ``ConfigError``."""
    if settings["risk_socket"] is not None:
        raise ConfigError(
            f"risk_socket: {what} sends no orders, so that the risk process has nothing to say; "
            "use Engine(risk_socket=None), whose gate refuses the same, or paper or start",
            code="config.risk_socket",
        )
