"""Steps of so many rows that they are taken some at a time: no strategy may see where they are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pairloom import Engine, Strategy

START = 1_600_000_020 * 10**9
MINUTE = 60 * 10**9


class ByTheMark(Strategy):
    """Sizes its orders by what the price of the step makes of its position."""

    events = ("trade",)

    def generate_signal(self, ctx: Any) -> None:
        ctx.buy(1 + round(abs(ctx.position.unrealized_pnl), 2))


def trades(seed: int) -> dict[str, Any]:
    """Three trades at each time."""
    prices = np.round(100 + np.random.default_rng(seed).normal(0, 2, 18), 2)
    return {"ts": START + np.repeat(np.arange(6), 3) * MINUTE, "price": prices, "quantity": np.ones(18)}


def first_orders(how: str, markets: int, **settings: Any) -> tuple[str, list[float]]:
    engine = Engine(cash={"USD": 10**9}, fee=0, **settings)
    engine.trade("*", ByTheMark)
    data = {f"M{number:04d}/USD": trades(number) for number in range(markets)}
    result = getattr(engine, how)(data, progress=False)
    asked = zip(result.orders.column("pair"), result.orders.column("quantity"), strict=True)
    return result.digest, [float(quantity) for pair, quantity in asked if pair == "M0010/USD"]


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
@pytest.mark.parametrize("markets", [11, 333, 334, 345])
def test_the_price_of_a_step_is_that_of_its_last_row_in_every_driver(markets: int) -> None:
    digest, quantities = first_orders("backtest", markets)
    assert first_orders("paper", markets) == (digest, quantities)
    assert quantities == first_orders("backtest", 11)[1], "nobody else's rows change what a trader sees"
    if markets == 334:
        assert first_orders("backtest", markets, workers=2)[0] == digest
