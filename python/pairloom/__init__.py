"""Pairloom: portfolios of market-pair traders, in Python over a Rust engine.

``Engine`` holds the account and the traders, ``Strategy`` is what a person writes,
``pairloom.indicators`` what it reads; a run returns a ``Result``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom import indicators
from pairloom._native import (
    Candle,
    Exit,
    Fill,
    Indicator,
    MarketData,
    Order,
    Position,
    Quote,
    Refusal,
    Signal,
    SystemCtx,
    Table,
    TimeEvent,
    Trade,
    __version__,
)
from pairloom.engine import Engine
from pairloom.errors import (
    BrokerError,
    ConfigError,
    DataError,
    JournalError,
    PairloomError,
    ParameterError,
    QuarantineWarning,
    ReconciliationWarning,
    RefusalWarning,
    RiskError,
    StrategyError,
    SweepWarning,
)
from pairloom.instruments import Fees, Instrument
from pairloom.strategy import Strategy

if TYPE_CHECKING:
    from pairloom._compiled import compiled, uncompiled
    from pairloom._synthetic import synthetic
    from pairloom.broker import Faults, Reconcile
    from pairloom.feed import SyntheticFeed
    from pairloom.journal import Journal
    from pairloom.result import Result
    from pairloom.risk import RiskLimits
    from pairloom.run import Run
    from pairloom.schedule import Session
    from pairloom.sweep import SweepResult

__all__ = [
    "BrokerError",
    "Candle",
    "ConfigError",
    "DataError",
    "Engine",
    "Exit",
    "Faults",
    "Fees",
    "Fill",
    "Indicator",
    "Instrument",
    "Journal",
    "JournalError",
    "MarketData",
    "Order",
    "PairloomError",
    "ParameterError",
    "Position",
    "QuarantineWarning",
    "Quote",
    "Reconcile",
    "ReconciliationWarning",
    "Refusal",
    "RefusalWarning",
    "Result",
    "RiskError",
    "RiskLimits",
    "Run",
    "Session",
    "Signal",
    "Strategy",
    "StrategyError",
    "SweepResult",
    "SweepWarning",
    "SyntheticFeed",
    "SystemCtx",
    "Table",
    "TimeEvent",
    "Trade",
    "__version__",
    "compiled",
    "indicators",
    "synthetic",
    "uncompiled",
]


# Not every script needs these, so none pays for importing them before it asks.
_LATER = {
    "Faults": "pairloom.broker",
    "Journal": "pairloom.journal",
    "Reconcile": "pairloom.broker",
    "Result": "pairloom.result",
    "RiskLimits": "pairloom.risk",
    "Run": "pairloom.run",
    "Session": "pairloom.schedule",
    "SweepResult": "pairloom.sweep",
    "SyntheticFeed": "pairloom.feed",
    "compiled": "pairloom._compiled",
    "uncompiled": "pairloom._compiled",
    "synthetic": "pairloom._synthetic",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'pairloom' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
