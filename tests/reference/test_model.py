"""The model itself, against results worked out by hand and against a plain loop."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any, Literal

import pytest

from reference import api
from reference.exact import price_scale
from reference.model import Reference, Settings, TraderSpec, run
from reference.package import SECOND, on_model
from reference.scenarios import Shape, scenario

MINUTE = 60 * SECOND


def candle_table(opens: list[int], prices: list[tuple[float, float, float, float]], interval: int) -> dict[str, Any]:
    names = ("open", "high", "low", "close")
    columns = {name: [row[i] for row in prices] for i, name in enumerate(names)}
    return {"candle": {"ts": opens, "interval": interval, **columns}}


def flat(opens: list[int], closes: list[float], interval: int = MINUTE) -> dict[str, Any]:
    """Candles whose four prices are one."""
    return candle_table(opens, [(c, c, c, c) for c in closes], interval)


def playing(script: dict[int, Any], **traits: Any) -> Any:
    """A strategy that does at its n-th event what the script says: a signal, or a call with ctx."""

    class Player(api.Strategy):
        def setup(self, ctx: Any) -> None:
            self.count = -1

        def generate_signal(self, ctx: Any) -> Any:
            self.count += 1
            planned = script.get(self.count)
            return planned(ctx) if callable(planned) else planned

    for name, value in traits.items():
        setattr(Player, name, value)
    return Player


def alone(data: dict[str, Any], script: dict[int, Any], size: Any = 1, **changes: Any) -> Reference:
    """One trader on A/USD."""
    settings = Settings(**{"cash": "1000", "maker_fee": "0", "taker_fee": "0.01", **changes})
    return run({"A/USD": data}, [TraderSpec("t", "A/USD", playing(script), size)], settings)


def test_scale_of_noisy_floats() -> None:
    scale, table = price_scale([3.7840000000000004e-05, 0.1 + 0.2, 7.0])
    assert scale == 8
    assert sorted(table.values()) == [3784, 30_000_000, 700_000_000]


def test_scale_without_an_end_takes_ten_digits() -> None:
    scale, table = price_scale([123.4567890123456789, 0.1 / 3])
    assert scale == 7
    assert sorted(table.values()) == [333_333, 1_234_567_890]


def test_next_open_fills_at_the_next_candle_even_across_a_gap() -> None:
    data = flat([0, MINUTE, 5 * MINUTE], [10.0, 20.0, 30.0])
    result = alone(data, {1: api.Signal.LONG})
    (fill,) = result.fills
    assert (fill["ts"], fill["price"], fill["quantity"]) == (5 * MINUTE, 30, 1)
    assert fill["fee"] == Fraction("0.3")
    assert result.cash == Fraction("969.7")
    # The waiting open is a step of its own, at which the old price still marks.
    assert [ts for ts, _ in result.equity_curve] == [MINUTE, 2 * MINUTE, 5 * MINUTE, 6 * MINUTE, 6 * MINUTE]


def test_close_fills_at_the_close_that_was_decided_on() -> None:
    data = flat([0, MINUTE], [10.0, 20.0])
    result = alone(data, {0: api.Signal.LONG}, fill="close", slippage_bps=150)
    (fill,) = result.fills
    # 10 plus 1.5% is 10.15, and the price scale of whole numbers makes that 11 for a buy.
    assert (fill["ts"], fill["price"]) == (MINUTE, 11)


def test_limit_at_the_open_or_at_the_limit() -> None:
    rows = [(10.0, 10.0, 10.0, 10.0), (9.0, 9.0, 7.0, 9.0), (7.0, 9.0, 6.0, 9.0)]
    data = candle_table([0, MINUTE, 2 * MINUTE], rows, MINUTE)

    def two_orders(ctx: Any) -> None:
        ctx.buy(1, limit=8)
        ctx.buy(1, limit=9.5)

    result = alone(data, {0: two_orders})
    assert [(f["ts"], f["price"], f["order_id"]) for f in result.fills] == [(MINUTE, 9, 2), (2 * MINUTE, 8, 1)]
    assert {f["liquidity"] for f in result.fills} == {"maker"}


def test_a_flip_on_margin_in_two_parts() -> None:
    data = flat([i * MINUTE for i in range(6)], [10.0] * 6)
    script = {0: api.Signal.long(size=50), 2: api.Signal.short(size=500)}
    result = alone(data, script, cash="1000", account="margin", taker_fee="0")
    assert [(o["side"], o["quantity"], o["status"], o["reason"]) for o in result.orders] == [
        ("buy", 50, "filled", ""),
        ("sell", 50, "filled", "margin"),
    ]
    assert [r["check"] for r in result.refusals] == ["margin"]
    assert result.trades[0]["exit_reason"] == "signal"


def test_cash_is_reserved_and_a_dearer_fill_is_cut() -> None:
    data = flat([0, MINUTE, 2 * MINUTE], [10.0, 20.0, 20.0])
    result = alone(data, {0: api.Signal.LONG}, size={"quote": 990}, taker_fee="0.01")
    (fill,) = result.fills
    assert fill["quantity"] == Fraction(4950495049, 10**8)
    assert [r["check"] for r in result.refusals] == ["cash_at_fill"]
    assert result.orders[0]["quantity"] == 99
    assert 0 <= result.cash < Fraction(1, 10**6)


def test_liquidation_below_half_of_the_requirement() -> None:
    data = flat([0, MINUTE, 2 * MINUTE, 3 * MINUTE], [10.0, 10.0, 6.0, 5.0])
    result = alone(data, {0: api.Signal.LONG}, size=200, account="margin", leverage=2, taker_fee="0")
    # 200 at 10 for 1000 of equity; at 6 the equity is 200 and half the requirement 300.
    assert [(f["side"], f["price"], f["ts"]) for f in result.fills] == [
        ("buy", 10, MINUTE),
        ("sell", 6, 3 * MINUTE),
    ]
    assert result.trades[0]["exit_reason"] == "liquidation"
    assert result.cash == 200


def test_no_market_is_seen_before_its_candle_is_over() -> None:
    seen: list[int] = []

    def look(ctx: Any) -> None:
        seen.append(ctx.ts)

    hour = 60 * MINUTE
    data = {
        "A/USD": flat([0, hour], [1.0, 2.0], hour),
        "B/USD": flat([i * MINUTE for i in range(180)], [5.0] * 180),
    }
    specs = [
        TraderSpec("a", "A/USD", playing({0: look, 1: look})),
        TraderSpec("b", "B/USD", playing({})),
    ]
    run(data, specs, Settings(cash=1))
    assert seen == [hour, 2 * hour]


@pytest.mark.parametrize("latency", [None, 5])
def test_a_limit_order_that_arrives_at_a_quote_may_meet_the_trade_behind_it(latency: int | None) -> None:
    data = {
        "trade": {"ts": [0, 20, 30], "price": [9.0, 9.0, 7.0], "quantity": [1.0, 1.0, 1.0]},
        "quote": {"ts": [30], "bid": [11.0], "ask": [12.0]},
    }
    settings = Settings(cash="1000", maker_fee="0", taker_fee="0", latency=latency or 0)

    def buy(ctx: Any) -> None:
        ctx.buy(1, limit=8)

    strategy = playing({0: buy}, events=("trade",))
    result = run({"A/USD": data}, [TraderSpec("t", "A/USD", strategy, 1)], settings)
    # Its first quote does not reach it, the trade of the same time does: rows come in the order quote, trade.
    assert [(f["ts"], f["price"], f["liquidity"]) for f in result.fills] == [(30, 8, "maker")]


def test_quotes_fill_at_the_other_side_and_latency_waits() -> None:
    data = {"quote": {"ts": [0, 10, 30], "bid": [9.0, 8.0, 7.0], "ask": [11.0, 12.0, 13.0]}}
    at_once = alone(data, {0: api.Signal.LONG, 1: api.Signal.CLOSE})
    assert [(f["ts"], f["price"]) for f in at_once.fills] == [(0, 11), (10, 8)]
    late = alone(data, {0: api.Signal.LONG}, latency=25)
    assert [(f["ts"], f["price"]) for f in late.fills] == [(25, 12)]
    assert [ts for ts, _ in late.equity_curve] == [0, 10, 25, 30, 30]


def test_cross_equals_a_plain_loop() -> None:
    """The rule of the benchmarks: last wanted side of two averages, one unit, fills at equal prices."""
    rng = Random(20240229)
    price, closes = 100_000, []
    for _ in range(3000):
        price += rng.randrange(-60, 61)
        closes.append(price)
    opens = [closes[0], *closes[:-1]]
    rows = [(o / 100, max(o, c) / 100, min(o, c) / 100, c / 100) for o, c in zip(opens, closes, strict=True)]
    data = candle_table([i * MINUTE for i in range(len(rows))], rows, MINUTE)

    class Cross(api.Strategy):
        def setup(self, ctx: Any) -> None:
            self.fast, self.slow = ctx.indicator(api.indicators.Sma(10)), ctx.indicator(api.indicators.Sma(30))

        def generate_signal(self, ctx: Any) -> Any:
            return api.Signal.LONG if self.fast.value > self.slow.value else api.Signal.SHORT

    settings = Settings(cash=10_000_000, account="margin", taker_fee="0.001")
    result = run({"A/USD": data}, [TraderSpec("t", "A/USD", Cross, 1)], settings)

    cash, position, orders = Fraction(10_000_000), 0, 0
    for i in range(29, len(closes)):
        wanted = 1 if sum(closes[i - 9 : i + 1]) * 3 > sum(closes[i - 29 : i + 1]) else -1
        if wanted != position and i + 1 < len(closes):
            traded = wanted - position
            notional = Fraction(opens[i + 1] * traded, 100)
            cash -= notional + abs(notional) / 1000
            position, orders = wanted, orders + 1
    assert len(result.fills) == orders
    assert result.equity == cash + position * Fraction(closes[-1], 100)


@pytest.mark.parametrize("seed", range(40))
def test_money_is_conserved(seed: int) -> None:
    """Cash is what the fills say; positions are the sum of fills; spot is never short or in debt."""
    account: Literal["spot", "margin"] = "spot" if seed % 2 == 0 else "margin"
    made, _ = scenario(Shape(seed, 1 + seed % 4, 30, 1 + seed % 5, account, "next_open" if seed % 3 else "close"))
    result = on_model(made)
    cash, positions = Fraction(made.settings.cash), dict.fromkeys(made.data, Fraction(0))
    for fill in result.fills:
        side = 1 if fill["side"] == "buy" else -1
        cash -= side * fill["price"] * fill["quantity"] + fill["fee"]
        positions[fill["pair"]] += side * fill["quantity"]
        if account == "spot":
            assert cash >= 0 and positions[fill["pair"]] >= 0
    assert abs(cash - result.cash) <= Fraction(len(result.fills), 10**18)
    assert all(positions[pair] == size for pair, size in result.positions.items())
