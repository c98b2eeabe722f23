"""From a checked document to an `Engine` with its traders, and the data to run it on."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pairloom.config.document import check_document
from pairloom.config.strategies import load_strategy
from pairloom.engine import Engine
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairloom.risk import RiskLimits

__all__ = ["Plan", "make_plan"]


class Plan(NamedTuple):
    """An engine ready to run: ``plan.engine.backtest(plan.data, **plan.options)``."""

    engine: Engine
    data: str
    options: dict[str, Any]


def make_plan(document: dict[str, Any], *, base: Path, where: str) -> Plan:
    """Make the engine and traders that a document describes.

    ``base`` is the folder that paths are relative to, ``where`` the file's name for
    messages. Raises ``ConfigError`` naming the file, the section and the key.
    """
    check_document(document, where)
    limits = _limits(document, where)
    settings = dict(document["engine"])
    for key in ("journal", "risk_socket", "broker_socket"):
        if isinstance(settings.get(key), str) and settings[key]:
            settings[key] = base / Path(settings[key]).expanduser()
    with _located(f"{where}: [engine]"):
        engine = Engine(**settings, risk=limits)
    engine._origin = {"document": document, "base": str(base.absolute()), "where": where}
    for number, table in enumerate(document["trader"], start=1):
        with _located(f"{where}: [[trader]] {number}"):
            _add_trader(engine, table, base)
    data = dict(document.get("data", {}))
    path = data.pop("path", None)
    if not isinstance(path, str) or not path:
        raise ConfigError(
            f"{where}: [data] path={path!r}: say where the data are, here or with --data PATH"
            if path is not None
            else f'{where}: no data: write path = "candles/" under [data], or give --data PATH',
            code="config.data_path",
        )
    return Plan(engine, str(base / Path(path).expanduser()), data)


def _limits(document: dict[str, Any], where: str) -> RiskLimits | None:
    if "risk" not in document:
        return None
    from pairloom.risk import RiskLimits

    with _located(f"{where}: [risk]"):
        return RiskLimits(**document["risk"])


def _add_trader(engine: Engine, table: dict[str, Any], base: Path) -> None:
    spec = table["strategy"]
    if not isinstance(spec, str):
        raise ConfigError(f"strategy={spec!r} must be a text: FILE:CLASS or a built-in", code="config.strategy")
    strategy = load_strategy(spec, base)
    engine.trade(
        table["pairs"],
        strategy,
        size=table.get("size"),
        name=table.get("name"),
        options=table.get("options"),
    )


@contextmanager
def _located(place: str) -> Iterator[None]:
    """Put the place in a file before the message of a ``ConfigError``."""
    try:
        yield
    except ConfigError as error:
        raise type(error)(f"{place} {error}", code=error.code) from error.__cause__
