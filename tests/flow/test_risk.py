"""Limits in whole runs: what they say, what strategies hear, and what a person changes while a run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import (
    ConfigError,
    Engine,
    RefusalWarning,
    Result,
    RiskLimits,
    Signal,
    Strategy,
    SweepWarning,
    SyntheticFeed,
)

MINUTE = 60 * 10**9
START = 1_700_000_000 * 10**9


def candles(closes: list[float]) -> dict[str, Any]:
    prices = np.asarray(closes, dtype=float)
    ts = START + np.arange(len(closes)) * MINUTE
    return {"ts": ts, "open": prices, "high": prices, "low": prices, "close": prices}


class Turns(Strategy):
    """Long and flat by turns, and what it hears of refusals."""

    def setup(self, ctx: Any) -> None:
        self.turn = 0

    def generate_signal(self, ctx: Any) -> Any:
        self.turn += 1
        return Signal.LONG if self.turn % 2 else Signal.CLOSE

    def on_refused(self, ctx: Any, refusal: Any) -> None:
        HEARD.append((refusal.check, refusal.reason))


HEARD: list[tuple[str, str]] = []


def run(limits: RiskLimits, driver: str = "backtest", closes: list[float] | None = None, size: float = 2) -> Result:
    engine = Engine(cash={"USD": 10_000}, account="margin", risk=limits)
    engine.trade(["A/USD", "B/USD"], Turns, size=size)
    data = {pair: candles(closes or [100.0] * 20) for pair in ("A/USD", "B/USD")}
    result: Result = getattr(engine, driver)(data, interval=60, progress=False)
    return result


@pytest.mark.parametrize("driver", ["backtest", "paper"])
def test_refusals_are_announced_counted_and_heard(driver):
    HEARD.clear()
    limits = RiskLimits(max_order_quantity={"A/USD": 1, "*": 5})
    with pytest.warns(RefusalWarning, match="10 orders refused: order_quantity 10"):
        result = run(limits, driver)
    assert result.refusals_by_check == {"order_quantity": 10}
    assert set(result.refusals.column("pair").tolist()) == {"A/USD"}
    reasons = [row["reason"] for row in result.orders.to_pandas().to_dict("records") if row["status"] == "refused"]
    assert reasons == ["order_quantity"] * 10
    assert HEARD[0] == ("order_quantity", "an order for 2 is above max_order_quantity of 1")
    (said,) = [line for line in result.assumptions if line.startswith("risk controls that are off")]
    assert "max_order_notional" in said and "max_order_quantity" not in said


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_the_tightest_of_account_and_trader_wins():
    own = {"Turns A/USD": RiskLimits(max_position=1), "Turns": RiskLimits(max_position=3)}
    for account, refused in ((4, {"A/USD"}), (1, {"A/USD", "B/USD"})):
        result = run(RiskLimits(max_position=account, per_trader=own))
        assert set(result.refusals.column("pair").tolist()) == refused
    unknown = 'no trader or strategy "Turn"; traders are Turns A/USD, Turns B/USD'
    with pytest.raises(ConfigError, match=unknown) as error:
        run(RiskLimits(per_trader={"Turn": RiskLimits(max_position=1)}))
    assert error.value.code == "risk.unknown_trader"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"halted": "a/usd"}, 'risk.halted: nobody trades "a/usd"; did you mean "A/USD"'),
        ({"restricted": ["C/USD", "B/Usd"]}, 'risk.restricted: nobody trades "B/Usd"; did you mean "B/USD"'),
        ({"reduce_only": ["a/USD"]}, 'risk.reduce_only: nobody trades "a/USD"'),
        ({"max_order_notional": {"A/USd": 1, "*": 1e6}}, "risk.max_order_notional: nobody trades"),
        ({"session": {"b/usd": pairloom.Session("09:00", "17:00")}}, "risk.session: nobody trades"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_a_pair_that_is_mistyped_does_not_let_pass_what_was_meant(limits: Any, said: str, own: bool) -> None:
    asked = RiskLimits(**limits)
    with pytest.raises(ConfigError, match=said) as error:
        run(RiskLimits(per_trader={"Turns": asked}) if own else asked)
    assert error.value.code == "risk.unknown_pair"


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_a_pair_without_a_number_is_refused_and_unused_pairs_are_said():
    result = run(RiskLimits(max_order_notional={"A/USD": 1_000, "C/USD": 5}))
    assert result.refusals_by_check == {"missing_limit": 10}
    assert "risk limits of pairs that this run does not trade: C/USD" in result.assumptions


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_limits_reach_the_runs_of_a_sweep():
    engine = Engine(cash={"USD": 10_000}, risk=RiskLimits(halted=True))
    engine.trade("A/USD", "sma_cross", size=1, side="long")
    closes = [100 + 10 * np.sin(i / 5) for i in range(200)]
    for executor in (None, ThreadPoolExecutor(1)):
        with pytest.warns(SweepWarning, match="refused in 2 combinations: halted"):
            engine.sweep(
                {"A/USD": candles(closes)}, interval=60, fast=[3, 5], slow=[9], progress=False, executor=executor
            )


def live(limits: RiskLimits | None, strategy: Any = Turns) -> Any:
    engine = Engine(cash={"USD": 100_000}, account="margin", risk=limits)
    engine.trade("A/USD", strategy, size=1)
    return engine.start(SyntheticFeed(["A/USD"], kind="quote", rate=200, seed=3), duration=60)


def until(run_: Any, holds: Any) -> Any:
    """Ask how things stand until they stand so; the run's own duration bounds the wait."""
    while not run_.finished:
        status = run_.status()
        if holds(status):
            return status
    raise AssertionError(f"never came: {run_.status()}")


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_limits_change_while_a_run_goes_on():
    with live(None) as running:
        until(running, lambda s: s["traders"][0]["position"] > 0)
        running.set_limits(RiskLimits(reduce_only=True), by="Ada")
        until(running, lambda s: s["traders"][0]["position"] == 0)
        running.add_position("A/USD", 1)
        with pytest.raises(ConfigError, match="must say who"):
            running.set_limits(None, by="")
        with pytest.raises(ConfigError, match='no trader or strategy "x"'):
            running.set_limits(RiskLimits(per_trader={"x": RiskLimits(max_position=1)}), by="Bob")
        running.set_limits(None, by="Cleo")
        until(running, lambda s: s["traders"][0]["position"] > 0)
    result = running.stop()
    assert result.refusals_by_check["reduce_only"] >= 1
    changes = [(change["kind"], change["by"], change["what"]) for change in result.risk_changes]
    assert changes == [("limits", "Ada", "RiskLimits(reduce_only=True)"), ("limits", "Cleo", "None")]
    assert all(change["ts"] > START for change in result.risk_changes)


