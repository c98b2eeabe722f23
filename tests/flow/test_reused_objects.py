"""The engine uses objects of `ctx` and floats again where nobody kept them; nobody who kept one may ever notice.

What a strategy reads often stands ready in slots after some calls, so these runs are long enough to reach that.
"""

from __future__ import annotations

import gc
import operator
import random
import sys
import threading
from functools import partial

import numpy as np
import pytest

import pairloom
from pairloom import Candle, Engine, Position, Quote, Signal, Strategy, StrategyError, SystemCtx, Trade
from pairloom import indicators as ta
from scripted import PAIR, answer, candles, error_of, quotes, run, trades

ROWS = 400
KINDS = {
    "candle": (candles(ROWS), ("open", "high", "low", "close", "volume")),
    "quote": (quotes(ROWS), ("bid", "ask")),
    "trade": (trades(ROWS), ("price", "quantity")),
}


def numbers(thing):
    """All numbers of one of the objects that `ctx` shows."""
    names = {
        Candle: ("ts", "close_ts", "open", "high", "low", "close", "volume"),
        Quote: ("ts", "bid", "ask"),
        Trade: ("ts", "price", "quantity", "side"),
        Position: ("size", "entry_price", "unrealized_pnl", "side"),
    }
    return repr([getattr(thing, name) for name in names[type(thing)]])


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_kept_is_its_row(kind):
    data, names = KINDS[kind]
    kept = []

    class Keeper(Strategy):
        def generate_signal(self, ctx):
            kept.append(getattr(ctx, kind))

    run(Keeper, data)
    assert len(set(map(id, kept))) == ROWS
    for name in names:
        assert [getattr(thing, name) for thing in kept] == data[name].tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_for_a_while_is_not_touched_meanwhile(kind, seed):
    data, names = KINDS[kind]
    print("seed", seed)
    chance = random.Random(seed)
    held = []
    checks = []

    class Juggler(Strategy):
        """Keeps objects, and single numbers of them, for random whiles, and lets them go in any order."""

        def setup(self, ctx):
            self.average = ctx.indicator(ta.Sma(5), required=False)
            self.macd = ctx.indicator(ta.Macd(3, 6, 2), required=False)

        def generate_signal(self, ctx):
            for _ in range(chance.randrange(4)):
                what = chance.randrange(6)
                if what == 0:
                    thing = getattr(ctx, kind)
                    held.append((thing, numbers, numbers(thing)))
                elif what == 1:
                    number = getattr(getattr(ctx, kind), chance.choice(names))
                    held.append((number, repr, repr(number)))
                elif what == 2:
                    held.append((ctx.position, numbers, numbers(ctx.position)))
                elif what == 3:
                    held.append((self.average.value, repr, repr(self.average.value)))
                elif what == 4:
                    held.append((self.macd.value, repr, repr(self.macd.value)))
                else:
                    held.append((ctx.event, numbers, numbers(ctx.event)))
            checks.append(all(describe(thing) == then for thing, describe, then in held))
            while len(held) > chance.randrange(1, 30):
                held.pop(chance.randrange(len(held)))
            return chance.choice((Signal.LONG, Signal.CLOSE, None))

    run(Juggler, data, size=0.5)
    assert len(checks) == ROWS
    assert all(checks)
    assert all(describe(thing) == then for thing, describe, then in held)


def test_indicator_values_kept_over_a_run_are_those_of_the_columns():
    spec = ta.Ema(7)
    kept = []
    sums = []

    class Keeper(Strategy):
        def setup(self, ctx):
            self.average = ctx.indicator(spec, required=False)
            self.again = ctx.indicator(spec, required=False)

        def generate_signal(self, ctx):
            kept.append(self.average.value)
            sums.append((self.average.value, self.again.value, self.average[-1], float(self.average)))

    data = candles(ROWS)
    run(Keeper, data)
    expected = spec.compute(close=data["close"])
    np.testing.assert_array_equal(kept, expected)
    for column in zip(*sums, strict=True):
        np.testing.assert_array_equal(column, expected)
    assert all(type(value) is float for value in kept)


