"""Strategies that err in every way we know: each alone in quarantine, and nobody else notices."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from bad_strategies import CASES, HARMLESS, Case
from pairloom import Engine, QuarantineWarning, Signal, Strategy, StrategyError, synthetic
from pairloom import indicators as ta
from scripted import MINUTE, START, candles

PAIRS = ("AAA/USD", "BBB/USD", "CCC/USD")


class Cross(Strategy):
    """A neighbour that trades by signals."""

    def setup(self, ctx):
        self.fast, self.slow = ctx.indicator(ta.Sma(3)), ctx.indicator(ta.Sma(8))

    def generate_signal(self, ctx):
        return Signal.LONG if self.fast.value > self.slow.value else Signal.CLOSE


class Ladder(Strategy):
    """A neighbour that trades by orders and hooks, and draws random numbers."""

    def generate_signal(self, ctx):
        if not ctx.orders and not ctx.position:
            ctx.buy(1 + ctx.random.randrange(3), limit=ctx.candle.close - 0.1)

    def on_fill(self, ctx, fill):
        if fill.side == "buy":
            ctx.sell(fill.quantity, limit=fill.price + 0.2)


def data():
    return {pair: candles(80, seed=number) for number, pair in enumerate(PAIRS)}


def run(bad: type[Strategy] | None, **settings: Any):
    """Two Python neighbours and a native one on three markets, with the bad one on the middle market or without it."""
    engine = Engine(**{"cash": {"USD": 1_000_000}, **settings})
    engine.trade(PAIRS, Cross, size=1)
    if bad is not None:
        engine.trade("BBB/USD", bad, size=2, name="bad")
    engine.trade(PAIRS, Ladder)
    engine.trade(PAIRS, "sma_cross", fast=4, slow=9, side="long", size=1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = engine.backtest(data(), progress=False)
    return result, [warning for warning in said if warning.category is QuarantineWarning]


COLUMNS = ("ts", "trader", "pair", "side", "quantity", "price", "fee", "liquidity")


def rows_of_others(table, columns):
    """The rows of all but the bad one. Numbers of orders are left out: they count the bad one's too."""
    rows = zip(*(table.column(name).tolist() for name in columns), strict=True)
    return [row for row in rows if row[columns.index("trader")] != "bad"]


@pytest.fixture(scope="module")
def healthy():
    result, said = run(None)
    assert not said
    fills = rows_of_others(result.fills, COLUMNS)
    assert len(fills) > 100
    assert len({row[1] for row in fills}) == 9
    return fills


def test_there_are_many_kinds():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_bad_one_is_quarantined_alone(case: Case, healthy):
    result, said = run(case.make())
    (record,) = result.quarantined
    assert (record.trader, record.pair, record.strategy) == ("bad", "BBB/USD", "bad")
    assert record.kind == case.kind
    assert isinstance(record.error, case.error)
    if case.text:
        assert case.text in str(record.error)
    if case.ts is not None:
        assert record.ts == case.ts
    assert len(said) == 1
    assert rows_of_others(result.fills, COLUMNS) == healthy
    # It is never called again, and what it had working is gone.
    orders = [
        row
        for row in zip(result.orders.column("trader"), result.orders.column("status"), strict=True)
        if row[0] == "bad"
    ]
    assert all(status != "working" for _, status in orders)
    assert "bad" in str(result).split("Equity")[0]


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: case.name)
def test_what_is_odd_but_no_error_is_left_alone(case: Case, healthy):
    result, said = run(case.make())
    assert result.quarantined == []
    assert not said
    assert rows_of_others(result.fills, COLUMNS) == healthy
    if case.text:
        assert case.text in set(result.refusals.column("check"))
    else:
        assert len(result.refusals) == 0


def test_the_error_is_the_very_object_with_its_traceback():
    error = ValueError("this one")

    class Raises(Strategy):
        def generate_signal(self, ctx):
            raise error

    result, _ = run(Raises)
    (record,) = result.quarantined
    assert record.error is error
    assert "raise error" in record.traceback
    assert "test_bad_strategies.py" in record.traceback
    with pytest.raises(StrategyError) as caught:
        result.raise_for_quarantine()
    assert caught.value.__cause__ is error
    assert caught.value.code == "strategy.raised"


