"""Pairloom: portfolios of market-pair traders, in Python over a Rust engine.

``Engine`` holds the account and the traders, ``Strategy`` is what a person writes,
``pairloom.indicators`` what it reads; a run returns a ``Result``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom import indicators
from pairloom._native import (
    Candle,
    Fill,
    Indicator,
    MarketData,
    Order,
    Position,
    Quote,
    Signal,
    SystemCtx,
    Table,
    TimeEvent,
    Trade,
    __version__,
)
from pairloom._synthetic import synthetic
from pairloom.engine import Engine
from pairloom.errors import (
    BrokerError,
    ConfigError,
    DataError,
    JournalError,
    PairloomError,
    ParameterError,
    QuarantineWarning,
    RefusalWarning,
    RiskError,
    StrategyError,
)
from pairloom.instruments import Fees, Instrument
from pairloom.schedule import Session
from pairloom.strategy import Strategy

if TYPE_CHECKING:
    from pairloom.result import Result

__all__ = [
    "BrokerError",
    "Candle",
    "ConfigError",
    "DataError",
    "Engine",
    "Fees",
    "Fill",
    "Indicator",
    "Instrument",
    "JournalError",
    "MarketData",
    "Order",
    "PairloomError",
    "ParameterError",
    "Position",
    "QuarantineWarning",
    "Quote",
    "RefusalWarning",
    "Result",
    "RiskError",
    "Session",
    "Signal",
    "Strategy",
    "StrategyError",
    "SystemCtx",
    "Table",
    "TimeEvent",
    "Trade",
    "__version__",
    "indicators",
    "synthetic",
]


def __getattr__(name: str) -> Any:
    # Results are read after a run; until then nobody pays for importing them.
    if name == "Result":
        from pairloom.result import Result

        return Result
    raise AttributeError(f"module 'pairloom' has no attribute {name!r}")
