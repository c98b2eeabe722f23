"""Indicators: equal to TA-Lib's on real and random prices, exact at ties, and plain about wrong requests."""

from __future__ import annotations

import inspect
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pairloom import indicators as ta
from pairloom.errors import ConfigError

PAIRS = ("ADA", "DASH", "ETH", "LTC", "TRX", "XLM", "ZEC")
SEEDS = (1, 2, 3)

# Every indicator that TA-Lib has: the spec, and TA-Lib's own call on a table of columns.
LIKE_TALIB: dict[str, tuple[ta.IndicatorSpec, Any]] = {
    "sma": (ta.Sma(20), lambda t, c: t.SMA(c["close"], 20)),
    "ema": (ta.Ema(12), lambda t, c: t.EMA(c["close"], 12)),
    "ema of high": (ta.Ema(9, on="high"), lambda t, c: t.EMA(c["high"], 9)),
    "sma of volume": (ta.Sma(15, on="volume"), lambda t, c: t.SMA(c["volume"], 15)),
    "wma": (ta.Wma(17), lambda t, c: t.WMA(c["close"], 17)),
    "rsi": (ta.Rsi(14), lambda t, c: t.RSI(c["close"], 14)),
    "macd": (ta.Macd(), lambda t, c: t.MACD(c["close"], 12, 26, 9)),
    "macd 5 13 4": (ta.Macd(5, 13, 4), lambda t, c: t.MACD(c["close"], 5, 13, 4)),
    "bollinger": (ta.Bollinger(20, 2.5), lambda t, c: [t.BBANDS(c["close"], 20, 2.5, 2.5)[i] for i in (1, 0, 2)]),
    "atr": (ta.Atr(14), lambda t, c: t.ATR(c["high"], c["low"], c["close"], 14)),
    "adx": (
        ta.Adx(14),
        lambda t, c: [f(c["high"], c["low"], c["close"], 14) for f in (t.ADX, t.PLUS_DI, t.MINUS_DI)],
    ),
    "stochastic": (
        ta.Stochastic(14, 3, 5),
        lambda t, c: t.STOCH(c["high"], c["low"], c["close"], 14, 3, 0, 5, 0),
    ),
    "cci": (ta.Cci(20), lambda t, c: t.CCI(c["high"], c["low"], c["close"], 20)),
    "obv": (ta.Obv(), lambda t, c: t.OBV(c["close"], c["volume"])),
    "min": (ta.Min(30, on="low"), lambda t, c: t.MIN(c["low"], 30)),
    "max": (ta.Max(30, on="high"), lambda t, c: t.MAX(c["high"], 30)),
    "std": (ta.Std(20), lambda t, c: t.STDDEV(c["close"], 20)),
}


@pytest.fixture(scope="module")
def talib() -> Any:
    return pytest.importorskip("talib", reason="TA-Lib, the oracle of these tests, is not installed")


@pytest.fixture(scope="module", params=PAIRS)
def real(request: pytest.FixtureRequest, shared_data: Path) -> dict[str, np.ndarray]:
    """Real candles with prices counted in 10^-8.

    TA-Lib takes a variance below 10^-14 for zero and loses digits where Σx²/n − mean² cancels; at prices such as
    0.00005 that is all it sees. Counted in whole units its sums are exact and it can be an oracle.
    """
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow, which reads the shared data, is not installed")
    table = pq.read_table(shared_data / "candles_btc_5m" / f"{request.param}_BTC.parquet")
    prices = {name: np.rint(table[name].to_numpy() * 1e8) for name in ("open", "high", "low", "close")}
    return {**prices, "volume": table["volume"].to_numpy()}


def walk(seed: int, *, digits: int | None) -> dict[str, np.ndarray]:
    """Candles of a random walk; ``digits`` after the point, or all that a float has."""
    random = np.random.default_rng(seed)
    rows = 700
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * (1 + random.exponential(0.004, rows))
    low = np.minimum(open_, close) * (1 - random.exponential(0.004, rows))
    prices = {"open": open_, "high": high, "low": low, "close": close}
    if digits is not None:
        prices = {name: np.round(column, digits) for name, column in prices.items()}
    return {**prices, "volume": random.lognormal(3, 1, rows)}


