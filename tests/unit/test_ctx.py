"""`ctx`: all that a strategy sees, and the only way in which it orders."""

from __future__ import annotations

import decimal
import logging
import threading
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from pairloom import Candle, Engine, Quote, Signal, Strategy, StrategyError, Trade
from pairloom import indicators as ta
from scripted import MINUTE, PAIR, START, answer, candles, error_of, probe, quotes, run, trades

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Time and events


def test_time_is_the_close_of_the_candle_never_its_opening():
    ts, now, candle, event = answer(lambda ctx: (ctx.ts, ctx.now, ctx.candle, ctx.event))
    assert ts == START + 6 * MINUTE
    assert now == datetime.fromtimestamp(ts / 1e9, tz=timezone.utc)
    assert now.utcoffset().total_seconds() == 0
    assert (candle.ts, candle.close_ts) == (START + 5 * MINUTE, START + 6 * MINUTE)
    assert candle.time == datetime.fromtimestamp(candle.ts / 1e9, tz=timezone.utc)
    assert isinstance(candle, Candle)
    assert isinstance(event, Candle)
    assert repr(event) == repr(candle)


@pytest.mark.parametrize(
    "ns",
    [0, 951_782_400_123_456_789, 1_582_934_400 * 10**9, 4_107_542_399_999_999_999, -1, -86_400 * 10**9 - 1, 10**18],
)
def test_every_time_is_the_datetime_that_the_standard_library_makes(ns):
    data = candles(3)
    data["ts"] = np.array([ns - 2 * MINUTE, ns - MINUTE, ns], dtype="datetime64[ns]")
    made = answer(lambda ctx: ctx.candle.time, data, at=2)
    assert made == EPOCH + timedelta(microseconds=ns // 1000)


def test_a_candle_shows_its_row():
    data = candles()
    candle = answer(lambda ctx: ctx.candle, at=9)
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(candle, name) == data[name][9]


def test_a_volume_that_the_data_lack_is_nan():
    data = {name: values for name, values in candles().items() if name != "volume"}
    assert np.isnan(answer(lambda ctx: ctx.candle.volume, data))


def test_quotes_and_trades_are_shown_as_such():
    quote = answer(lambda ctx: ctx.quote, quotes())
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask) == (quotes()["bid"][5], quotes()["ask"][5])
    assert quote.ts == START + 5 * MINUTE
    assert np.isnan(quote.bid_size)
    trade = answer(lambda ctx: ctx.trade, trades())
    assert isinstance(trade, Trade)
    assert (trade.price, trade.quantity, trade.side) == (100.05, 2.5, "sell")


@pytest.mark.parametrize(
    ("look", "data", "way_out"),
    [
        (lambda ctx: ctx.quote, candles(), "use ctx.candle"),
        (lambda ctx: ctx.trade, candles(), "use ctx.candle"),
        (lambda ctx: ctx.candle, quotes(), "use ctx.quote"),
        (lambda ctx: ctx.candle, trades(), "use ctx.trade"),
    ],
)
def test_an_event_that_is_not_there_names_the_way_out(look, data, way_out):
    error = error_of(probe(look)[0], data)
    assert isinstance(error, StrategyError)
    assert way_out in str(error)
    assert "ETH/USD" in str(error)


def test_a_time_event_is_the_event_of_its_hook():
    seen = []

    class Timed(Strategy):
        schedule = "10m"

        def on_time(self, ctx, event):
            seen.append((ctx.event is event, event.name, event.ts == ctx.ts, event.time == ctx.now))

    run(Timed)
    assert len(seen) >= 3
    assert set(seen) == {(True, "10m", True, True)}


# Arrays


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_arrays_hold_the_last_events_oldest_first(name):
    array = answer(lambda ctx: getattr(ctx, name), at=3, window=8)
    # The strategy is first called when the window is full, so its fourth call is at row 10.
    np.testing.assert_array_equal(array, candles()[name][3:11])
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    assert array.flags.aligned


def test_arrays_are_views_of_one_column_and_not_copies():
    first, again, extra = answer(lambda ctx: (ctx.close, ctx.close, ctx.column("score")), at=3, window=8)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(first, extra)
    assert first.__array_interface__["data"] == again.__array_interface__["data"]


