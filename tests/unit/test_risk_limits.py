"""`RiskLimits`: what they take, what they refuse at once, and how they look."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from decimal import Decimal

import jsonschema
import numpy as np
import pytest

from pairloom import ConfigError, Engine, RiskLimits, Session
from pairloom._risk_values import READERS
from pairloom.config import config_schema, make_plan
from pairloom.config.keys import LIMITS

HOUR = 3_600 * 10**9
DAY = 24 * HOUR


def core(**limits: object) -> dict[str, object]:
    """The account's limits as the core takes them."""
    return RiskLimits(**limits)._between(0, DAY)["account"]  # type: ignore[arg-type]


def test_numbers_are_exact_and_times_are_nanoseconds():
    assert core(
        max_order_quantity=0.1,
        max_order_notional={"ETH/BTC": Decimal("2.50"), "*": "7"},
        price_band=(np.float32(0.1), 2),
        max_order_rate=[10, 0.5],
        max_cancel_rate={"ETH/BTC": (1, timedelta(minutes=1))},
        max_data_age="1.5",
        halted=["ETH/BTC"],
        restricted=True,
        prevent_self_trade=True,
    ) == {
        "max_order_quantity": "0.1",
        "max_order_notional": {"ETH/BTC": "2.5", "*": "7"},
        "price_band": ("0.1", "2"),
        "max_order_rate": (10, 500_000_000),
        "max_cancel_rate": {"ETH/BTC": (1, 60 * 10**9)},
        "max_data_age": 1_500_000_000,
        "halted": ("ETH/BTC",),
        "restricted": True,
        "prevent_self_trade": True,
    }


def test_what_is_not_given_or_false_is_off():
    assert core(halted=[], reduce_only=False, refuse_crossed_quotes=False, max_position=None) == {}
    assert RiskLimits() == RiskLimits(restricted=False)


def test_a_session_becomes_the_hours_in_which_a_run_lies():
    hours = core(session=Session("09:00", "17:00", days="mon-sun"))["session"]
    assert (9 * HOUR, 17 * HOUR) in hours
    assert all(opened < closed for opened, closed in hours)
    round_the_clock = core(session={"*": Session("00:00", "00:00", days="mon-sun")})["session"]["*"]
    assert (0, DAY) in round_the_clock
    over_night = core(session=Session("22:00", "02:00", days="mon-sun"))["session"]
    assert (-2 * HOUR, 2 * HOUR) in over_night


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_position": -1}, "max_position=-1 must be 0 or more"),
        ({"max_position": float("nan")}, "max_position=nan is not finite"),
        ({"max_position": "many"}, "max_position='many' is not a number"),
        ({"max_position": {}}, "name '*' for all"),
        ({"max_position": {"ETHBTC": 1}}, "max_position: 'ETHBTC' is no market pair"),
        ({"max_position": {"ETH/BTC": True}}, "max_position['ETH/BTC']=True is not a number"),
        ({"max_order_notional": "0.0000000000000000001"}, "finer than 10^-18"),
        ({"price_collar": 0}, "price_collar=0 must be more than 0"),
        ({"price_collar": 10}, "price_collar=10 must be less than 10"),
        ({"price_band": 5}, "price_band=5 must be two numbers; write price_band=(low, high)"),
        ({"price_band": (2, 1)}, "the low price comes first"),
        ({"max_order_rate": 5}, "max_order_rate=5 must be two numbers; write max_order_rate=(10, 1)"),
        ({"max_order_rate": (0, 1)}, "max_order_rate[0]=0 must be from 1"),
        ({"max_order_rate": (1.5, 1)}, "max_order_rate[0]=1.5 is not a whole number"),
        ({"max_repeats": (3, 0)}, "max_repeats[1]=0 must be more than 0"),
        ({"max_repeats": (100_000, 1)}, "max_repeats[0]=100000 must be from 1 to 10000"),
        ({"max_drawdown": 1}, "max_drawdown=1 must be less than 1"),
        ({"prevent_self_trade": 1}, "prevent_self_trade=1 must be True or False"),
        ({"halted": 3}, "halted=3 must be True or a list of pairs"),
        ({"halted": ["ETH"]}, "halted: 'ETH' is no market pair"),
        ({"session": "09:00"}, "session='09:00' is no session"),
        ({"session": {}}, "session={} names no pair"),
        ({"session": {"open": "09:00", "zonee": "UTC"}}, "a session has close, days, holidays, open, zone, not"),
        ({"session": {"open": "09:00", "shut": "17:00"}}, "session"),
        ({"per_trader": 5}, "per_trader=5 must be a dict of names"),
        ({"per_trader": {"a": 5}}, "per_trader.a=5 are no limits"),
        (
            {"per_trader": {"a": {"max_postion": 5}}},
            "'max_postion' is no limit; did you mean 'max_position'?",
        ),
        (
            {"per_trader": {"a": RiskLimits(max_daily_loss=5)}},
            "a.max_daily_loss is a limit of the account alone",
        ),
        ({"per_trader": {"a": RiskLimits(per_trader={"b": RiskLimits()})}}, "per_trader.a has per_trader itself"),
    ],
)
def test_what_is_wrong_is_said_at_once(limits, said):
    with pytest.raises(ConfigError) as error:
        RiskLimits(**limits)
    assert said in str(error.value)