def outputs(spec: ta.IndicatorSpec, columns: dict[str, np.ndarray]) -> list[np.ndarray]:
    computed = spec.compute(**columns)
    if isinstance(computed, dict):
        assert tuple(computed) == spec.outputs
        return list(computed.values())
    assert spec.outputs == ("value",)
    return [computed]


def assert_like_talib(name: str, talib: Any, columns: dict[str, np.ndarray]) -> None:
    spec, oracle = LIKE_TALIB[name]
    expected = oracle(talib, columns)
    expected = [expected] if isinstance(expected, np.ndarray) else list(expected)
    got = outputs(spec, columns)
    assert len(got) == len(expected)
    for output, mine, theirs in zip(spec.outputs, got, expected, strict=True):
        # TA-Lib's PLUS_DI and MINUS_DI start earlier than its ADX; ours start together.
        if output in ("plus_di", "minus_di"):
            theirs = np.where(np.isnan(got[0]), np.nan, theirs)
        assert np.isfinite(theirs).sum() > len(theirs) / 2
        # What crosses zero (MACD, CCI, OBV) is compared there on its own scale.
        scale = np.nanmax(np.abs(theirs))
        np.testing.assert_allclose(
            mine, theirs, rtol=1e-9, atol=1e-11 * scale, equal_nan=True, err_msg=f"{name}: {output}"
        )


@pytest.mark.parametrize("name", LIKE_TALIB)
def test_equals_talib_on_real_candles(name: str, talib: Any, real: dict[str, np.ndarray]) -> None:
    assert_like_talib(name, talib, real)


@pytest.mark.parametrize("digits", [2, 6, None])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LIKE_TALIB)
def test_equals_talib_on_random_walks(name: str, seed: int, digits: int | None, talib: Any) -> None:
    assert_like_talib(name, talib, walk(seed, digits=digits))