def test_arrays_are_views_of_the_engines_one_copy_and_not_of_what_was_given():
    given, seen = candles(), []

    class Looks(Strategy):
        window: int = 8

        def generate_signal(self, ctx):
            if not seen:
                # Whoever writes to what was given changes nothing about the run.
                given["close"][:] = 0.0
            seen.append(ctx.close)

    engine = Engine(cash={PAIR.partition("/")[2]: 10})
    engine.trade(PAIR, Looks, name="one")
    engine.trade(PAIR, Looks, name="other")
    engine.backtest(given, progress=False)
    rows = len(given["close"]) - 7
    assert len(seen) == 2 * rows
    # Traders share the copy, as do the calls of one: windows lie in it side by side.
    start = seen[0].__array_interface__["data"][0]
    assert {array.__array_interface__["data"][0] for array in seen} == {start + 8 * row for row in range(rows)}
    assert not any(np.shares_memory(array, given["close"]) for array in seen)
    np.testing.assert_array_equal(seen[-1], candles()["close"][-8:])


def test_a_further_column_of_the_data_keeps_its_gaps():
    array = answer(lambda ctx: ctx.column("score"), at=3, window=8)
    np.testing.assert_array_equal(array, candles()["score"][3:11])
    assert np.isnan(array).any()


@pytest.mark.parametrize("name", ["Score", "SCORE", "Close"])
def test_names_of_columns_are_the_same_in_capital_letters(name):
    array = answer(lambda ctx: ctx.column(name), at=3, window=8)
    np.testing.assert_array_equal(array, candles()[name.lower()][3:11])


def test_a_column_can_be_named_that_ctx_has_too():
    array = answer(lambda ctx: ctx.column("close"), at=0, window=4)
    np.testing.assert_array_equal(array, candles()["close"][:4])


def test_a_column_that_is_not_there_names_those_that_are():
    error = error_of(probe(lambda ctx: ctx.column("scores"), window=4)[0])
    assert 'ctx.column("scores")' in str(error)
    assert "score" in str(error).partition("further columns:")[2]


def test_quotes_have_arrays_too():
    bids, close = answer(lambda ctx: (ctx.column("bid"), ctx.close), quotes(), at=0, window=6)
    np.testing.assert_array_equal(bids, quotes()["bid"][:6])
    np.testing.assert_allclose(close, (quotes()["bid"][:6] + quotes()["ask"][:6]) / 2, rtol=1e-15)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_without_a_window_the_error_says_how_to_declare_one(name):
    error = error_of(probe(lambda ctx: getattr(ctx, name))[0])
    assert str(error) == f"Probe reads ctx.{name}; declare its length: window: int = 200"


def test_before_the_first_event_the_arrays_are_empty():
    lengths = []

    class Early(Strategy):
        window = 5

        def on_start(self, ctx):
            lengths.append(len(ctx.close))

    run(Early)
    assert len(lengths) == 1
    assert lengths[0] <= 1


# The account


def test_a_position_is_flat_and_false_then_long_and_true():
    seen = []

    class Buyer(Strategy):
        def generate_signal(self, ctx):
            seen.append(ctx.position)
            return Signal.LONG

    run(Buyer, size=2, fee=0)
    flat, held = seen[0], seen[3]
    assert not flat
    assert (flat.size, flat.side, flat.unrealized_pnl) == (0.0, "flat", 0.0)
    assert np.isnan(flat.entry_price)
    assert held
    data = candles()
    assert (held.size, held.side, held.entry_price) == (2.0, "long", data["open"][1])
    assert held.unrealized_pnl == pytest.approx(2 * (data["close"][3] - data["open"][1]))


def test_a_short_position_has_a_negative_size():
    position = answer(lambda ctx: (ctx.sell(1), ctx.position)[1], at=5)
    assert position.side == "flat"
    seen = []

    class Seller(Strategy):
        def generate_signal(self, ctx):
            seen.append(ctx.position)
            return Signal.SHORT

    run(Seller, account="margin", leverage=3)
    assert (seen[5].size, seen[5].side) == (-1.0, "short")
    assert seen[5]


def test_equity_and_cash_are_floats_of_the_snapshot():
    equity, cash = answer(lambda ctx: (ctx.equity, ctx.cash))
    assert (equity, cash) == (100_000.0, 100_000.0)
    assert type(equity) is float