class Piles(Strategy):
    """Buys a little far below the market, at every event."""

    def generate_signal(self, ctx: Any) -> None:
        ctx.buy(0.01, limit=ctx.quote.bid * 0.5)


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_a_stopped_trader_is_enabled_by_a_person():
    with live(RiskLimits(max_repeats=(3, 3_600)), Piles) as running:
        until(running, lambda s: s["working_orders"] == 3 and s["events"] > 20)
        running.enable("A/USD", by="Ada")
        until(running, lambda s: s["working_orders"] == 6)
        with pytest.raises(ConfigError, match="no trader or pair"):
            running.enable("C/USD", by="Ada")
    result = running.stop()
    # What it asks for while the run ends is refused as after the kill switch.
    assert set(result.refusals_by_check) - {"killed"} == {"repeated_execution"}
    assert [(c["kind"], c["by"], c["what"]) for c in result.risk_changes] == [("enable", "Ada", "Piles A/USD")]


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_kill_may_flatten():
    class Holds(Strategy):
        def generate_signal(self, ctx: Any) -> Any:
            return Signal.LONG

    with live(None, Holds) as running:
        until(running, lambda s: s["traders"][0]["position"] > 0)
        running.kill(flatten=True)
        status = until(running, lambda s: s["traders"][0]["position"] == 0)
        assert status["killed"]
    result = running.stop()
    assert result.refusals_by_check.keys() <= {"killed"}
    assert [change["kind"] for change in result.risk_changes] == ["kill"]