def test_what_it_asked_for_in_the_step_of_its_error_is_discarded():
    class Greedy(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            if self.count == 3:
                ctx.buy(1, limit=1)
            if self.count == 6:
                ctx.buy(5)
                ctx.cancel()
                raise ValueError("too late")

    result, _ = run(Greedy)
    orders = [
        row[1:]
        for row in zip(
            *(result.orders.column(name) for name in ("trader", "quantity", "status", "reason")), strict=True
        )
        if row[0] == "bad"
    ]
    assert orders == [(1.0, "cancelled", "quarantine")]
    assert result.quarantined[0].ts == START + 6 * MINUTE


@pytest.mark.parametrize(("on_error", "held"), [("keep", 2.0), ("close", 0.0)])
def test_its_position_is_kept_or_closed_as_the_engine_was_told(on_error, held):
    class Holder(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            if self.count > 10:
                raise ValueError("enough")
            return Signal.LONG

    result, _ = run(Holder, on_error=on_error)
    moved = [
        quantity if side == "buy" else -quantity
        for trader, side, quantity in zip(
            *(result.fills.column(name) for name in ("trader", "side", "quantity")), strict=True
        )
        if trader == "bad"
    ]
    assert sum(moved) == held
    reasons = dict(zip(result.trades.column("trader"), result.trades.column("exit_reason"), strict=True))
    assert reasons["bad"] == (None if on_error == "keep" else "quarantine")


def test_the_digest_of_a_run_with_a_quarantine_repeats():
    bad = next(case for case in CASES if case.name == "raises ValueError")
    assert run(bad.make())[0].digest == run(bad.make())[0].digest
    assert run(bad.make())[0].digest != run(None)[0].digest


def test_when_all_have_erred_the_run_ends_with_the_first_error():
    class Fails(Strategy):
        def generate_signal(self, ctx):
            raise LookupError(f"on {ctx.pair}")

    engine = Engine(cash={"USD": 1000})
    engine.trade(PAIRS, Fails, size=1)
    with pytest.raises(StrategyError) as caught:
        engine.backtest(data(), progress=False)
    assert isinstance(caught.value.__cause__, LookupError)
    assert "on AAA/USD" in str(caught.value)
    assert len(caught.value.result.quarantined) == 3
    assert caught.value.result.steps == 1


@pytest.mark.parametrize(
    "name", ["raises one without a name", "raises one whose text raises", "returns what has no repr"]
)
def test_a_run_of_strange_errors_alone_ends_like_any_other(name):
    case = next(case for case in CASES if case.name == name)
    engine = Engine(cash={"USD": 1000})
    engine.trade("AAA/USD", case.make(), size=1)
    with pytest.raises(StrategyError) as caught:
        engine.backtest(data(), progress=False)
    assert isinstance(caught.value.__cause__, case.error)
    assert str(caught.value.result)


# Ctrl-C is no error of a strategy


@pytest.mark.parametrize("raising", ["itself", "by a signal"])
def test_an_interrupt_ends_the_run_and_gives_the_result_so_far(raising):
    import signal

    class Interrupted(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            if self.count == 30:
                if raising == "itself":
                    raise KeyboardInterrupt
                signal.raise_signal(signal.SIGINT)

    # A shell that starts a program in the background lets it ignore the signal; the test is about one that does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result, said = run(Interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.interrupted
    assert result.quarantined == []
    assert not said
    assert 25 <= result.steps <= 35
    assert len(result.fills) > 0
    assert any("interrupted" in text for text in result.assumptions)


def test_an_interrupt_in_setup_ends_the_run_before_it_begins():
    class Interrupted(Strategy):
        def setup(self, ctx):
            raise KeyboardInterrupt

        def generate_signal(self, ctx):
            return None

    result, _ = run(Interrupted)
    assert result.interrupted
    assert result.quarantined == []
    assert len(result.fills) == 0


@pytest.mark.parametrize("settings", [{}, {"num_threads": 1}, {"block": 0}])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_interrupt_in_setup_is_not_lost_whoever_is_set_up_then(settings, place):
    class Patient(Strategy):
        number: int = 0

        def setup(self, ctx):
            if self.number == place:
                raise KeyboardInterrupt

        def generate_signal(self, ctx):
            return Signal.LONG

    for traders in (place + 1, 3):
        engine = Engine(cash={"USD": 1000}, **settings)
        for number in range(traders):
            engine.trade("*", Patient, number=number, size=1, name=f"number {number}")
        result = engine.backtest(synthetic("A/USD", rows=50), progress=False)
        assert result.interrupted
        assert result.quarantined == []
        assert result.steps == 0


def native(progress, traders):
    engine = Engine(cash={"USD": 1_000_000})
    for number in range(traders):
        engine.trade("*", "sma_cross", fast=2 + number, slow=60, side="long", size=1, name=f"cross {number}")
    return engine.backtest({f"M{number:03d}/USD": MARKET for number in range(40)}, progress=progress)


MARKET = candles(3000)
# Traders on each market: on some machine the first of these runs is long enough to be interrupted, on some the last.
SOON_OR_LATE = (5, 20, 80, 320)


def test_progress_is_told_while_native_traders_run_and_its_error_is_raised():
    def broken(share):
        if share < 1:
            raise LookupError(f"at {share}")

    # How long a run takes depends on the machine, and a short one tells nothing but its end.
    with pytest.raises(LookupError, match="at 0"):
        for traders in SOON_OR_LATE:
            native(broken, traders)


def test_an_interrupt_while_native_traders_run_gives_the_result_so_far():
    shares = []

    def interrupt(share):
        if share < 1:
            shares.append(share)
            raise KeyboardInterrupt

    for traders in SOON_OR_LATE:
        result = native(interrupt, traders)
        if shares:
            break
        assert not result.interrupted
    assert result.interrupted
    assert len(shares) == 1
    assert 0 < shares[0] < 1
    assert 0 < result.steps < 3000
    assert len(result.equity_curve) <= result.steps + 1


def test_a_coroutine_is_closed_so_that_nobody_hears_of_it_twice(recwarn):
    case = next(case for case in CASES if case.name == "is async")
    run(case.make())
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]
