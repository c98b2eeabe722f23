"""Run one scenario on the package through its public API, as the model ran it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import numpy as np

from . import api
from .model import Reference, Settings, TraderSpec, run

SECOND = 10**9


@dataclass
class Entry:
    """One trader of a scenario: `define(api)` gives its class on either side."""

    name: str
    pair: str
    define: Callable[[Any], Any]
    size: Any = None


@dataclass
class Scenario:
    """Data, settings and traders: all that a run is made of."""

    data: dict[str, dict[str, Any]]
    settings: Settings
    entries: list[Entry]


def moment(ts: int | None) -> str | None:
    """A time as text, to the nanosecond."""
    if ts is None:
        return None
    whole = datetime.fromtimestamp(ts // SECOND, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{ts % SECOND:09d}Z"


def on_model(scenario: Scenario) -> Reference:
    """The model's answer."""
    specs = [TraderSpec(e.name, e.pair, e.define(api), e.size) for e in scenario.entries]
    return run(scenario.data, specs, scenario.settings)


def tables_for_package(data: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The same data in the package's words: dicts of arrays by pair and kind."""
    renamed: dict[str, Any] = {}
    for pair, kinds in data.items():
        renamed[pair] = {}
        for kind, table in kinds.items():
            columns = {}
            for name, values in table.items():
                if name in ("interval",) or values is None:
                    continue
                kept = "close_time" if name == "close_ts" else name
                kept_type = np.int64 if name in ("ts", "close_ts") else np.float64
                columns[kept] = np.asarray(values, dtype=kept_type)
            if "interval" in table and table["interval"] is not None:
                columns["close_time"] = columns["ts"] + int(table["interval"])
            renamed[pair][kind] = columns
    return renamed


def limits_of(given: dict[str, Any]) -> Any:
    """The model's limits in the package's words; none where there are none."""
    import pairloom

    if not given:
        return None

    def session(value: Any) -> Any:
        if "open" in value:
            return pairloom.Session(value["open"], value["close"], days="mon-sun")
        return {pair: session(each) for pair, each in value.items()}

    made = {name: session(value) if name == "session" else value for name, value in given.items()}
    if "per_trader" in made:
        made["per_trader"] = {name: limits_of(own) for name, own in made["per_trader"].items()}
    return pairloom.RiskLimits(**made)


def engine_of(settings: Settings, **extra: Any) -> Any:
    """The package's engine with the model's settings."""
    import pairloom

    return pairloom.Engine(
        cash={settings.currency: settings.cash},
        account=settings.account,
        leverage=settings.leverage,
        fee=pairloom.Fees(maker=settings.maker_fee, taker=settings.taker_fee),
        fill=settings.fill,
        slippage_bps=settings.slippage_bps,
        latency=Decimal(settings.latency) / SECOND,
        instruments={pair: pairloom.Instrument(**rules) for pair, rules in settings.instruments.items()},
        on_error=settings.on_error,
        risk=limits_of(settings.risk),
        **extra,
    )


def on_package(scenario: Scenario, driver: str = "backtest", **extra: Any) -> Any:
    """The package's answer; a run in which every trader erred gives its result too."""
    import pairloom

    engine = engine_of(scenario.settings)
    for entry in scenario.entries:
        engine.trade(entry.pair, entry.define(pairloom), size=entry.size, name=entry.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pairloom.RefusalWarning)
        warnings.simplefilter("ignore", pairloom.QuarantineWarning)
        try:
            return getattr(engine, driver)(
                tables_for_package(scenario.data),
                start=moment(scenario.settings.start),
                end=moment(scenario.settings.end),
                progress=False,
                **extra,
            )
        except pairloom.StrategyError as error:
            return error.result