def test_a_value_in_a_local_variable_survives_the_next_event():
    seen = []

    class Before(Strategy):
        def setup(self, ctx):
            self.average = ctx.indicator(ta.Sma(2))
            self.last = None

        def generate_signal(self, ctx):
            value, last = self.average.value, self.last
            self.last = value
            seen.append((last, self.average[-2], value, self.average[-1]))

    run(Before, candles(ROWS))
    assert all(last == before and value == now for last, before, value, now in seen[1:])


def test_the_same_object_is_given_within_a_call():
    def look(ctx):
        return ctx.candle is ctx.candle and ctx.event is ctx.candle and ctx.position is ctx.position

    assert answer(look)


@pytest.mark.parametrize("calls", [1, 64, 65, 200])
def test_an_event_of_the_other_kind_still_names_the_way_out(calls):
    class Reader(Strategy):
        events = ("candle", "quote")

        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            if isinstance(ctx.event, Candle):
                self.count += 1
                assert ctx.candle.close > 0
            elif self.count >= calls:
                _ = ctx.candle

    data = {PAIR: {"candle": candles(ROWS), "quote": quotes(ROWS)}}
    engine = Engine(cash={"USD": 1000})
    engine.trade(PAIR, Reader, size=1)
    with pytest.raises(StrategyError) as caught:
        engine.backtest(data, progress=False)
    assert "Reader reads ctx.candle, but this event of ETH/USD is a quote" in str(caught.value.__cause__)


