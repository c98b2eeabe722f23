"""Corners of the rules for orders and numbers that no ordinary run comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pairloom import DataError, Engine, Instrument, Signal, Strategy

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")

MINUTE = 60_000_000_000
START = 1_700_000_100_000_000_000


class Planned(Strategy):
    """Orders at its n-th event: quantity, bought where it is above zero, and limit."""

    plan: tuple[tuple[int, float, float | None], ...] = ()

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> None:
        self.seen += 1
        for at, quantity, limit in self.plan:
            if at == self.seen:
                (ctx.buy if quantity > 0 else ctx.sell)(abs(quantity), limit=limit)


def flat(rows: int, price: float, step: float = 0.0) -> dict[str, Any]:
    prices = [price + at * step for at in range(rows)]
    return {
        "ts": [START + at * MINUTE for at in range(rows)],
        **dict.fromkeys(("open", "high", "low", "close"), prices),
    }


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_orders_that_only_reduce_fit_beside_each_other_or_are_refused(driver: str) -> None:
    """Together they would be more lots than a number holds; each alone leads out of its trader's position."""
    lots = 4e10
    engine = Engine(cash={"USD": 10_000_000}, account="margin", leverage=2)
    for name, at in (("a", 1), ("b", 3), ("c", 5)):
        engine.trade("A/USD", Planned(plan=((at, -lots, None), (6, lots, 0.00001))), name=name)
    engine.trade("A/USD", Planned(plan=((2, lots, None), (4, lots, None))), name="long")
    result = getattr(engine, driver)({"A/USD": flat(9, 2e-5)}, progress=False)
    last = [(row["trader"], row["status"], row["reason"]) for row in result.orders][-3:]
    assert last == [("a", "expired", ""), ("b", "expired", ""), ("c", "refused", "overflow")]


def test_a_round_trip_may_enter_more_lots_than_one_order_holds() -> None:
    plan = tuple((at, 4e10 if at % 2 else -3.9e10, None) for at in range(1, 6))
    engine = Engine(cash={"USD": 100_000_000}, fee=0)
    engine.trade("A/USD", Planned(plan=(*plan, (6, -4.2e10, None))))
    result = engine.backtest({"A/USD": flat(9, 2e-5, 1e-5)}, progress=False)
    (trip,) = result.trades
    assert Decimal(str(trip["quantity"])) == 120_000_000_000
    entered = sum(row["quantity"] * row["price"] for row in result.fills if row["side"] == "buy")
    left = sum(row["quantity"] * row["price"] for row in result.fills if row["side"] == "sell")
    assert trip["return"] == pytest.approx((left - entered) / entered, rel=1e-12)


def test_the_return_of_a_cheap_coin_is_measured_by_what_was_paid() -> None:
    """Its average price needs more than 18 decimals, and is not what the return is computed from."""
    prices = [1.1e-11, 1.3e-11, 1.7e-11, 1.9e-11, 2.3e-11, 2.9e-11, 2.9e-11]
    candles = flat(len(prices), 1.0) | dict.fromkeys(("open", "high", "low", "close"), prices)
    engine = Engine(cash={"USD": 1_000}, fee=0)
    engine.trade("A/USD", Planned(plan=((1, 3e9, None), (2, 7e9, None), (3, 11e9, None), (5, -21e9, None))))
    (trip,) = engine.backtest({"A/USD": candles}, progress=False).trades
    paid = 3e9 * prices[1] + 7e9 * prices[2] + 11e9 * prices[3]
    assert trip["return"] == pytest.approx((21e9 * prices[5] - paid) / paid, rel=1e-13)


@pytest.mark.parametrize("wrong", [Signal.long(limit=-1), Signal.long(limit=float("nan")), Signal.long(1e-12)])
def test_a_refused_signal_does_not_stand_in_for_the_next_of_its_step(wrong: Signal) -> None:
    class Twice(Strategy):
        def setup(self, ctx: Any) -> None:
            self.signals = [wrong, Signal.LONG]

        def generate_signal(self, ctx: Any) -> Signal | None:
            return self.signals.pop(0) if self.signals else None

    # Two trades of one time are two events in one step.
    trades = {"ts": [START, START, START + MINUTE, START + 2 * MINUTE], "price": [10.0] * 4, "amount": [1.0] * 4}
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Twice, size=1)
    result = engine.backtest({"A/USD": {"trade": trades}}, progress=False)
    assert [(row["quantity"], row["status"]) for row in result.orders] == [(1, "filled")]