@pytest.mark.skipif(sys.platform != "linux", reason="the signal is there on Linux")
def test_a_signal_pulls_the_kill_switch_of_the_command_line(tmp_path):
    ts = START + np.arange(150) * 20_000_000
    rows = "\n".join(f"{t},{100 + i % 3},1" for i, t in enumerate(ts))
    (tmp_path / "A_USD.csv").write_text(f"ts,price,quantity\n{rows}\n")
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
        import sys
        from pairloom import Strategy

        class Buys(Strategy):
            def generate_signal(self, ctx):
                ctx.buy(0.01, limit=50)
                print("bought", file=sys.stderr, flush=True)
        """)
    )
    command = [
        sys.executable,
        "-m",
        "pairloom",
        "paper",
        f"{tmp_path}/mine.py:Buys",
        "--data",
        str(tmp_path / "A_USD.csv"),
    ]
    command += ["--cash", "USD=1000", "--speed", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        bought = (line for line in process.stderr if line == "bought\n")
        # The first order has left by the time of the second; that one may be held back.
        next(bought), next(bought)
        os.kill(process.pid, signal.SIGUSR1)
        out, _ = process.communicate(timeout=60)
    document = json.loads(out)
    assert document["refusals_by_check"]["killed"] > 0
    assert 0 < document["orders"] - document["refusals"] < 150


TIGHT = RiskLimits(
    max_order_notional={"*": 160, "M/USD": 20},
    price_collar=0.05,
    max_position=40,
    max_gross_exposure=1_500,
    max_net_exposure=1_400,
    max_order_rate=(30, 60),
    max_cancel_rate=(5, 60),
    max_repeats=(6, 3_600),
    duplicate_window=90,
    prevent_self_trade=True,
    max_daily_loss=60,
    max_drawdown=0.05,
    max_data_age=100,
    max_price_gap=0.03,
    per_trader={"simple": RiskLimits(max_order_rate=(1, 300))},
)


def test_one_digest_for_all_threads_blocks_workers_and_drivers():
    data = pairloom.synthetic(60, rows=150, seed=5, volatility=0.01, missing=0.1)

    def outcome(driver: str = "backtest", extra: dict[str, Any] | None = None, **settings: Any) -> tuple[Any, ...]:
        engine = Engine(cash={"USD": 3_000}, account="margin", leverage=2, risk=TIGHT, **settings)
        pairs = sorted(data)
        engine.trade(pairs[0::3], Turns, size={"quote": 150})
        engine.trade(pairs[1::3], "sma_cross", size={"quote": 150}, fast=3, slow=8)
        engine.trade(pairs[2::3], "rsi", size={"equity": 0.05}, period=6, low=40, high=60)
        engine.trade(pairs[0::5], "simple", size=0.5)
        with pytest.warns(RefusalWarning):
            result = getattr(engine, driver)(data, progress=False, **(extra or {}))
        refusals = zip(*(result.refusals.column(name).tolist() for name in ("ts", "trader", "check")), strict=True)
        return result.digest, list(refusals), result.refusals_by_check

    wanted = outcome(num_threads=1)
    assert len(wanted[2]) >= 5, wanted[2]
    shuffled = {"_handover": "always", "_shuffle_seed": 3}
    others = [
        outcome(num_threads=4),
        outcome(num_threads=2, extra=shuffled),
        outcome(block=0),
        outcome(block=5),
        outcome("paper"),
    ]
    if sys.platform == "linux":
        others.append(outcome(workers=2))
    for other in others:
        assert other == wanted
