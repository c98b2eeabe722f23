"""`Indicator`: what a strategy reads of an indicator, and what it can ask for in `setup`."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from pairloom import ConfigError, Strategy
from pairloom import indicators as ta
from scripted import PAIR, candles, error_of, run


def watched(specs, look, data=None):
    """What ``look(*indicators)`` gives at every call, of indicators that need not be ready."""
    seen = []

    class Watcher(Strategy):
        def setup(self, ctx):
            self.indicators = [ctx.indicator(spec, required=False) for spec in specs]

        def generate_signal(self, ctx):
            seen.append(look(*self.indicators))

    run(Watcher, data)
    return seen


def computed(spec, data=None):
    data = candles() if data is None else data
    needed = {name: data[name] for name in (*spec.columns, *(() if spec.columns else (spec.on or "close",)))}
    return spec.compute(**needed)


@pytest.mark.parametrize(
    "spec", [ta.Sma(5), ta.Ema(4), ta.Rsi(6), ta.Std(5), ta.Max(3, on="high"), ta.Atr(4), ta.Obv()]
)
def test_values_are_those_of_the_same_indicator_over_whole_columns(spec):
    values = watched([spec], lambda one: (one.value, one.ready, float(one)))
    np.testing.assert_array_equal([value for value, _, _ in values], computed(spec))
    assert [ready for _, ready, _ in values] == (~np.isnan(computed(spec))).tolist()
    np.testing.assert_array_equal([value for value, _, _ in values], [number for _, _, number in values])


@pytest.mark.parametrize("spec", [ta.Macd(3, 6, 2), ta.Bollinger(5), ta.Adx(4), ta.Stochastic(5), ta.HeikinAshi()])
def test_named_outputs_are_attributes(spec):
    rows = watched([spec], lambda one: {name: getattr(one, name) for name in spec.outputs})
    for name, expected in computed(spec).items():
        np.testing.assert_array_equal([row[name] for row in rows], expected)
    assert all(isinstance(value, float) for row in rows for value in row.values())


def test_an_output_that_is_not_there_names_those_that_are():
    def look(sma, macd):
        assert not hasattr(sma, "upper")
        with pytest.raises(AttributeError, match='macd has no output "upper"; it has macd, signal, histogram'):
            _ = macd.upper
        return True

    assert all(watched([ta.Sma(3), ta.Macd(3, 6, 2)], look))


def test_history_counts_back_from_the_current_value():
    rows = watched([ta.Sma(3, keep=4)], lambda one: [one[-1], one[-2], one[-3], one[-4]])
    expected = computed(ta.Sma(3))
    for back in range(4):
        shifted = np.concatenate([np.full(back, np.nan), expected])[: len(expected)]
        np.testing.assert_array_equal([row[back] for row in rows], shifted)


def test_history_that_is_not_kept_says_how_to_keep_it():
    def look(one):
        with pytest.raises(IndexError, match=r"sma\[-3\]: it keeps 2 values; ask for more with keep=3"):
            one[-3]
        for index in (0, 1, 2**62):
            with pytest.raises(IndexError, match=r"counted back from the current one, \[-1\]"):
                one[index]
        return True

    assert all(watched([ta.Sma(3)], look))


def test_crossings_happen_where_the_lines_do():
    fast, slow = computed(ta.Sma(3)), computed(ta.Sma(8))
    rows = watched([ta.Sma(3), ta.Sma(8)], lambda a, b: (a.crossed_above(b), a.crossed_below(b), b.crossed_above(a)))
    above = [i > 0 and fast[i - 1] <= slow[i - 1] and fast[i] > slow[i] for i in range(len(fast))]
    below = [i > 0 and fast[i - 1] >= slow[i - 1] and fast[i] < slow[i] for i in range(len(fast))]
    assert [row[0] for row in rows] == above
    assert [row[1] for row in rows] == below
    assert sum(above) >= 2
    assert sum(below) >= 2
    assert [row[2] for row in rows] == below


def test_lines_cross_numbers_and_outputs_too():
    rsi = computed(ta.Rsi(4))
    rows = watched([ta.Rsi(4)], lambda one: (one.crossed_above(50), one.crossed_below(np.float64(50.0))))
    assert [row[0] for row in rows] == [i > 0 and rsi[i - 1] <= 50 < rsi[i] for i in range(len(rsi))]
    assert [row[1] for row in rows] == [i > 0 and rsi[i - 1] >= 50 > rsi[i] for i in range(len(rsi))]

    lines = computed(ta.Macd(3, 6, 2))
    macd, signal = lines["macd"], lines["signal"]
    rows = watched([ta.Macd(3, 6, 2)], lambda one: (one.crossed_above(one.signal), one.signal.crossed_below(one)))
    expected = [i > 0 and macd[i - 1] <= signal[i - 1] and macd[i] > signal[i] for i in range(len(macd))]
    assert [row[0] for row in rows] == [row[1] for row in rows] == expected
    assert sum(expected) >= 2


def test_an_output_by_name_is_read_as_an_indicator_is():
    lines = computed(ta.Macd(3, 6, 2))
    parts = ("macd", "signal", "histogram")

    def look(one):
        found = [getattr(one, part) for part in parts]
        return [(each, each.value, each.ready, each[-1], each[-2]) for each in found]

    rows = watched([ta.Macd(3, 6, 2)], look)
    for part, name in enumerate(parts):
        whole = lines[name]
        for row, seen in enumerate(rows):
            number, value, ready, now, before = seen[part]
            assert ready is bool(not np.isnan(whole[row]))
            np.testing.assert_equal([number, value, now], [whole[row]] * 3)
            np.testing.assert_equal(before, whole[row - 1] if row else np.nan)
            assert type(value) is float

    def wrong(one):
        with pytest.raises(IndexError, match=r"signal\[0\]: values are counted back"):
            one.signal[0]
        with pytest.raises(IndexError, match=r"signal\[-3\]: it keeps 2 values; ask for more with keep=3"):
            one.signal[-3]
        return True

    assert all(watched([ta.Macd(3, 6, 2)], wrong))


@pytest.mark.parametrize("other", ["50", None, True, [1]], ids=repr)
def test_what_no_line_can_cross_is_a_type_error(other):
    def look(one):
        with pytest.raises(TypeError, match="an indicator crosses another indicator or a number, not"):
            one.crossed_above(other)
        return True

    assert all(watched([ta.Sma(3)], look))


def test_an_output_is_a_float_that_never_changes_and_is_copied_as_one():
    outputs = watched([ta.Bollinger(4)], lambda one: one.upper)
    np.testing.assert_array_equal(outputs, computed(ta.Bollinger(4))["upper"])
    last = outputs[-1]
    for made in (copy.copy(last), copy.deepcopy(last), pickle.loads(pickle.dumps(last))):
        assert type(made) is float
        assert made == last
    assert last + 1 == float(last) + 1
    assert f"{last:.2f}" == f"{float(last):.2f}"
    with pytest.raises(TypeError):
        type(last)(1.0)


def test_indicators_are_made_of_others_and_of_their_outputs():
    seen = []

    class Smooth(Strategy):
        def setup(self, ctx):
            rsi = ctx.indicator(ta.Rsi(4))
            macd = ctx.indicator(ta.Macd(3, 6, 2))
            self.of_one = ctx.indicator(ta.Sma(3, of=rsi))
            self.of_spec = ctx.indicator(ta.Sma(3, of=ta.Rsi(4)))
            self.of_output = ctx.indicator(ta.Ema(2, of=macd.histogram))

        def generate_signal(self, ctx):
            seen.append((self.of_one.value, self.of_spec.value, self.of_output.value))

    run(Smooth)
    rsi = computed(ta.Rsi(4))
    rsi = rsi[~np.isnan(rsi)]
    expected = ta.Sma(3).compute(close=rsi)[-len(seen) :]
    np.testing.assert_allclose([row[0] for row in seen], expected, rtol=1e-12)
    assert [row[0] for row in seen] == [row[1] for row in seen]
    assert not np.isnan([row[2] for row in seen]).any()


def test_the_indicator_of_another_trader_is_refused():
    kept = []

    class Lender(Strategy):
        def setup(self, ctx):
            kept.append(ctx.indicator(ta.Sma(3)))

        def generate_signal(self, ctx):
            return None

    class Borrower(Strategy):
        def setup(self, ctx):
            ctx.indicator(ta.Ema(3, of=kept[0]))

        def generate_signal(self, ctx):
            return None

    run(Lender)
    error = error_of(Borrower)
    assert isinstance(error, ConfigError)
    assert "belongs to another trader; ask for it in this setup" in str(error)


def test_an_input_that_is_not_there_is_refused_by_name():
    class Wrong(Strategy):
        def setup(self, ctx):
            ctx.indicator(ta.Sma(3, on="spread"))

        def generate_signal(self, ctx):
            return None

    error = error_of(Wrong)
    assert isinstance(error, ConfigError)
    assert error.code == "indicator.input"
    assert f'sma(on="spread"): {PAIR} has no such column; it has those of a candle and score' in str(error)


def test_a_strategy_waits_for_what_it_requires_and_for_nothing_else():
    counts = {}

    def waiting(required):
        class Waits(Strategy):
            def setup(self, ctx):
                self.slow = ctx.indicator(ta.Sma(30), required=required)
                counts[required] = 0

            def generate_signal(self, ctx):
                counts[required] += 1

        return Waits

    run(waiting(True))
    run(waiting(False))
    assert counts == {True: 11, False: 40}


def test_an_indicator_prints_its_outputs():
    texts = watched([ta.Macd(3, 6, 2)], repr)
    assert texts[0] == "<Indicator macd: macd=nan, signal=nan, histogram=nan>"
    assert texts[-1].startswith("<Indicator macd: macd=")
    assert "nan" not in texts[-1]