@pytest.mark.parametrize("fill", ["close", "next_open"])
def test_latency_has_no_effect_where_orders_fill_on_candles(fill: str) -> None:
    """Trades beside the candles fill limit orders there, as soon as without it."""
    candles = flat(9, 10.0, 0.5)
    ticks = [START + 10 * 1_000_000_000 * at for at in range(54)]
    trades = {"ts": ticks, "price": [10.0 + (at % 7) * 0.4 for at in range(54)], "amount": [1.0] * 54}
    plan = ((2, 1.0, None), (9, 1.0, 10.3), (20, -1.0, None), (31, 2.0, 10.9))

    class OnBoth(Planned):
        events = ("candle", "trade")

    def fills(latency: float) -> list[Any]:
        engine = Engine(cash={"USD": 1_000}, latency=latency, fill=fill)
        engine.trade("A/USD", OnBoth(plan=plan))
        engine.trade("A/USD", Planned(plan=((2, 1.0, None), (4, 1.0, 11.0))))
        data = {"A/USD": {"candle": candles, "trade": trades}, "B/USD": {"trade": trades}}
        return [(row["ts"], row["price"]) for row in engine.backtest(data, progress=False).fills]

    at_once = fills(0)
    assert len(at_once) >= 5
    for latency in (15, 45, 70):
        assert fills(latency) == at_once


def test_a_time_event_ends_the_warm_up_as_a_row_does() -> None:
    """Readings 6 and 7: the curve begins with whichever is first, and each trader with its own."""
    begun: dict[str, int] = {}

    class Begins(Strategy):
        def on_start(self, ctx: Any) -> None:
            begun[type(self).__name__] = ctx.ts

        def generate_signal(self, ctx: Any) -> None:
            return None

    class Timed(Begins):
        schedule = "10m"

        def on_time(self, ctx: Any, event: Any) -> None:
            assert "Timed" in begun

    # The data begin at 22:15. Five candles warm up; from `start` on none until 22:50, but a time event at 22:30.
    minutes = [0, 1, 2, 3, 4, 35, 36]
    candles = flat(len(minutes), 10.0) | {"ts": [START + MINUTE * at for at in minutes]}
    row = START + 36 * MINUTE
    for strategies, first in (((Begins,), row), ((Begins, Timed), START + 15 * MINUTE)):
        begun.clear()
        engine = Engine(cash={"USD": 1_000})
        for strategy in strategies:
            engine.trade("A/USD", strategy)
        result = engine.backtest({"A/USD": candles}, start="2023-11-14T22:21", interval="1m", progress=False)
        assert begun == dict(zip((each.__name__ for each in strategies), (row, first), strict=False))
        assert int(result.equity_curve["ts"][0].astype("int64")) == first


def far_apart(*prices: float) -> dict[str, Any]:
    return flat(len(prices), 1.0) | {key: list(prices) for key in ("open", "high", "low", "close")}


@pytest.mark.parametrize("tiny", [1.453961234567891, 0.0123456789012345])
def test_prices_that_the_grid_makes_others_are_refused(tiny: float) -> None:
    """Prices adjusted for splits fall by many magnitudes, and ten digits of the largest leave none of the smallest."""
    prices = [3_218_700_000.1234567, 70_000.123456789, tiny]
    engine = Engine(cash={"USD": 100}, fee=0)
    engine.trade("A/USD", Planned(plan=((1, 1, None),)))
    with pytest.raises(DataError) as caught:
        engine.backtest({"A/USD": far_apart(*prices)}, progress=False)
    assert caught.value.code == "data.rounding"
    becomes = 1.0 if tiny > 1 else 0.0
    for named in ("A/USD, row 2 of its candles, column 'open'", f"{tiny!r} would become {becomes}", "frame.round(9)"):
        assert named in str(caught.value)
    rounded = far_apart(*(round(price, 9) for price in prices))
    assert not [line for line in engine.backtest({"A/USD": rounded}, progress=False).assumptions if "grid" in line]


def test_a_tick_gives_far_prices_the_digits_that_they_need() -> None:
    prices = [3_218_700_000.1234567, 1.453961234567891]
    engine = Engine(cash={"USD": 10**10}, fee=0, instruments={"A/USD": Instrument(tick="0.000001")})
    engine.trade("A/USD", Planned(plan=((1, 1, None),)))
    result = engine.backtest({"A/USD": far_apart(*prices)}, progress=False)
    assert [Decimal(str(row["price"])) for row in result.fills] == [Decimal("1.453961")]
