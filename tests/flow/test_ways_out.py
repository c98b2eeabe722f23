"""How a person gets out of a position, whatever else goes on; and when the account is closed for want of margin."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import ConfigError, Engine, RiskLimits, Signal, Strategy, SyntheticFeed

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")

PATIENCE_S = 60.0


class Holds(Strategy):
    """Is long from its second event on, and wishes for nothing more."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.n += 1
        return Signal.LONG if self.n == 2 else None


class TakesProfit(Strategy):
    """Is long, with an order far away that would close."""

    def setup(self, ctx: Any) -> None:
        self.n = 0
        self.rests = False

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.n += 1
        if self.n == 1:
            return Signal.LONG
        if ctx.position.size > 0 and not self.rests:
            self.rests = True
            ctx.sell(1, limit=ctx.quote.bid * 2)
        return None


def first(live: Any) -> dict[str, Any]:
    """How the first trader stands; the run's own duration bounds who asks again and again."""
    assert not live.finished
    trader: dict[str, Any] = live.status()["traders"][0]
    return trader


def test_many_who_close_at_once_close_once() -> None:
    engine = Engine(cash={"USD": 100_000}, account="margin")
    engine.trade("A/USD", Holds(), size=1)
    live = engine.start(pairloom.synthetic(["A/USD"], rows=100, seed=1), speed=60)
    while first(live)["position"] <= 0:
        pass
    together = threading.Barrier(8)

    def close() -> None:
        together.wait()
        live.force_exit("A/USD")

    people = [threading.Thread(target=close) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    while first(live)["position"] > 0:
        pass
    seen = live.status()["events"]
    while live.status()["events"] < seen + 3 and not live.finished:
        assert first(live)["position"] == 0
    result = live.stop()
    assert list(result.orders.column("side"))[:2] == ["buy", "sell"]
    assert len(result.orders) == 2


@pytest.mark.parametrize("account", ["spot", "margin"])
@pytest.mark.parametrize("way", ["force_exit", "close_all"])
def test_a_way_out_leads_out_though_an_order_rests_and_limits_are_tight(account: Any, way: str) -> None:
    engine = Engine(cash={"USD": 100_000}, account=account, risk=RiskLimits(max_position=1))
    engine.trade("A/USD", TakesProfit(), size=1)
    live = engine.start(SyntheticFeed(["A/USD"], kind="quote", rate=200, seed=3), duration=PATIENCE_S)
    while not (first(live)["position"] > 0 and first(live)["working_orders"] == 1):
        pass
    live.set_limits(RiskLimits(reduce_only=True), by="Ada")
    if way == "force_exit":
        live.force_exit("A/USD")
    else:
        live.close_all()
    while first(live)["position"] != 0:
        pass
    result = live.stop()
    assert result.refusals_by_check == {}
    assert list(zip(result.orders.column("type"), result.orders.column("status"), strict=True)) == [
        ("market", "filled"),
        ("limit", "cancelled"),
        ("market", "filled"),
    ]


@pytest.mark.parametrize("cash", [1_000, 100_000, 100_000_000])
@pytest.mark.parametrize("leverage", [3.3, 10 / 3])
def test_margin_is_called_at_the_same_price_whatever_the_cash_and_the_digits(cash: int, leverage: float) -> None:
    closes = np.concatenate([np.full(5, 100.0), np.linspace(99, 60, 40)])
    ts = 1_700_000_000 * 10**9 + np.arange(len(closes)) * 60 * 10**9
    columns = {"ts": ts, **dict.fromkeys(("open", "high", "low", "close"), closes)}

    class Buys(Strategy):
        def setup(self, ctx: Any) -> None:
            self.bought = False

        def generate_signal(self, ctx: Any) -> Signal | None:
            first, self.bought = not self.bought, True
            return Signal.LONG if first else None

    engine = Engine(cash={"USD": cash}, account="margin", leverage=leverage, fee=0)
    engine.trade("A/USD", Buys(), size={"equity": 2.9})
    result = engine.backtest({"A/USD": columns}, interval=60, progress=False)
    liquidated = [row for row in result.trades.to_pandas().itertuples() if row.exit_reason == "liquidation"]
    # Equity is 1 - 2.9 × (1 - p / 100) of the cash, and has to be half of 2.9 × p / 100 / leverage: p is about 77.1.
    assert [round(float(row.exit_price)) for row in liquidated] == [77]


@pytest.mark.parametrize("limits", [{"max_order_rate": (1, None)}, {"max_repeats": (1, None)}, {"max_data_age": None}])
def test_a_time_that_is_none_is_refused(limits: dict[str, Any]) -> None:
    if limits == {"max_data_age": None}:
        limits = {"max_data_age": {"A/USD": None}}
    with pytest.raises(ConfigError, match="must be a time"):
        RiskLimits(**limits)


class ErrsWithAnOrder(TakesProfit):
    """Raises while its order rests."""

    def generate_signal(self, ctx: Any) -> Signal | None:
        if self.n >= 5 and ctx.orders:
            raise ValueError("boom")
        return super().generate_signal(ctx)


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize("account", ["spot", "margin"])
def test_a_quarantined_traders_position_is_closed_once_its_order_is_taken_back(account: str) -> None:
    engine = Engine(cash={"USD": 100_000}, account=account, on_error="close")
    engine.trade("A/USD", ErrsWithAnOrder(), size=1)
    engine.trade("B/USD", Holds(), size=1)
    with engine.start(SyntheticFeed(["A/USD", "B/USD"], rate=200)) as live:
        while first(live)["position"] or first(live)["state"] != "quarantined":
            pass
        result = live.stop()
    mine = result.trades.column("trader") == result.quarantined[0].trader
    assert result.trades.column("exit_reason")[mine].tolist() == ["quarantine"]
    # Nothing was refused on its way out, and what rested was taken back, not filled.
    assert not len(result.refusals)
    assert "cancelled" in result.orders.column("status")


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_a_quarantined_trader_whose_order_fills_while_it_is_taken_back_is_flat() -> None:
    engine = Engine(
        cash={"USD": 100_000}, account="margin", on_error="close", faults=pairloom.Faults(fill_during_cancel=1.0)
    )
    engine.trade("A/USD", ErrsWithAnOrder(), size=1)
    engine.trade("B/USD", Holds(), size=1)
    quotes = {
        "ts": 1_704_067_200_000_000_000 + np.arange(60, dtype=np.int64) * 1_000_000_000,
        "bid": np.full(60, 100.0),
        "ask": np.full(60, 100.1),
    }
    result = engine.paper({pair: {"quote": quotes} for pair in ("A/USD", "B/USD")}, progress=False)
    mine = result.fills.column("trader") == result.quarantined[0].trader
    assert result.fills.column("side")[mine].tolist() == ["buy", "sell"]
    assert result.trades.column("exit_reason").tolist()[0] == "order"
