"""A connection that fails, and reconciliation: engine and venue agree at the end, or the pair is halted."""

from __future__ import annotations

import json
import pickle
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fault_runs import KINDS, PAIRS, Quoter, disagreements, quotes, run, schedule
from pairloom import ConfigError, Engine, Faults, Journal, Reconcile, RiskLimits, Signal, Strategy, SyntheticFeed
from pairloom.cli import main


class Flipper(Strategy):
    """Long and flat by turns, at the market: it never cancels."""

    every: int = 7

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        return Signal.LONG if self.seen // self.every % 2 else Signal.CLOSE


class Rester(Strategy):
    """Keeps one limit order far from the market."""

    def generate_signal(self, ctx: Any) -> None:
        if not ctx.orders:
            ctx.buy(1, limit=round(ctx.quote.bid * 0.5, 2))


def flipped(faults: Any, data: Any, **settings: Any) -> Any:
    engine = Engine(**{"cash": {"USD": 100_000}, "faults": faults, "num_threads": 1, **settings})
    engine.trade(PAIRS, Flipper(), size=1)
    return quietly(engine, data)


def quietly(engine: Engine, data: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return engine.paper(data, progress=False)


@pytest.fixture(scope="module")
def market() -> Any:
    return quotes(5, 2)


def test_a_good_connection_changes_nothing(market: Any) -> None:
    without, good = flipped(None, market), flipped(Faults(), market)
    assert good.digest == without.digest and len(good.fills) > 20
    assert without.faults == {} == without.reconciliation and without.venue is None
    assert sum(good.faults.values()) == 0 and good.reconciliation["compared"] >= 4
    assert list(disagreements(good)) == [] == good.differences
    assert good.reconciliation["missed"] == good.reconciliation["lost"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_by_itself(kind: str) -> None:
    chance: Any = {"delay": (0.5, 1.5), "disconnect": (0.02, 3)}.get(kind, 0.4)
    result = run(3, 2, Faults(seed=9, **{kind: chance}))
    assert [name for name, count in result.faults.items() if count] == [kind]
    assert list(disagreements(result)) == []
    assert not result.differences, "one fault at a time explains everything"
    again = run(3, 2, Faults(seed=9, **{kind: chance}))
    assert again.digest == result.digest
    reasons = set(result.orders.column("reason"))
    if kind == "lose_request":
        assert "lost" in reasons and result.reconciliation["lost"] > 0
    if kind == "lose_reply":
        assert result.reconciliation["missed"] > 0
    if kind == "reject":
        assert "rejected" in reasons
    if kind == "duplicate":
        assert result.reconciliation["told_again"] > 0
    if kind == "disconnect":
        assert "not_reconciled" in result.refusals_by_check


def test_schedules_end_in_agreement() -> None:
    faults: Counter[str] = Counter()
    for seed in range(1, 9):
        result = run(seed, 1.5)
        assert list(disagreements(result)) == [], f"seed {seed}: {schedule(seed)}"
        # An engine that halts everything would agree, too.
        assert not [found for found in result.differences if found["halted"]], f"seed {seed}"
        faults.update(result.faults)
    assert set(faults) == set(KINDS) and all(faults.values()), faults


def test_nothing_but_cancellations_leaves_while_the_venue_cannot_be_reached(market: Any) -> None:
    runs = (flipped(Faults(seed=seed, disconnect=(0.01, 20)), market) for seed in range(50))
    result = next(result for result in runs if result.faults["disconnect"] == 1)
    refused = result.refusals
    down = refused.column("ts")[refused.column("check") == "not_reconciled"]
    sent = result.orders.column("ts")[result.orders.column("status") != "refused"]
    assert len(down) > 10 and (down.max() - down.min()).astype(int) > 15 * 10**9
    assert not [ts for ts in sent if down.min() <= ts <= down.max()], "one outage, and nothing left in it"
    assert sent.max() > down.max(), "it goes on by itself"
    assert list(disagreements(result)) == []


@pytest.mark.parametrize("cancels", [True, False])
def test_orders_are_taken_back_when_the_connection_is_lost(market: Any, cancels: bool) -> None:
    limits = RiskLimits(cancel_on_disconnect=cancels)
    engine = Engine(
        cash={"USD": 100_000}, faults=Faults(seed=2, disconnect=(0.1, 5)), risk=limits, reconcile=Reconcile(interval=2)
    )
    engine.trade("A/USD", Rester())
    result = quietly(engine, {"A/USD": market["A/USD"]})
    assert result.faults["disconnect"] >= 1
    taken_back = (result.orders.column("reason") == "disconnected").sum()
    assert (taken_back > 0) == cancels
    assert list(disagreements(result)) == [] == result.differences


def test_a_run_with_a_journal_goes_on_over_the_same_schedule(tmp_path: Path) -> None:
    whole = run(6, 1)
    path = tmp_path / "run.db"
    first = run(6, 1, journal=path)
    assert first.digest == whole.digest
    again = run(6, 1, journal=path)
    assert again.digest == whole.digest and again.resumed_at_step
    fills = Journal(path).fills.column("order_id").tolist()
    assert sorted(fills) == sorted(set(fills)) == sorted(whole.fills.column("order_id").tolist())


def test_in_real_time_too_both_sides_agree_at_the_end() -> None:
    faults = Faults(
        seed=8,
        lose_request=0.05,
        lose_reply=0.05,
        delay=(0.2, 0.05),
        duplicate=0.1,
        reorder=0.2,
        disconnect=(0.01, 0.2),
        fill_during_cancel=0.3,
    )
    engine = Engine(cash={"USD": 100_000}, faults=faults, risk=RiskLimits(cancel_on_disconnect=True))
    engine.trade(["A/USD", "B/USD"], Quoter(often=0.5), size=1)
    feed = SyntheticFeed(["A/USD", "B/USD"], rate=100, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with engine.start(feed) as live:
            while not live.finished:
                status = live.status()
                assert {"connected", "reconciled", "halted"} <= status.keys()
                if sum(trader["evaluations"] for trader in status["traders"]) > 300:
                    break
            result = live.stop()
    assert sum(result.faults.values()) > 0 and len(result.fills) > 0
    assert list(disagreements(result)) == []


def test_faults_are_of_a_connection(market: Any) -> None:
    engine = Engine(cash={"USD": 1_000}, faults=Faults(lose_reply=0.1))
    engine.trade("A/USD", Flipper(), size=1)
    for begin in (lambda: engine.backtest(market), lambda: engine.sweep(market, every=[3, 4])):
        with pytest.raises(ConfigError, match="faults has no meaning") as caught:
            begin()
        assert caught.value.code == "config.faults"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lose_reply": 1.5}, "lose_reply=1.5 is a probability"),
        ({"lose_reply": -0.1}, "lose_reply"),
        ({"reject": "often"}, "reject"),
        ({"delay": 0.5}, r"delay=\(0.1, 2\)"),
        ({"delay": (0.5, -1)}, r"delay\[1\]"),
        ({"delay": (0.5, None)}, r"delay=\(0.1, 2\)"),
        ({"disconnect": (2, 1)}, r"disconnect\[0\]=2 is a probability"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_faults_are_refused(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Faults(**given)
    with pytest.raises(ConfigError, match=says):
        Engine(cash={"USD": 1}, faults=given)


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'lose_reply'"):
        Engine(cash={"USD": 1}, faults={"lose_replies": 0.1})
    with pytest.raises(ConfigError, match="write faults=Faults"):
        Engine(cash={"USD": 1}, faults=0.1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown_orders='keep'"):
        Reconcile(unknown_orders="keep")  # type: ignore[arg-type]
    for wrong in (0, None):
        with pytest.raises(ConfigError, match="interval"):
            Reconcile(interval=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="one end of each order"):
        Engine(cash={"USD": 1}, reconcile=Reconcile(unknown_orders="adopt"), journal=tmp_path / "run.db")


def test_settings_travel_and_are_shown() -> None:
    faults = Faults(seed=3, lose_reply=0.25, delay=(0.5, 1.5))
    assert pickle.loads(pickle.dumps(faults)) == faults != Faults(seed=3)
    assert repr(faults) == "Faults(seed=3, lose_reply=0.25, delay=(0.5, 1.5))"
    assert eval(repr(faults)) == faults
    assert eval(repr(Faults(delay=(0.5, 1234567.25)))) == Faults(delay=(0.5, 1234567.25))
    reconcile = Reconcile(interval=2.5, unknown_orders="adopt")
    assert pickle.loads(pickle.dumps(reconcile)) == reconcile == eval(repr(reconcile))


def test_a_config_names_faults(tmp_path: Path, market: Any, capsys: Any) -> None:
    rows = market["A/USD"]["quote"]
    lines = (f"{ts},{bid},{ask}" for ts, bid, ask in zip(rows["ts"], rows["bid"], rows["ask"], strict=True))
    (tmp_path / "A_USD.csv").write_text("\n".join(["ts,bid,ask", *lines]))
    config = tmp_path / "config.toml"
    config.write_text(
        """[engine]
cash = { USD = 100000 }
faults = { seed = 3, lose_reply = 0.2, delay = [0.3, 2] }
reconcile = { interval = 5 }
[data]
path = "A_USD.csv"
[[trader]]
pairs = "A/USD"
strategy = "sma_cross"
options = { fast = 2, slow = 5, side = "long" }
size = 1
"""
    )
    assert main(["paper", str(config), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["faults"]["lose_reply"] > 0 and document["faults"]["reject"] == 0
    assert document["reconciliation"]["compared"] > 1 and document["differences"] == []
    assert main(["backtest", str(config), "--json"]) == 2
    assert "faults has no meaning in a backtest" in capsys.readouterr().err


def test_what_the_last_row_fills_is_known_at_the_end_though_every_report_of_it_is_lost() -> None:
    """The answer to a question of before the last row says nothing of it, however late it comes."""

    class One(Strategy):
        events = ("quote",)

        def setup(self, ctx: Any) -> None:
            self.seen = 0

        def generate_signal(self, ctx: Any) -> None:
            self.seen += 1
            if self.seen == 3:
                ctx.buy(2, limit=99)

    ask = [101.0] * 10 + [99.0]
    ts = [1_704_067_200_000_000_000 + second * 1_000_000_000 for second in range(len(ask))]
    feed = {"A/USD": {"quote": {"ts": ts, "bid": [price - 1 for price in ask], "ask": ask}}}
    for seed in range(40, 120):
        faults = Faults(seed=seed, reorder=0.5, lose_reply=0.3)
        engine = Engine(cash={"USD": 3_000}, fee=0, reconcile=Reconcile(interval=5), faults=faults)
        engine.trade("A/USD", One)
        result = quietly(engine, feed)
        assert len(result.fills) == len(result.venue["fills"]) or result.differences, f"seed {seed}"
