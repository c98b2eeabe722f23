"""Engine's arguments: each wrong one is a typed error that names it, its value and the way out."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom import ConfigError, DataError, Engine, Fees, Instrument, ParameterError, Strategy
from pairloom._traders import traders
from pairloom.numbers import decimal_text

SECOND = 10**9
HOUR = 3600 * SECOND


class Nothing(Strategy):
    fast: int = 10

    def generate_signal(self, ctx):
        return None


class Misspelt(Nothing):
    def on_fil(self, ctx, fill):
        return None


class Silent(Strategy):
    def generate_signals(self, ctx):
        return None


class Helpful(Nothing):
    """Helpers whose names begin like hooks and are like none."""

    def on_breakout(self, ctx):
        return None

    def setup_levels(self):
        return None


def test_a_helper_may_begin_like_a_hook():
    engine().trade("ETH/BTC", Helpful)


def engine(**changes):
    return Engine(**{"cash": {"BTC": 10}, "fee": 0.001, **changes})


def described(of, available=("ETH/BTC", "LTC/BTC"), span=(0, HOUR)):
    return traders(of._assignments, available, of.currency, lambda pairs: span)


BAD_ENGINES = [
    ({"cash": 10}, "cash must name its currency: write cash={'USDT': 10}"),
    ({"cash": None}, "cash=None must name its currency"),
    ({"cash": {}}, "cash={} is empty"),
    ({"cash": {"BTC": -1}}, "cash.BTC=-1 must be 0 or more"),
    ({"cash": {"BTC": 0}}, "cash.BTC=0"),
    ({"cash": {"BTC": math.nan}}, "cash.BTC=nan is not finite"),
    ({"workers": 2, "time_limit": "of"}, 'time_limit=\'of\' is not a number; give seconds, "auto" or "off"'),
    ({"cash": {"BTC": math.inf}}, "cash.BTC=inf is not finite"),
    ({"cash": {"BTC": True}}, "cash.BTC=True is not a number"),
    ({"cash": {"BTC": 1j}}, "cash.BTC=1j is not a number"),
    ({"cash": {"BTC": None}}, "cash.BTC=None is not a number"),
    ({"cash": {"BTC": "ten"}}, "cash.BTC='ten' is not a number; give digits, as in \"1.5\""),
    ({"cash": {"BTC": "1e-19"}}, "finer than 10^-18"),
    ({"cash": {"BTC": 1e300}}, "more than 28 digits"),
    ({"cash": {"BTC": 10**20}}, "must be less than 100000000000000000000"),
    ({"cash": {1: 1}}, "cash: 1 is no currency"),
    ({"cash": {"BTC": 1, "USDT": 2}}, "currency='BTC'"),
    ({"cash": {"BTC": 1, "USDT": 2}, "currency": "USDC"}, "did you mean 'USDT'"),
    ({"account": "sport"}, "account='sport' is unknown; did you mean 'spot'"),
    ({"leverage": 2}, "leverage=2 on a spot account; use account='margin'"),
    ({"account": "margin", "leverage": 0}, "leverage=0 must be more than 0"),
    ({"fee": -0.001}, "fee=-0.001 must be 0 or more"),
    ({"fee": 1}, "fee=1 must be less than 1"),
    ({"fee": {"maker": 0.1}}, "must have maker and taker"),
    ({"fill": "open"}, "fill='open' is unknown"),
    ({"slippage_bps": -1}, "slippage_bps=-1 must be 0 or more"),
    ({"latency": -1}, "latency=-1 must be 0 or more"),
    ({"latency": "1e-10"}, "finer than a nanosecond"),
    ({"instruments": {"ETHBTC": Instrument()}}, "'ETHBTC' is no market pair"),
    ({"instruments": {"ETH/BTC": {"tik": 1}}}, "instruments.ETH/BTC: 'tik' is unknown; did you mean 'tick'"),
    ({"instruments": {"ETH/BTC": {"tick": 0}}}, "instruments.ETH/BTC.tick=0 must be more than 0"),
    ({"instruments": {"ETH/BTC": 5}}, "instruments.ETH/BTC=5 is no instrument"),
    ({"instruments": [1]}, "instruments=[1] must be a dict"),
    ({"num_threads": 0}, "num_threads=0 must be from 1"),
    ({"block": -1}, "block=-1 must be from 0"),
    ({"block": "all"}, "block='all' is not a whole number"),
    ({"num_threads": 1.5}, "num_threads=1.5 is not a whole number"),
    ({"num_threads": True}, "num_threads=True is not a whole number"),
    ({"on_error": "stop"}, "on_error='stop' is unknown"),
    ({"seed": -1}, "seed=-1 must be from 0"),
    ({"risk_socket": 5}, "risk_socket=5 must be the path of a socket, as in risk_socket='/run/user/1000/risk.sock'"),
    ({"broker_socket": 5}, "as in broker_socket='/run/user/1000/broker.sock'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_ENGINES, ids=lambda value: str(value)[:40])
def test_a_wrong_setting_is_named_with_its_value(changes, message):
    with pytest.raises(ConfigError) as caught:
        engine(**changes)
    assert message in str(caught.value)
    assert caught.value.code.startswith("config")


@pytest.mark.parametrize("wrong", [1, "", b"", ["run.db"]])
def test_a_journal_is_the_path_of_a_file(wrong):
    with pytest.raises(ConfigError, match="must be the path of a file"):
        engine(journal=wrong)


def test_settings_are_exact_texts():
    made = engine(
        cash={"BTC": Decimal("10.50"), "ETH": np.float64(0.1)},
        currency="BTC",
        account="margin",
        leverage="3",
        fee=Fees(maker=0.0002, taker=np.float32(0.1)),
        slippage_bps=2.5,
        latency=0.25,
        instruments={"ETH/BTC": Instrument(tick="0.00001", lot=1e-3)},
        num_threads=np.int64(2),
        workers=2,
        time_limit="1.5",
        memory_limit="2GiB",
        seed=7,
    )
    assert made._settings == {
        "currency": "BTC",
        "cash": {"BTC": "10.5", "ETH": "0.1"},
        "account": "margin",
        "leverage": "3",
        "maker_fee": "0.0002",
        "taker_fee": "0.1",
        "fill": "next_open",
        "slippage_bps": "2.5",
        "latency": 250_000_000,
        "instruments": {"ETH/BTC": {"tick": "0.00001", "lot": "0.001", "min_notional": None}},
        "risk": None,
        "num_threads": 2,
        "block": None,
        "on_error": "keep",
        "seed": 7,
        "workers": 2,
        "time_limit": 1_500_000_000,
        "memory_limit": 2 << 30,
        "risk_socket": None,
        "risk_timeout": None,
    }


@pytest.mark.parametrize("workers", [0, 2])
def test_a_time_limit_that_is_off_is_none_with_workers_or_without(workers):
    # TOML has no None, so that a file can only say "off".
    settings = [engine(workers=workers, time_limit=given)._settings for given in (None, "off")]
    assert settings[0] == settings[1] and settings[0]["time_limit"] is None
    assert engine(workers=workers, time_limit="auto")._settings == engine(workers=workers)._settings


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-9, max_value=1e18))
def test_a_float_means_its_shortest_decimal(value):
    text = decimal_text(value, "x")
    assert Decimal(text) == Decimal(repr(value))
    assert "e" not in text.lower()


BAD_TRADES = [
    (("ETHBTC", Nothing), {}, "'ETHBTC' is no market pair; write 'ETH/BTC'"),
    (("eth/btc", Nothing), {}, "'eth/btc' is no market pair; write 'ETH/BTC'"),
    (("ETH-BTC", Nothing), {}, "write 'ETH/BTC'"),
    (("ETH/BTC/X", Nothing), {}, "is no market pair"),
    ((5, Nothing), {}, "pairs=5 must be a pair, a list of pairs or a pattern"),
    (([], Nothing), {}, "pairs=[] is empty"),
    ((["ETH/BTC", 5], Nothing), {}, "5 is no market pair"),
    ((["ETH/BTC", "ETH/BTC"], Nothing), {}, "'ETH/BTC' is given twice"),
    (("ETH/USDT", Nothing), {}, "'ETH/USDT' is quoted in USDT, the account is counted in BTC"),
    (("*/USDT", Nothing), {}, "'*/USDT' is quoted in USDT"),
    (("ETH/BTC", "sma_cros"), {}, "strategy='sma_cros' is no built-in or installed strategy; did you mean 'sma_cross'"),
    (("ETH/BTC", len), {}, "is no strategy; derive a class from pairloom.Strategy"),
    (("ETH/BTC", int), {}, "class int is no strategy"),
    (("ETH/BTC", Strategy), {}, "Strategy does nothing: define generate_signal(self, ctx)"),
    (("ETH/BTC", Misspelt), {}, "Misspelt: on_fil() is no hook, did you mean on_fill()?"),
    (
        ("ETH/BTC", Silent),
        {},
        "; generate_signals() is no hook, did you mean generate_signal()?",
    ),
    (("ETH/BTC", Nothing), {"size": 0}, "size=0 must be more than 0"),
    (("ETH/BTC", Nothing), {"size": -1}, "size=-1 must be more than 0"),
    (("ETH/BTC", Nothing), {"size": math.nan}, "size=nan is not finite"),
    (("ETH/BTC", Nothing), {"size": [1]}, 'is not a number; give an int, a float, a Decimal or a text, as in "1.5"'),
    (("ETH/BTC", Nothing), {"size": {"quote": None}}, "size.quote=None is not a number; give an int, a float, "),
    (("ETH/BTC", Nothing), {"size": {"quotes": 1}}, "'quotes' is unknown; did you mean 'quote'"),
    (("ETH/BTC", Nothing), {"size": {"quote": 0}}, "size.quote=0 must be more than 0"),
    (("ETH/BTC", Nothing), {"size": {"quote": 1, "base": 1}}, "must have one key"),
    (("ETH/BTC", Nothing), {"size": {}}, "must have one key"),
    (("ETH/BTC", Nothing), {"name": ""}, "name='' must be a text"),
    (("ETH/BTC", Nothing), {"options": 5}, "options=5 must be a dict"),
    (("ETH/BTC", Nothing), {"options": {"fast": 1}, "fast": 2}, "fast given both in options"),
    (("ETH/BTC", Nothing), {"fsat": 2}, "no parameter 'fsat'; did you mean 'fast'"),
    (("ETH/BTC", "sma_cross"), {"fst": 2}, "sma_cross has no parameter 'fst'; did you mean 'fast'"),
    (("ETH/BTC", "sma_cross"), {"fast": 0}, "sma_cross.fast=0 must be from 1"),
    (("ETH/BTC", "sma_cross"), {"side": "short"}, "sma_cross.side='short' is unknown"),
    (("ETH/BTC", "rsi"), {"low": 80}, "they must rise"),
    (("ETH/BTC", "simple"), {"fast": 3}, "simple has no parameter 'fast'; it has none"),
]


@pytest.mark.parametrize(("arguments", "keywords", "message"), BAD_TRADES, ids=lambda value: str(value)[:40])
def test_a_wrong_trade_is_refused_at_once_and_leaves_nothing(arguments, keywords, message):
    made = engine()
    with pytest.raises(ConfigError) as caught:
        made.trade(*arguments, **keywords)
    assert message in str(caught.value)
    assert made._assignments == []


def test_a_wrong_parameter_is_a_type_error_too():
    with pytest.raises(TypeError):
        engine().trade("ETH/BTC", Nothing, fsat=3)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"events": "candles"}, "Odd.events: 'candles' is unknown; did you mean 'candle'"),
        ({"events": ()}, "names no events"),
        ({"window": -1}, "Odd.window=-1 must be from 0"),
        ({"window": "9"}, "Odd.window='9' is not a whole number"),
        ({"schedule": "1day"}, "Odd.schedule: '1day' is unknown"),
        ({"schedule": "7m"}, "'7m' is unknown"),
        ({"schedule": 5}, "Odd.schedule=5 is no schedule"),
        ({"schedule": "market_open"}, "the class has no session"),
        ({"session": "9-5"}, "Odd.session='9-5' is no session"),
    ],
)
def test_a_strategy_that_misdescribes_itself_is_refused(attributes, message):
    odd = type("Odd", (Nothing,), {"on_time": lambda self, ctx, event: None, **attributes})
    with pytest.raises(ConfigError) as caught:
        engine().trade("ETH/BTC", odd)
    assert message in str(caught.value)


def test_what_would_never_be_called_is_refused():
    def never(self, *what):
        return None

    for attributes, said in (
        ({"generate_signal": never, "schedule": "1h"}, r"schedule calls nothing: define on_time"),
        ({"generate_signal": never, "on_bar": never}, r"on_bar\(\) is no hook; generate_signal"),
        ({"next": never}, r"next\(\) is no hook"),
    ):
        with pytest.raises(ConfigError, match=said):
            Engine(cash={"USD": 1}).trade("A/USD", type("Silent", (Strategy,), attributes), size=1)


def test_on_time_alone_needs_a_schedule():
    timed = type("Timed", (Strategy,), {"on_time": lambda self, ctx, event: None})
    with pytest.raises(ConfigError, match=r"Timed\.on_time is never called"):
        engine().trade("ETH/BTC", timed)
    made = engine()
    made.trade("ETH/BTC", type("Daily", (timed,), {"schedule": "1d"}))
    assert described(made)[0]["hooks"] == ["on_time"]


def test_names_follow_the_call():
    made = engine()
    made.trade("ETH/BTC", Nothing)
    made.trade("ETH/BTC", Nothing, name="second")
    made.trade(["LTC/BTC"], Nothing, name="alone")
    made.trade(["ETH/BTC", "LTC/BTC"], "simple", name="pairwise")
    made.trade("*", "rsi")
    assert [(each["name"], each["label"], each["pair"]) for each in described(made)] == [
        ("Nothing ETH/BTC", "Nothing", "ETH/BTC"),
        ("second", "second", "ETH/BTC"),
        ("alone", "alone", "LTC/BTC"),
        ("pairwise ETH/BTC", "pairwise", "ETH/BTC"),
        ("pairwise LTC/BTC", "pairwise", "LTC/BTC"),
        ("rsi ETH/BTC", "rsi", "ETH/BTC"),
        ("rsi LTC/BTC", "rsi", "LTC/BTC"),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ETH/BTC", Nothing, None), ("ETH/BTC", Nothing, None)),
        (("*", Nothing, None), ("ETH/BTC", Nothing, None)),
        (("ETH/BTC", Nothing, None), ("*/BTC", Nothing, None)),
        (("ETH/BTC", Nothing, "x"), ("LTC/BTC", Nothing, "x")),
        (("ETH/BTC", Nothing, "x"), ("ETH/BTC", "simple", "x")),
    ],
)
def test_two_traders_of_one_name_are_refused(first, second):
    made = engine()
    made.trade(first[0], first[1], name=first[2])
    with pytest.raises(ConfigError, match="another name="):
        made.trade(second[0], second[1], name=second[2])
    assert len(made._assignments) == 1


def test_patterns_take_the_pairs_of_the_data_in_alphabetical_order():
    made = engine()
    made.trade("*/BTC", Nothing)
    available = ["XRP/BTC", "BTC/USDT", "ADA/BTC"]
    assert [each["pair"] for each in described(made, available)] == ["ADA/BTC", "XRP/BTC"]
    everything = engine()
    everything.trade("*", Nothing)
    with pytest.raises(ConfigError, match="'BTC/USDT' is quoted in USDT"):
        described(everything, available)


def test_a_pair_that_the_data_lack_is_a_data_error_with_the_nearest():
    made = engine()
    made.trade("ETHH/BTC", Nothing)
    with pytest.raises(DataError, match=r"no pair 'ETHH/BTC'; did you mean 'ETH/BTC'\?; they have ETH/BTC, LTC/BTC"):
        described(made)
    made = engine()
    made.trade("*/BTC", Nothing)
    with pytest.raises(DataError, match="no pair of the data matches"):
        described(made, ["A/USD"])


def test_what_the_core_is_told_of_a_strategy():
    class Busy(Nothing):
        events = "quote"
        window: int = 50
        schedule = ("1h", "1h")

        def on_time(self, ctx, event):
            return None

    made = engine()
    template = Busy(fast=3)
    made.trade("ETH/BTC", template, size={"quote": 1.5}, window=60)
    template.fast = 99
    (told,) = described(made, span=(HOUR // 2, 2 * HOUR))
    factory = told.pop("factory")
    # tests/flow/test_versions.py says what it is.
    assert len(told.pop("version")) == 16
    assert told == {
        "name": "Busy ETH/BTC",
        "label": "Busy",
        "pair": "ETH/BTC",
        "size": {"quote": "1.5"},
        "events": ["quote"],
        "window": 60,
        "schedule": [(HOUR, "1h"), (2 * HOUR, "1h")],
        "hooks": ["generate_signal", "on_time"],
    }
    one, two = factory(), factory()
    assert one is not two
    assert one.fast == 3, "a template changed after the call does not change the traders"


def test_builtins_are_told_by_name_with_all_parameters():
    made = engine()
    made.trade("ETH/BTC", "sma_cross", options={"fast": 5}, side="long")
    (told,) = described(made)
    assert told["builtin"] == "sma_cross"
    assert told["parameters"] == {"fast": 5, "slow": 30, "side": "long"}
    assert told["events"] is None
    assert "factory" not in told


def test_a_run_without_traders_or_with_a_short_seller_on_spot_is_refused_before_data_are_read():
    made = engine()
    with pytest.raises(ConfigError, match="the engine has no traders"):
        made.backtest("there is no such place")
    made.trade("ETH/BTC", "sma_cross")
    with pytest.raises(ConfigError, match="use side='long' or Engine\\(account='margin'\\)"):
        made.backtest("there is no such place")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"start": "tomorrow"}, "start='tomorrow' is no time"),
        ({"end": 5}, "end=5 is no time"),
        ({"start": "2024-02-01", "end": "2024-01-01"}, "is not before"),
        ({"start": "1500-01-01"}, "outside the years"),
        ({"candle_time": "middle"}, "candle_time='middle' is unknown"),
        ({"repair": "fill"}, "repair='fill' is unknown"),
        ({"progress": 5}, "progress=5 must be"),
    ],
)
def test_wrong_arguments_of_a_run_are_refused(keywords, message):
    made = engine()
    made.trade("ETH/BTC", Nothing)
    with pytest.raises(ConfigError) as caught:
        made.backtest("there is no such place", **keywords)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"speed": 0}, "speed=0 must be more than 0"),
        ({"speed": "fast"}, "speed='fast' is not a number; give \"max\" or a multiple of real time, as in speed=10"),
        ({"speed": [1]}, 'speed=[1] is not a number; give "max"'),
        ({"duration": -1}, "duration=-1 must be more than 0"),
    ],
)
def test_wrong_arguments_of_paper_are_refused(keywords, message):
    made = engine()
    made.trade("ETH/BTC", Nothing)
    with pytest.raises(ConfigError) as caught:
        made.paper("there is no such place", **keywords)
    assert message in str(caught.value)


def test_parameters_that_are_wrong_name_the_class():
    with pytest.raises(ParameterError, match="Nothing"):
        engine().trade("ETH/BTC", Nothing(), slow=3)


def test_an_engine_shows_its_account_and_traders():
    made = engine()
    assert "no traders yet" in repr(made)
    made.trade("ETH/BTC", Nothing(fast=2), size={"quote": 1})
    assert "10 BTC on a spot account" in repr(made)
    assert "ETH/BTC: Nothing(fast=2), size={'quote': '1'}" in repr(made)


def test_names_are_compared_without_comparing_each_with_each() -> None:
    """Ten thousand traders, asked for in one call, in two, and one by one; each with each would take minutes."""
    pairs = [f"A{number:05}/USD" for number in range(10_000)]
    engine = Engine(cash={"USD": 1_000})
    engine.trade(pairs, "rsi", size=1)
    engine.trade(pairs, "simple", size=1)
    for pair in pairs:
        engine.trade(pair, "heikin_ashi", size=1)
    with pytest.raises(ConfigError, match=r"rsi trades \*/USD already"):
        engine.trade("*/USD", "rsi", size=1)
    with pytest.raises(ConfigError, match=r"heikin_ashi trades A09999/USD already"):
        engine.trade("A09999/USD", "heikin_ashi", size=1)
    with pytest.raises(ConfigError, match=r"a trader is called 'rsi A00007/USD' already"):
        engine.trade("B/USD", "rsi", size=1, name="rsi A00007/USD")
    engine.trade("*/USD", "sma_cross", size=1, side="long")
    for pair in ("*/USD", "A00001/USD", "*"):
        with pytest.raises(ConfigError, match=rf"sma_cross trades {re.escape(pair)} already"):
            engine.trade(pair, "sma_cross", size=1, side="long")