def test_what_is_read_changes_during_a_run():
    seen = []
    data = quotes(ROWS)

    class Moody(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            if self.count < 100 or self.count > 300:
                seen.append((self.count - 1, ctx.quote.bid))
            if self.count > 200:
                assert not ctx.position
            return None

    run(Moody, data)
    assert all(bid == data["bid"][row] for row, bid in seen)
    assert len(seen) == 199


@pytest.mark.parametrize("at", [10, 63, 64, 65, 300])
def test_after_a_call_that_raised_ctx_is_closed(at):
    kept = []

    class Breaks(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            self.count += 1
            assert ctx.quote.bid < ctx.quote.ask
            if self.count == at:
                kept.append(ctx)
                raise LookupError("here")

    assert isinstance(error_of(Breaks, quotes(ROWS)), LookupError)
    (ctx,) = kept
    assert type(ctx) is SystemCtx
    for name in ("quote", "candle", "position", "event", "ts"):
        with pytest.raises(StrategyError, match="valid only inside"):
            getattr(ctx, name)


def test_ctx_is_a_system_ctx_in_every_call_and_cannot_be_written():
    seen = []

    class Looker(Strategy):
        def generate_signal(self, ctx):
            seen.append((isinstance(ctx, SystemCtx), type(ctx).__name__, type(ctx).__module__, repr(ctx)))
            for name in ("quote", "position", "other"):
                with pytest.raises(AttributeError):
                    setattr(ctx, name, None)
                with pytest.raises(AttributeError):
                    delattr(ctx, name)
            assert ctx.quote.bid > 0
            assert ctx.position.side == "flat"

    run(Looker, quotes(ROWS))
    assert set(seen) == {(True, "SystemCtx", "pairloom", '<SystemCtx of "Looker ETH/USD" on ETH/USD>')}
    assert len(seen) == ROWS


def test_nobody_makes_or_derives_a_ctx():
    classes = []

    class Looker(Strategy):
        def generate_signal(self, ctx):
            assert ctx.quote.bid > 0
            classes.append(type(ctx))

    run(Looker, quotes(ROWS))
    for cls in set(classes):
        with pytest.raises(TypeError):
            cls()
        with pytest.raises(TypeError):
            type("Mine", (cls,), {})


def test_a_run_inside_a_call_leaves_the_outer_one_alone():
    inner, outer = [], []

    class Inner(Strategy):
        def generate_signal(self, ctx):
            inner.append(ctx.quote.bid)

    class Outer(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            quote = ctx.quote
            self.count += 1
            if self.count in (5, 100, 300):
                run(Inner, quotes(90))
                assert ctx.quote is quote
                assert isinstance(ctx, SystemCtx)
            outer.append(ctx.quote.bid)

    run(Outer, quotes(ROWS))
    assert outer == quotes(ROWS)["bid"].tolist()
    assert inner == quotes(90)["bid"].tolist() * 3


def test_another_thread_cannot_change_what_a_strategy_holds():
    bids, wrong = [], []

    class Threaded(Strategy):
        def setup(self, ctx):
            self.count = 0

        def generate_signal(self, ctx):
            quote = ctx.quote
            self.count += 1
            if self.count % 50 == 0:
                thread = threading.Thread(target=lambda: wrong.extend([quote.bid != ctx_bid]))
                ctx_bid = quote.bid
                thread.start()
                thread.join()
            bids.append(quote.bid)

    run(Threaded, quotes(ROWS))
    assert bids == quotes(ROWS)["bid"].tolist()
    assert wrong == [False] * (ROWS // 50)


# The method that is called


def long_after(count, ctx):
    """LONG from some price on: a plain function for all the ways to make a method of one."""
    return Signal.LONG if ctx.candle.close > count else Signal.CLOSE


class Callable:
    def __call__(self, ctx):
        return long_after(100, ctx)


class Base(Strategy):
    def generate_signal(self, ctx):
        return long_after(100, ctx)


def as_assigned(callable_):
    """A strategy whose `setup` gives the instance a callable of its own."""

    class Assigned(Strategy):
        def setup(self, ctx):
            self.generate_signal = callable_

        def generate_signal(self, ctx):
            raise AssertionError("the instance has its own")

    return Assigned


METHODS = {
    "method": Base,
    "inherited": type("Child", (Base,), {}),
    "static": type("Static", (Strategy,), {"generate_signal": staticmethod(partial(long_after, 100))}),
    "class": type("Class", (Strategy,), {"generate_signal": classmethod(lambda cls, ctx: long_after(100, ctx))}),
    "lambda": type("Lambda", (Strategy,), {"generate_signal": lambda self, ctx: long_after(100, ctx)}),
    "defaults": type(
        "Defaults",
        (Strategy,),
        {"generate_signal": lambda self, ctx, count=100, *_, **named: long_after(count, ctx)},
    ),
    "star": type("Star", (Strategy,), {"generate_signal": lambda *both: long_after(100, both[1])}),
    "function of the instance": as_assigned(lambda ctx: long_after(100, ctx)),
    "object with __call__": as_assigned(Callable()),
    "partial of the instance": as_assigned(partial(long_after, 100)),
    "bound to something else": as_assigned(Base().generate_signal),
}


@pytest.mark.parametrize("kind", METHODS)
def test_every_way_to_make_a_method_gives_one_digest(kind):
    result = run_named(METHODS[kind])
    assert result.digest == run_named(Base).digest
    assert len(result.orders) > 3


def run_named(strategy):
    engine = Engine(cash={"USD": 100_000})
    engine.trade(PAIR, strategy, size=1, name="one")
    return engine.backtest({PAIR: candles(ROWS)}, progress=False)


def test_a_method_written_in_c_is_called_too():
    error = error_of(as_assigned(operator.attrgetter("candle.close")), candles(ROWS))
    assert "returned 100.17" in str(error)


def test_a_method_exchanged_during_the_run_is_not_seen():
    called = []

    class Changes(Strategy):
        def generate_signal(self, ctx):
            called.append("first")
            self.generate_signal = lambda ctx: called.append("instance")
            type(self).generate_signal = lambda self, ctx: called.append("class")

    run(Changes, candles(100))
    assert set(called) == {"first"}
    assert len(called) == 100


def test_a_method_with_the_wrong_number_of_arguments_is_a_type_error():
    class Wrong(Strategy):
        def generate_signal(self):
            return None

    error = error_of(Wrong)
    assert type(error) is TypeError
    assert "generate_signal() takes 1 positional argument but 2 were given" in str(error)


def test_a_recursion_without_end_is_an_error_of_its_trader_alone():
    class Deep(Strategy):
        def generate_signal(self, ctx):
            return self.generate_signal(ctx)

    assert isinstance(error_of(Deep), RecursionError)
    assert len(run(Base, candles(ROWS)).orders) > 3


# Indicators where the strategy is not called


def test_value_follows_where_the_strategy_is_not_called():
    handles = []

    class Waits(Strategy):
        def setup(self, ctx):
            handles[:] = [ctx.indicator(ta.Sma(3)), ctx.indicator(ta.Sma(1000))]

        def generate_signal(self, ctx):
            raise AssertionError("the long average is never full")

    data = candles(50)
    run(Waits, data)
    short, long = handles
    assert short.value == short[-1] == pytest.approx(data["close"][-3:].mean())
    assert np.isnan(long.value)
    assert not long.ready


def test_value_follows_in_the_warm_up_and_in_hooks():
    seen = []

    class Warm(Strategy):
        def setup(self, ctx):
            self.average = ctx.indicator(ta.Sma(3))

        def on_start(self, ctx):
            seen.append(("start", self.average.value, self.average[-1]))

        def on_stop(self, ctx):
            seen.append(("stop", self.average.value, self.average[-1]))

    data = candles(60)
    engine = Engine(cash={"USD": 1000})
    engine.trade(PAIR, Warm, size=1)
    start = np.datetime64(int(data["ts"][40]), "ns").item()
    engine.backtest({PAIR: data}, start=str(np.datetime64(start, "ns")), progress=False)
    (_, first, also), (_, last, too) = seen
    assert first == also == pytest.approx(data["close"][37:40].mean())
    assert last == too == pytest.approx(data["close"][-3:].mean())


def test_handles_of_a_live_run_follow_and_can_be_read_from_outside():
    handles, wrong = [], []
    stop = threading.Event()

    class Watched(Strategy):
        def setup(self, ctx):
            handles.append(ctx.indicator(ta.Sma(3)))

        def generate_signal(self, ctx):
            return Signal.LONG if ctx.candle.close > handles[0].value else Signal.CLOSE

    possible = set(ta.Sma(3).compute(close=candles(ROWS)["close"]).tolist())

    def watch():
        while not stop.is_set():
            for handle in handles:
                value = handle.value
                if type(value) is not float or not (np.isnan(value) or value in possible):
                    wrong.append(value)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        engine = Engine(cash={"USD": 1000})
        engine.trade(PAIR, Watched, size=0.1)
        engine.paper({PAIR: candles(ROWS)})
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert handles[0].value == handles[0][-1] == pytest.approx(candles(ROWS)["close"][-3:].mean())


# What is left behind


def test_runs_leave_no_objects_behind():
    class Busy(Strategy):
        def setup(self, ctx):
            self.average = ctx.indicator(ta.Sma(5))
            self.kept = []

        def generate_signal(self, ctx):
            self.kept.append(ctx.quote)
            return Signal.LONG if ctx.quote.bid > self.average.value and not ctx.position else Signal.CLOSE

    counted = [
        None, Signal.LONG, Signal.CLOSE, SystemCtx, pairloom.Indicator, Quote, Position, Busy.generate_signal, float,
    ]  # fmt: skip

    def references():
        gc.collect()
        return [sys.getrefcount(thing) for thing in counted]

    run(Busy, quotes(ROWS))
    before = references()
    for _ in range(20):
        run(Busy, quotes(ROWS))
    grown = [now - then for now, then in zip(references(), before, strict=True)]
    assert max(grown) < 20


def test_attributes_of_a_strategy_are_stored_where_they_are_read_fast():
    """In the object itself. Once somebody has asked for its dict they are not, and each costs a look-up."""
    seen = []

    class Plain(Strategy):
        fast: int = 3

        def setup(self, ctx):
            self.own = 5

        def generate_signal(self, ctx):
            seen.append([thing for thing in gc.get_referents(self) if isinstance(thing, dict) and "own" in thing])

    run(Plain(fast=4))
    assert seen == [[]] * 40
