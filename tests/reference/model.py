"""The one door: `run(data, traders, settings)`."""

from __future__ import annotations

from typing import Any

from .engine import Model, Reference, Settings
from .trader import TraderSpec

__all__ = ["Reference", "Settings", "TraderSpec", "run"]


def run(data: dict[str, dict[str, Any]], traders: list[TraderSpec], settings: Settings) -> Reference:
    """Run the model.

    `data` is pair -> kind -> table; a candle table has `ts` (opening times, ns), `open`, `high`,
    `low`, `close`, and `interval` or `close_ts` (ns) or neither; a quote table `ts`, `bid`, `ask`;
    a trade table `ts`, `price`, `quantity`.
    """
    return Model(data, traders, settings).run()
