"""NautilusTrader 2 on W1 or W2: `run_nautilus.py WORKLOAD DATA.npz`, in an environment with nautilus-trader and NumPy.

Logging and the analysis after the run are off, and closed orders, positions and account events are purged every
simulated hour, which its users turn on for long runs: with its defaults it takes about twice as long here.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import ExecutionEngineConfig, MakerTakerFeeModel
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model import (
    AccountType,
    Bar,
    BarType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    StrategyId,
    Symbol,
    Venue,
)
from nautilus_trader.risk import RiskEngineConfig
from nautilus_trader.trading import Strategy, StrategyConfig

CASH, ALPHA, EVERY, FAST, SLOW = 10_000_000, 2.0 / 51, 10_000, 10, 30
MINUTE = 60_000_000_000
VENUE, USD, BTC = Venue("SIM"), Currency.from_str("USDT"), Currency.from_str("BTC")
ONE, TWO = Quantity(1, 0), Quantity(2, 0)


def instrument(precision: int) -> Any:
    """A market whose quantities are whole and whose prices have that many decimals."""
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("M000USDT"), VENUE),
        raw_symbol=Symbol("M000USDT"),
        base_currency=BTC,
        quote_currency=USD,
        settlement_currency=USD,
        is_inverse=False,
        price_precision=precision,
        size_precision=0,
        price_increment=Price(10.0**-precision, precision),
        size_increment=ONE,
        ts_event=0,
        ts_init=0,
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
    )


class Base(Strategy):
    """What both rules need."""

    def __new__(cls, market: Any) -> Any:
        return super().__new__(cls, StrategyConfig(strategy_id=StrategyId("Rule-000"), order_id_tag="000"))

    def __init__(self, market: Any) -> None:
        self.market, self.orders = market, 0

    def send(self, buys: bool, quantity: Any) -> None:
        """A market order."""
        side = OrderSide.BUY if buys else OrderSide.SELL
        self.submit_order(self.order_factory.market(self.market.id, side, quantity))
        self.orders += 1


class Cross(Base):
    """The rule of W1."""

    def on_start(self) -> None:
        self.fast, self.slow, self.held = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW), 0
        kind = bar_type(self.market)
        self.register_indicator_for_bars(kind, self.fast)
        self.register_indicator_for_bars(kind, self.slow)
        self.subscribe_bars(kind)

    def on_bar(self, bar: Any) -> None:
        if not self.slow.initialized:
            return
        wanted = 1 if self.fast.value > self.slow.value else -1
        if wanted != self.held:
            self.send(wanted > 0, TWO if self.held else ONE)
            self.held = wanted


class EveryNth(Base):
    """The rule of W2."""

    def on_start(self) -> None:
        self.seen, self.average, self.buys = 0, 0.0, True
        self.subscribe_quotes(self.market.id)

    def on_quote(self, quote: Any) -> None:
        mid = (float(quote.bid_price) + float(quote.ask_price)) * 0.5
        self.average = mid if self.seen == 0 else self.average + ALPHA * (mid - self.average)
        self.seen += 1
        if self.seen % EVERY == 0:
            self.send(self.buys, ONE)
            self.buys = not self.buys


def bar_type(market: Any) -> Any:
    """One-minute bars from outside."""
    return BarType.from_str(f"{market.id}-1-MINUTE-LAST-EXTERNAL")


def bars(market: Any, data: Any) -> list[Any]:
    """The bars as its objects, stamped by their close."""
    kind, decimals = bar_type(market), market.price_precision
    columns = zip(*(data[name][0].tolist() for name in ("ts", "open", "high", "low", "close", "volume")), strict=True)
    return [
        Bar(kind, *(Price(value, decimals) for value in prices), Quantity(volume, 0), ts + MINUTE, ts + MINUTE)
        for ts, *prices, volume in columns
    ]


def quotes(market: Any, data: Any) -> list[Any]:
    """The quotes as its objects."""
    columns = zip(*(data[name][0].tolist() for name in ("ts", "bid", "ask", "bid_size", "ask_size")), strict=True)
    return [
        QuoteTick(market.id, Price(bid, 2), Price(ask, 2), Quantity(bids, 0), Quantity(asks, 0), ts, ts)
        for ts, bid, ask, bids, asks in columns
    ]


def engine(market: Any, rows: list[Any]) -> Any:
    """An engine with the workloads' account."""
    kinds = ("closed_orders", "closed_positions", "account_events")
    purging = {f"purge_{kind}_interval_mins": 60 for kind in kinds}
    purging |= {f"purge_{kind}_buffer_mins": 0 for kind in kinds[:2]} | {"purge_account_events_lookback_mins": 0}
    made = BacktestEngine(
        BacktestEngineConfig(
            bypass_logging=True,
            logging=LoggerConfig(bypass_logging=True),
            run_analysis=False,
            exec_engine=ExecutionEngineConfig(**purging),
            risk_engine=RiskEngineConfig(max_order_submit_rate="100000/00:00:01"),
        )
    )
    made.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(CASH, USD)],
        base_currency=USD,
        default_leverage=Decimal(10),
        fee_model=MakerTakerFeeModel(Decimal("0.001"), Decimal("0.001")),
    )
    made.add_instrument(market)
    made.add_data(rows, sort=True)
    return made


def main() -> None:
    """One run, and one line about it."""
    workload, data = sys.argv[1], np.load(sys.argv[2])
    on_quotes = workload == "W2"
    market = instrument(2 if on_quotes else 6)
    made = engine(market, (quotes if on_quotes else bars)(market, data))
    rule = (EveryNth if on_quotes else Cross)(market)
    made.add_strategy(rule)
    began = time.perf_counter()
    made.run()
    elapsed = time.perf_counter() - began
    equity = sum(money.as_double() for money in made.portfolio.equity(VENUE).values())
    print(json.dumps({"run_s": elapsed, "orders": rule.orders, "equity": equity}))


if __name__ == "__main__":
    main()
