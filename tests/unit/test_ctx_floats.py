"""What `ctx` shows of exact numbers: the nearest float, and of the orders that end with the data: none."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pairloom import Engine, Strategy
from scripted import MINUTE, START, run


def flat_candles(price: float, rows: int = 8) -> dict[str, Any]:
    """Candles that stand at one price."""
    prices = np.full(rows, price)
    ts = START + MINUTE * np.arange(rows, dtype=np.int64)
    return {"ts": ts, "open": prices, "high": prices, "low": prices, "close": prices}


def buyer(quantities: list[str]) -> tuple[type[Strategy], list[Any]]:
    """Buys the quantities, one at each event; and the positions that it sees there."""
    seen: list[Any] = []

    class Buyer(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            seen.append(ctx.position)
            if len(seen) <= len(quantities):
                ctx.buy(quantities[len(seen) - 1])

    return Buyer, seen


@pytest.mark.parametrize("quantity", ["104070453.15021135", "90071992.54740993", "123456789.98765432", "0.00000001"])
def test_a_quantity_is_shown_as_the_float_nearest_to_it(quantity: str) -> None:
    strategy, seen = buyer([quantity])
    run(strategy, flat_candles(5.8e-05))
    assert seen[-1].size == float(quantity)


def test_entries_at_one_price_have_that_price_on_average() -> None:
    strategy, seen = buyer(["0.0028267", "0.93393107", "0.3"])
    run(strategy, flat_candles(61.14))
    assert [position.entry_price for position in seen[1:]] == [61.14] * 7
    assert seen[-1].unrealized_pnl == 0.0


def test_the_average_of_entries_is_rounded_once() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    draw = random.Random(seed)
    for _ in range(50):
        cents = [draw.randrange(1_000, 99_999) for _ in range(9)]
        lots = [draw.randrange(1, 10**6) for _ in range(8)]
        data = flat_candles(1.0, 9)
        for name in ("open", "high", "low", "close"):
            data[name] = np.array([cent / 100 for cent in cents])
        strategy, seen = buyer([f"{number / 1000:.3f}" for number in lots])
        run(strategy, data, cash={"USD": 10**9})
        for held in range(1, 9):
            bought = [(Fraction(lots[at], 1000), Fraction(cents[at + 1], 100)) for at in range(held)]
            wanted = sum(lot * price for lot, price in bought) / sum(lot for lot, _ in bought)
            # The table of trades shows averages at 10^-18, so that is where the one rounding lies.
            assert seen[held].entry_price == pytest.approx(float(wanted), rel=2.3e-16, abs=0)


@pytest.mark.parametrize("driver", ["backtest", "paper"])
@pytest.mark.parametrize("workers", [0, 1])
def test_orders_that_end_with_the_data_are_not_shown_as_working(driver: str, workers: int) -> None:
    class Waits(Strategy):
        def setup(self, ctx: Any) -> None:
            self.calls = 0

        def generate_signal(self, ctx: Any) -> None:
            self.calls += 1
            if self.calls == 2:
                ctx.buy(1, limit=50)

        def on_order(self, ctx: Any, order: Any) -> None:
            if order.status == "expired" and ctx.orders:
                raise ValueError(f"{ctx.orders} still work")

        def on_stop(self, ctx: Any) -> None:
            if ctx.orders:
                raise ValueError(f"{ctx.orders} still work")

    engine = Engine(cash={"USD": 1_000}, workers=workers)
    engine.trade("ETH/USD", Waits())
    result = getattr(engine, driver)({"ETH/USD": flat_candles(100.0)}, progress=False)
    assert list(result.orders.column("status")) == ["expired"]