def test_orders_are_the_traders_own_working_ones():
    seen = []

    class Resting(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            seen.append(ctx.orders)
            if self.count == 1:
                self.first = ctx.buy(1, limit=50, tag="low")
                self.second = ctx.buy(2, limit="49.5")
            elif self.count == 3:
                ctx.replace(self.first, quantity=3)
            elif self.count == 5:
                ctx.cancel(self.second)
            elif self.count == 7:
                ctx.cancel()

    run(Resting)
    assert seen[0] == []
    described = [
        [(order.id, order.side, order.type, order.quantity, order.limit, order.tag) for order in orders]
        for orders in seen
    ]
    assert described[1] == [(1, "buy", "limit", 1.0, 50.0, "low"), (2, "buy", "limit", 2.0, 49.5, None)]
    assert sorted(described[3], key=lambda row: row[0])[0][3] == 3.0
    assert [row[0] for row in described[5]] == [1]
    assert described[7] == []
    assert {order.status for orders in seen for order in orders} == {"working"}


def test_the_last_exit_tells_how_a_position_ended():
    seen = []

    class InAndOut(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            seen.append(ctx.last_exit)
            return Signal.LONG if self.count < 5 else Signal.CLOSE

    result = run(InAndOut)
    assert seen[0] is None
    exit_ = seen[-1]
    trade = {name: result.trades.column(name)[0] for name in ("exit_price", "pnl", "exit_reason", "side")}
    assert (exit_.side, exit_.reason) == (trade["side"], trade["exit_reason"]) == ("long", "signal")
    assert exit_.price == trade["exit_price"]
    assert exit_.pnl == pytest.approx(trade["pnl"])
    assert exit_.time == datetime.fromtimestamp(exit_.ts / 1e9, tz=timezone.utc)


# Orders and their numbers


@pytest.mark.parametrize(
    ("quantity", "exact"),
    [
        (1, "1"),
        (0.1, "0.1"),
        ("0.25", "0.25"),
        (decimal.Decimal("1E-3"), "0.001"),
        (np.float64(0.3), "0.3"),
        (np.float32(0.1), "0.1"),
        (np.int32(4), "4"),
        (np.array(0.5), "0.5"),
        (1e-7, "0.0000001"),
    ],
)
def test_a_quantity_is_the_decimal_that_was_meant(quantity, exact):
    import pyarrow

    result = run(probe(lambda ctx: ctx.buy(quantity))[0])
    table = pyarrow.table(result.orders)
    assert table["quantity"].to_pylist()[0] == decimal.Decimal(exact)


@pytest.mark.parametrize(
    "quantity",
    [
        None,
        True,
        False,
        np.bool_(True),
        "one",
        "",
        [1],
        {"base": 1},
        1j,
        ...,
        b"1",
        np.array([1.0, 2.0]),
        Signal.LONG,
    ],
    ids=repr,
)
def test_what_is_no_number_is_a_type_error_from_the_call(quantity):
    error = error_of(probe(lambda ctx: ctx.buy(quantity))[0])
    assert type(error) is TypeError
    assert str(error).startswith("quantity is ")
    assert "give a number" in str(error)


@pytest.mark.parametrize(
    "quantity", [float("nan"), float("inf"), decimal.Decimal("NaN"), "-inf", np.float64("nan")], ids=repr
)
def test_what_is_not_finite_is_refused_and_no_error(quantity):
    result = run(probe(lambda ctx: ctx.buy(quantity))[0])
    assert list(result.refusals.column("check")) == ["not_finite"]
    assert not result.quarantined


@pytest.mark.parametrize(("limit", "check"), [(float("nan"), "not_finite"), (0, "not_positive"), (-5, "not_positive")])
def test_an_order_that_is_refused_for_its_limit_has_none(limit, check):
    orders = pa.table(run(probe(lambda ctx: ctx.buy(1, limit=limit))[0]).orders)
    assert orders["reason"].to_pylist() == [check]
    assert orders["type"].to_pylist() == ["limit"]
    assert orders["limit_price"].to_pylist() == [None]


@pytest.mark.parametrize("quantity", [0, -1, -0.5], ids=repr)
def test_a_quantity_must_be_positive(quantity):
    result = run(probe(lambda ctx: ctx.buy(quantity))[0])
    assert list(result.refusals.column("check")) == ["not_positive"]


@pytest.mark.parametrize("quantity", [10**40, 1e300, -(10**5000)], ids=["10**40", "1e300", "-10**5000"])
def test_a_number_beyond_all_accounts_is_refused(quantity):
    result = run(probe(lambda ctx: ctx.buy(quantity))[0])
    assert len(result.refusals) == 1
    assert result.refusals.column("check")[0] in ("overflow", "not_positive")


def test_an_unknown_time_in_force_names_those_that_are():
    wrong = [
        (lambda ctx: ctx.buy(1, tag=3), "tag is 3, an int; give a text"),
        (lambda ctx: ctx.sell(1, tif=3), "tif is 3, an int; give 'GTC', 'IOC' or 'FOK'"),
        (lambda ctx: ctx.buy(1, reduce_only="yes"), "reduce_only is 'yes', a str; give True or False"),
        (lambda ctx: ctx.replace("a", quantity=1), "id is 'a', a str; give the number that ctx.buy"),
        (lambda ctx: ctx.cancel(1.5), "id is 1.5, a float; give the number that ctx.buy"),
    ]
    for call, said in wrong:
        error = error_of(probe(call)[0])
        assert isinstance(error, TypeError)
        assert said in str(error)
    error = error_of(probe(lambda ctx: ctx.buy(1, tif="DAY"))[0])
    assert type(error) is ValueError
    assert "'GTC', 'IOC', 'FOK'" in str(error)


def test_numbers_of_orders_are_the_strategys_own_and_count_from_one():
    assert answer(lambda ctx: (ctx.buy(1), ctx.sell(1, reduce_only=True), ctx.buy(1, limit=90))) == (1, 2, 3)


# Chance and logs


def draws(seed: int, name: str) -> list[float]:
    seen: list[float] = []

    class Gambler(Strategy):
        def generate_signal(self, ctx):
            seen.append(ctx.random.random())

    from pairloom import Engine

    engine = Engine(cash={"USD": 1000}, seed=seed)
    engine.trade(PAIR, Gambler, size=1, name=name)
    engine.backtest({PAIR: candles()}, progress=False)
    return seen


def test_chance_is_seeded_by_run_and_trader():
    assert draws(1, "a") == draws(1, "a")
    assert draws(1, "a") != draws(2, "a")
    assert draws(1, "a") != draws(1, "b")
    assert len(set(draws(1, "a"))) == 40


def test_the_log_names_the_trader(caplog):
    with caplog.at_level(logging.INFO, logger="pairloom"):
        answer(lambda ctx: ctx.log.info("position %s", ctx.position.side))
    (record,) = [record for record in caplog.records if record.name.startswith("pairloom")]
    assert record.getMessage() == "position flat"
    assert (record.trader, record.pair) == ("Probe ETH/USD", "ETH/USD")


# When ctx is valid


@pytest.mark.parametrize(
    "use",
    [
        lambda ctx: ctx.ts,
        lambda ctx: ctx.now,
        lambda ctx: ctx.pair,
        lambda ctx: ctx.event,
        lambda ctx: ctx.candle,
        lambda ctx: ctx.close,
        lambda ctx: ctx.column("close"),
        lambda ctx: ctx.position,
        lambda ctx: ctx.equity,
        lambda ctx: ctx.cash,
        lambda ctx: ctx.orders,
        lambda ctx: ctx.last_exit,
        lambda ctx: ctx.random,
        lambda ctx: ctx.log,
        lambda ctx: ctx.buy(1),
        lambda ctx: ctx.sell(1),
        lambda ctx: ctx.replace(1, quantity=2),
        lambda ctx: ctx.cancel(),
        lambda ctx: ctx.indicator(ta.Sma(3)),
    ],
)
def test_outside_of_a_call_everything_of_ctx_says_so(use):
    kept = answer(lambda ctx: ctx, window=3)
    with pytest.raises(StrategyError, match="valid only inside the strategy's methods; keep the values you need"):
        use(kept)
    assert repr(kept) == '<SystemCtx of "Probe ETH/USD" on ETH/USD>'


def test_another_thread_cannot_use_it_even_during_a_call():
    def look(ctx):
        caught = []

        def work():
            try:
                ctx.buy(1)
            except StrategyError as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return caught, ctx.position.side

    caught, side = answer(look)
    assert side == "flat"
    assert [error.code for error in caught] == ["strategy.ctx_outside"]


@pytest.mark.parametrize(
    "use", [lambda ctx: ctx.close, lambda ctx: ctx.position, lambda ctx: ctx.buy(1), lambda ctx: ctx.ts]
)
def test_setup_comes_before_the_first_event(use):
    class Eager(Strategy):
        window = 3

        def setup(self, ctx):
            use(ctx)

        def generate_signal(self, ctx):
            return None

    error = error_of(Eager)
    assert "Eager.setup uses ctx." in str(error)
    assert "on_start(self, ctx)" in str(error)


def test_setup_knows_the_pair_chance_and_the_log():
    seen = []

    class Curious(Strategy):
        def setup(self, ctx):
            seen.append((ctx.pair, ctx.random.random(), ctx.log.isEnabledFor(logging.CRITICAL)))

        def generate_signal(self, ctx):
            return None

    run(Curious)
    assert seen[0][0] == PAIR
    assert 0 <= seen[0][1] < 1
    assert seen[0][2]


def test_indicators_are_asked_for_in_setup_alone():
    error = error_of(probe(lambda ctx: ctx.indicator(ta.Sma(3)))[0])
    assert str(error) == "ctx.indicator may only be called in Probe.setup(self, ctx)"


def test_nothing_of_ctx_can_be_assigned():
    def look(ctx):
        for name in ("ts", "position", "anything"):
            with pytest.raises(AttributeError):
                setattr(ctx, name, 1)
        with pytest.raises(AttributeError):
            ctx.candle.close = 1.0
        with pytest.raises(AttributeError):
            ctx.position.size = 1.0
        return True

    assert answer(look)