# Without a variance, TA-Lib is exact enough on the prices as they stand in the files.
@pytest.mark.parametrize("name", [name for name in LIKE_TALIB if name not in ("std", "bollinger")])
def test_equals_talib_on_prices_as_recorded(name: str, talib: Any, real: dict[str, np.ndarray]) -> None:
    prices = {column: values / 1e8 for column, values in real.items() if column != "volume"}
    assert_like_talib(name, talib, {**prices, "volume": real["volume"]})


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("period", [None, 1, 10])
def test_vwap_is_money_over_volume(seed: int, period: int | None) -> None:
    columns = walk(seed, digits=4)
    typical = (columns["high"] + columns["low"] + columns["close"]) / 3
    money, volume = np.cumsum(typical * columns["volume"]), np.cumsum(columns["volume"])
    if period is not None:
        money[period:], volume[period:] = money[period:] - money[:-period], volume[period:] - volume[:-period]
    expected = money / volume
    expected[: (period or 1) - 1] = np.nan
    np.testing.assert_allclose(outputs(ta.Vwap(period), columns)[0], expected, rtol=1e-10, equal_nan=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_heikin_ashi_follows_its_recurrence(seed: int) -> None:
    columns = walk(seed, digits=3)
    opens, highs, lows, closes = outputs(ta.HeikinAshi(), columns)
    before = (columns["open"][0], columns["close"][0])
    for i in range(len(opens)):
        candle = [columns[name][i] for name in ("open", "high", "low", "close")]
        close, open_ = sum(candle) / 4, sum(before) / 2
        np.testing.assert_allclose(
            [opens[i], highs[i], lows[i], closes[i]],
            [open_, max(candle[1], open_, close), min(candle[2], open_, close), close],
            rtol=1e-12,
        )
        before = (open_, close)


@pytest.mark.parametrize(("short", "long"), [(2, 3), (5, 10), (10, 30)])
def test_averages_that_are_equal_are_equal_as_floats(short: int, long: int, shared_data: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow, which reads the shared data, is not installed")
    ties = 0
    for pair in PAIRS:
        # As in the files: some prices are spelled 3.7840000000000004e-05.
        close = pq.read_table(shared_data / "candles_btc_5m" / f"{pair}_BTC.parquet")["close"].to_numpy()
        units = [round(price * 1e8) for price in close]
        sums = np.concatenate([[0], np.cumsum(units)])
        fast, slow = (ta.Sma(n).compute(close=close) for n in (short, long))
        assert isinstance(fast, np.ndarray)
        assert isinstance(slow, np.ndarray)
        for i in range(long - 1, len(close)):
            a = Fraction(int(sums[i + 1] - sums[i + 1 - short]), short)
            b = Fraction(int(sums[i + 1] - sums[i + 1 - long]), long)
            assert (a > b) == (fast[i] > slow[i])
            assert (a == b) == (fast[i] == slow[i])
            assert float(a / 10**8) == fast[i]
            ties += a == b
    assert ties > 5, "the data have ties, or this test shows nothing"


def test_a_deviation_is_exact_where_talib_sees_none() -> None:
    close = np.array([5.0e-5, 5.1e-5, 5.0e-5, 5.1e-5])
    std = ta.Std(2).compute(close=close)
    np.testing.assert_allclose(std, [np.nan, 5e-7, 5e-7, 5e-7], rtol=1e-14)


def test_rows_that_are_not_finite_are_skipped() -> None:
    mean = ta.Sma(2).compute(close=[1.0, np.nan, 3.0, np.inf, 5.0])
    np.testing.assert_array_equal(mean, [np.nan, np.nan, 2.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "close",
    [
        [1e17, 1.0, 1.0, 1.0, 1.0, 1.0],
        [1e300, 2e300, 4e300, 3e300],
        [1e-25, 2e-25, 7e-25, 1e-25],
        [5e-324, 5e-324, 5e-324],
        [1e-20, 3.0, 7.0, 1e20, 2.0, 5.0, 8.0],
    ],
)
def test_values_that_no_decimals_hold_are_averaged_as_floats(close: list[float]) -> None:
    for period in (1, 2, 3):
        means = [math.fsum(close[end - period : end]) / period for end in range(period, len(close) + 1)]
        found = ta.Sma(period).compute(close=close)[period - 1 :]
        np.testing.assert_allclose(found, means, rtol=1e-15)
        np.testing.assert_array_equal(
            ta.Max(period).compute(close=close)[period - 1 :],
            [max(close[end - period : end]) for end in range(period, len(close) + 1)],
        )


def test_columns_may_be_lists_integers_and_slices() -> None:
    np.testing.assert_array_equal(ta.Sma(2).compute(close=[1, 2, 4]), [np.nan, 1.5, 3.0])
    np.testing.assert_array_equal(ta.Max(1).compute(close=np.arange(6.0)[::2]), [0.0, 2.0, 4.0])
    assert len(outputs(ta.Sma(2), {"close": np.array([])})[0]) == 0


ALL: list[ta.IndicatorSpec] = [
    ta.Sma(3),
    ta.Ema(3),
    ta.Wma(3),
    ta.Rsi(),
    ta.Macd(),
    ta.Bollinger(),
    ta.Atr(),
    ta.Adx(),
    ta.Stochastic(),
    ta.Cci(),
    ta.Obv(),
    ta.Vwap(),
    ta.Vwap(5),
    ta.Min(3),
    ta.Max(3),
    ta.Std(3),
    ta.HeikinAshi(),
]


@pytest.mark.parametrize("spec", ALL, ids=repr)
def test_a_spec_shows_the_call_that_makes_it(spec: ta.IndicatorSpec) -> None:
    same = eval(repr(spec), vars(ta))
    assert same == spec
    assert hash(same) == hash(spec)
    assert [other for other in ALL if other == spec] == [spec]
    assert len(outputs(spec, walk(1, digits=2))) == len(spec.outputs)


def test_specs_differ_in_all_they_say() -> None:
    specs = [ta.Sma(3), ta.Sma(4), ta.Sma(3, on="high"), ta.Sma(3, keep=4), ta.Sma(3, of=ta.Rsi()), ta.Min(3)]
    assert all((a == b) == (a is b) for a in specs for b in specs)
    assert ta.Sma(3, of=ta.Rsi(14)) == ta.Sma(3, of=ta.Rsi())
    assert ta.Sma(3) != "sma"
    assert repr(ta.Sma(3, on="high", keep=4)) == "Sma(period=3, on='high', keep=4)"
    assert ta.Sma(np.int64(3)) == ta.Sma(3.0) == ta.Sma(3)  # type: ignore[arg-type]
    assert ta.Macd().parameters == {"fast": 12, "slow": 26, "signal": 9}


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: ta.Sma(0), "indicator.period", r"Sma\(period=0\): period must be a whole number from 1 to 1,000,000"),
        (lambda: ta.Sma(2.5), "indicator.period", "period=2.5"),
        (lambda: ta.Sma("20"), "indicator.period", "period='20'"),
        (lambda: ta.Sma(True), "indicator.period", "period=True"),
        (lambda: ta.Sma(None), "indicator.period", "period=None"),
        (lambda: ta.Sma(float("nan")), "indicator.period", "period=nan"),
        (lambda: ta.Sma(float("inf")), "indicator.period", "period=inf"),
        (lambda: ta.Sma(10**400), "indicator.period", "whole number from 1"),
        (lambda: ta.Sma(np.array([3, 4])), "indicator.period", "whole number"),
        (lambda: ta.Vwap(-1), "indicator.period", "period=-1"),
        (lambda: ta.Sma(2, keep=1), "indicator.keep", "keep must be a whole number from 2"),
        (lambda: ta.Sma(2, on=3), "indicator.on", "the name of a column"),
        (lambda: ta.Sma(2, of=3.0), "indicator.of", r"ctx.indicator\(\) returned"),
        (lambda: ta.Sma(2, of=ta.Rsi), "indicator.of", r"ctx.indicator\(\) returned"),
        (lambda: ta.Sma(2, on="high", of=ta.Rsi()), "indicator.input", "either on, a column, or of"),
        (lambda: ta.Macd(26, 12), "indicator.fast", "fast must be less than slow=12"),
        (lambda: ta.Bollinger(20, 0), "indicator.deviations", "above 0"),
        (lambda: ta.Bollinger(20, float("inf")), "indicator.deviations", "finite"),
        (lambda: ta.Stochastic(d=0), "indicator.d", r"Stochastic\(d=0\)"),
        (lambda: ta.Atr().compute(close=[1.0]), "indicator.columns", "missing: high, low"),
        (lambda: ta.Sma(2, on="volume").compute(close=[1.0]), "indicator.columns", "missing: volume"),
        (
            lambda: ta.Atr(2).compute(high=[1e17, 2.0], low=[1e17, 1.0], close=[1e17, 1.0]),
            "indicator.columns",
            "atr: the prices are so far apart, or so large or small, that no decimals of one length hold them",
        ),
        (lambda: ta.Sma(2).compute(), "indicator.columns", r"Sma.compute needs close=\.\.\."),
        (lambda: ta.Sma(2).compute(close=["a"]), "indicator.columns", "close is no column of numbers"),
        (lambda: ta.Sma(2).compute(close=[[1.0]]), "indicator.columns", "one dimension"),
        (lambda: ta.Obv().compute(close=[1.0], volume=[1.0, 2.0]), "indicator.columns", "different lengths"),
        (lambda: ta.Sma(2, of=ta.Rsi()).compute(close=[1.0]), "indicator.input", "compute that one first"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(make: Any, code: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make()
    assert caught.value.code == code


@pytest.mark.parametrize("kind", [ta.Sma, ta.Ema, ta.Wma, ta.Std, ta.Min, ta.Max])
def test_a_wrong_call_is_said_by_the_name_of_the_indicator(kind: Any) -> None:
    for wrong, said in ((kind, "'period'"), (lambda: kind(3, perid=3), "'perid'"), (lambda: kind(3, 4), "positional")):
        with pytest.raises(TypeError, match=rf"^{kind.__name__}\.__init__\(\).*{said}"):
            wrong()
    assert list(inspect.signature(kind).parameters) == ["period", "on", "of", "keep"]
    own = type("Own", (kind,), {"__slots__": ()})
    assert own(3, on="high").on == "high" and own(3).keep == kind(3).keep == 2


def test_kinds_of_candles_take_no_column_and_no_source() -> None:
    for kind in (ta.Atr, ta.Adx, ta.Stochastic, ta.Cci, ta.Obv, ta.Vwap, ta.HeikinAshi):
        for argument in ("on", "of"):
            with pytest.raises(TypeError, match=argument):
                kind(**{argument: "close"})


@pytest.mark.parametrize(("name", "meant"), [("SMA", "Sma"), ("heikin_ashi", "HeikinAshi"), ("KAMA", None)])
def test_an_indicator_by_another_spelling_is_named(name: str, meant: str | None) -> None:
    with pytest.raises(AttributeError, match=f"has no '{name}'") as error:
        getattr(ta, name)
    assert (f"it is called {meant}" in str(error.value)) == (meant is not None)