def test_positional_and_unknown_arguments_are_refused():
    with pytest.raises(TypeError):
        RiskLimits(5)  # type: ignore[misc]
    with pytest.raises(TypeError, match="max_size"):
        RiskLimits(max_size=5)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"risk=5 are no limits; write RiskLimits\(max_order_notional=1000\)"):
        Engine(cash={"BTC": 1}, risk=5)  # type: ignore[arg-type]


def test_limits_are_values():
    one = RiskLimits(max_position={"ETH/BTC": 5}, per_trader={"a": RiskLimits(max_repeats=(3, 1))})
    other = RiskLimits(max_position={"ETH/BTC": "5.0"}, per_trader={"a": RiskLimits(max_repeats=(3, 1.0))})
    assert one == other and hash(one) == hash(other) and one != RiskLimits()
    assert pickle.loads(pickle.dumps(one)) == one and copy.deepcopy(one) == one
    with pytest.raises(AttributeError, match="make new ones"):
        one.max_position = 6  # type: ignore[attr-defined]
    assert repr(one) == ("RiskLimits(max_position={'ETH/BTC': '5'}, per_trader={'a': RiskLimits(max_repeats=(3, 1))})")
    assert one._pairs() == ["ETH/BTC"]


def test_a_config_file_and_its_schema_have_every_limit(tmp_path):
    assert [key.name for key in LIMITS] == list(READERS)
    risk = {
        "max_order_quantity": {"ETH/BTC": 5, "*": "1.5"},
        "max_order_rate": [10, 1],
        "session": {"open": "09:30", "close": "16:00"},
        "halted": ["LTC/BTC"],
        "per_trader": {"rsi": {"max_position": 3, "price_band": [1, 2]}},
    }
    document = {
        "engine": {"cash": {"BTC": 1}},
        "risk": risk,
        "data": {"path": "candles"},
        "trader": [{"pairs": "ETH/BTC", "strategy": "rsi"}],
    }
    jsonschema.validate(document, config_schema())
    plan = make_plan(document, base=tmp_path, where="p.toml")
    assert plan.engine._settings["risk"] == RiskLimits(
        max_order_quantity={"ETH/BTC": 5, "*": 1.5},
        max_order_rate=(10, 1),
        session=Session("09:30", "16:00"),
        halted=["LTC/BTC"],
        per_trader={"rsi": RiskLimits(max_position=3, price_band=(1, 2))},
    )
    document["risk"] = {"max_positions": 3}
    with pytest.raises(ConfigError, match=r"\[risk\] key 'max_positions' is unknown; did you mean 'max_position'"):
        make_plan(document, base=tmp_path, where="p.toml")
    document["risk"] = {"max_position": -3}
    with pytest.raises(ConfigError, match=r"p\.toml: \[risk\] max_position=-3 must be 0 or more"):
        make_plan(document, base=tmp_path, where="p.toml")
