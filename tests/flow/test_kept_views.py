"""Whatever `ctx` gave, kept by the strategy, is the same at the end of the run, and none of it can be written."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from pairloom import Engine, Signal, Strategy
from pairloom import indicators as ta
from scripted import MINUTE, PAIR, START, candles, quotes, run, trades


def described(value):
    """What a kept object says, as plain values."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, list):
        return [described(item) for item in value]
    return repr(value)


class Keeper(Strategy):
    """Keeps all that it is given, and beside each thing what it said when it was new."""

    window = 6
    schedule = "10m"

    def setup(self, ctx):
        self.macd = ctx.indicator(ta.Macd(3, 5, 2), required=False)
        self.kept = kept_by.setdefault(ctx.pair, [])
        self.count = 0

    def keep(self, what, value):
        self.kept.append((what, value, described(value)))

    def look(self, ctx, when):
        self.keep("when", (when, ctx.ts))
        for name in ("ts", "now", "pair", "event", "position", "equity", "cash", "orders", "last_exit"):
            self.keep(name, getattr(ctx, name))
        for name in ("open", "high", "low", "close", "volume"):
            self.keep(name, getattr(ctx, name))
        self.keep("column", ctx.column("score"))
        self.keep("value", self.macd.value)
        self.keep("output", self.macd.signal)
        self.keep("before", self.macd[-2])

    def generate_signal(self, ctx):
        self.count += 1
        self.look(ctx, "event")
        self.keep("candle", ctx.candle)
        if self.count % 5 == 0:
            ctx.buy(1, limit=90, tag=f"order {self.count}")
        if self.count % 11 == 0:
            ctx.cancel()
        return (Signal.LONG, Signal.CLOSE)[self.count // 4 % 2]

    def on_fill(self, ctx, fill):
        self.look(ctx, "hook")
        self.keep("fill", fill)

    def on_order(self, ctx, order):
        self.keep("order", order)

    def on_time(self, ctx, event):
        self.look(ctx, "hook")
        self.keep("time", event)


kept_by: dict[str, list] = {}


@pytest.fixture
def kept():
    kept_by.clear()
    data = {PAIR: candles(200), "BTC/USD": candles(200, seed=2)}
    engine = Engine(cash={"USD": 100_000})
    engine.trade("*", Keeper, size=1)
    result = engine.backtest(data, progress=False)
    assert not result.quarantined
    del engine
    gc.collect()
    return kept_by, data


def test_what_was_kept_is_unchanged_after_the_run(kept):
    everything, _ = kept
    assert set(everything) == {PAIR, "BTC/USD"}
    for things in everything.values():
        assert len(things) > 4000
        assert {what for what, _, _ in things} >= {"fill", "order", "time", "candle", "close", "orders", "output"}
        for what, value, then in things:
            assert described(value) == then, what


def test_the_arrays_kept_are_the_data(kept):
    everything, data = kept
    for pair, things in everything.items():
        compared = 0
        for what, value, _ in things:
            if what == "when":
                when, ts = value
                row = (ts - START) // MINUTE - 1
            elif what in ("open", "high", "low", "close", "volume"):
                # A hook comes before its step's own event, but for those of the closing pass.
                ends = [row] if when == "event" else [row - 1, row]
                windows = [data[pair][what][max(0, end - 5) : end + 1].tolist() for end in ends]
                assert value.tolist() in windows
                compared += 1
        assert compared > 900


def test_the_users_own_columns_can_change_without_the_engine_noticing():
    data = candles(50)
    close = data["close"].copy()
    arrays = []

    class Looker(Strategy):
        window = 4

        def generate_signal(self, ctx):
            data["close"][:] = -1.0
            arrays.append(ctx.close)

    run(Looker, data)
    for row, array in enumerate(arrays):
        np.testing.assert_array_equal(array, close[row : row + 4])


def writes():
    """Every way of writing to an array that NumPy has a word for."""

    def item(array):
        array[0] = 1.0

    def piece(array):
        array[1:3] = 0.0

    def in_place(array):
        array += 1.0

    def output(array):
        np.add(array, 1.0, out=array)

    def flag(array):
        array.flags.writeable = True

    def setflags(array):
        array.setflags(write=True)

    def fill(array):
        array.fill(0.0)

    def sort(array):
        array.sort()

    def view(array):
        array.view(np.int64)[0] = 1

    def reshaped(array):
        array.reshape(2, 3)[0, 0] = 1.0

    def put(array):
        array.put([0], [1.0])

    def copyto(array):
        np.copyto(array, 0.0)

    def memory(array):
        memoryview(array)[0] = 1.0

    def of_its_slice(array):
        array[1:].flags.writeable = True

    return [
        item,
        piece,
        in_place,
        output,
        flag,
        setflags,
        fill,
        sort,
        view,
        reshaped,
        put,
        copyto,
        memory,
        of_its_slice,
    ]


@pytest.mark.parametrize("write", writes(), ids=lambda write: write.__name__)
@pytest.mark.parametrize("name", ["close", "volume", "score"])
def test_writing_fails(write, name):
    outcomes = []
    data = candles()

    class Writer(Strategy):
        window = 6

        def generate_signal(self, ctx):
            array = ctx.column(name)
            with pytest.raises((ValueError, TypeError)):
                write(array)
            outcomes.append(array.tolist())

    run(Writer, data)
    assert outcomes == [data[name][row : row + 6].tolist() for row in range(35)] or name == "score"
    assert len(outcomes) == 35


@pytest.mark.parametrize("data", [quotes(), trades()], ids=["quotes", "trades"])
def test_arrays_that_are_computed_cannot_be_written_either(data):
    outcomes = []

    class Writer(Strategy):
        window = 6

        def generate_signal(self, ctx):
            with pytest.raises(ValueError, match="read-only"):
                ctx.close[0] = 1.0
            outcomes.append(True)

    run(Writer, data)
    assert len(outcomes) == 35


def test_reshaping_a_kept_array_does_not_reach_the_next_reader():
    shapes = []

    class Bender(Strategy):
        window = 6

        def generate_signal(self, ctx):
            array = ctx.close
            array.shape = (2, 3)
            shapes.append(ctx.close.shape)

    run(Bender)
    assert set(shapes) == {(6,)}


def test_an_array_outlives_the_engine_and_its_data():
    arrays = []

    class Hoarder(Strategy):
        window = 30

        def generate_signal(self, ctx):
            arrays.append(ctx.close)

    data = candles(3000, seed=9)
    close = data["close"].copy()
    run(Hoarder, data)
    del data
    gc.collect()
    # What the arrays look into would be used for something else by now, were it not theirs.
    garbage = [np.full(3000, -1.0) for _ in range(50)]
    assert all(np.array_equal(array, close[row : row + 30]) for row, array in enumerate(arrays))
    assert len(garbage) == 50
    assert arrays[0].base is arrays[-1].base


class SellsTooMuch(Strategy):
    """Holds ten, and sells twenty: the half that only reduces is sent, and says why it is the half."""

    def setup(self, ctx):
        self.count = 0

    def generate_signal(self, ctx):
        self.count += 1
        if self.count == 1:
            ctx.buy(10)
        if self.count == 5:
            ctx.sell(20)

    def on_order(self, ctx, order):
        told.append((order.order_id, order.status, order.reason))


told: list = []


@pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")
def test_the_last_reason_that_a_hook_hears_is_that_of_the_table():
    told.clear()
    result = run(SellsTooMuch, candles(20))
    table = zip(*(result.orders.column(name).tolist() for name in ("order_id", "status", "reason")), strict=True)
    last = {number: (status, reason) for number, status, reason in told}
    ends = {number: (status, reason) for number, status, reason in table}
    assert last == ends
    assert ("filled", "short_sale") in ends.values()
