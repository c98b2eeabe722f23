"""Times: those a person gives, and those that a schedule and a session make."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from pairloom import ConfigError, Session
from pairloom._times import duration_ns, moment_ns
from pairloom.schedule import expand, normalized

SECOND = 10**9
HOUR = 3600 * SECOND
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("2024-01-01", NOON - 12 * HOUR),
        ("2024", NOON - 12 * HOUR),
        ("2024-01", NOON - 12 * HOUR),
        ("2024-01-01T12:00:00Z", NOON),
        ("2024-01-01 12:00", NOON),
        ("2024-01-01T14:00:00+02:00", NOON),
        ("2024-01-01T12:00:00.123456789Z", NOON + 123_456_789),
        ("2024-01-01T12:00:00.5", NOON + 500_000_000),
        (date(2024, 1, 1), NOON - 12 * HOUR),
        (datetime(2024, 1, 1, 12), NOON),
        (datetime(2024, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        (pd.Timestamp("2024-01-01T12:00:00.000000001"), NOON + 1),
        (np.datetime64("2024-01-01T12:00:00"), NOON),
    ],
)
def test_times_in_every_form(value, expected):
    assert moment_ns("start", value) == expected


def test_durations_are_seconds():
    assert duration_ns("duration", 1.5) == 1_500_000_000
    assert duration_ns("duration", timedelta(milliseconds=20)) == 20_000_000


def ns(text):
    return moment_ns("t", text)


def test_midnight_follows_the_session_zone_through_summer_time():
    session = Session(zone="America/New_York")
    names = normalized("midnight", session, "S")
    times = [ts for ts, _ in expand(names, session, ns("2024-03-09T12:00Z"), ns("2024-03-12T12:00Z"))]
    assert times == [ns("2024-03-10T05:00Z"), ns("2024-03-11T04:00Z"), ns("2024-03-12T04:00Z")]


def test_sessions_open_and_close_on_their_days_alone():
    session = Session(open="09:30", close="16:00", zone="America/New_York", holidays=["2024-07-04"])
    names = normalized(("market_open", "market_close"), session, "S")
    # Thursday the 4th is a holiday, 6 and 7 are the week-end.
    found = expand(names, session, ns("2024-07-03T13:30Z"), ns("2024-07-08T20:00Z"))
    assert found == [
        (ns("2024-07-03T13:30Z"), "market_open"),
        (ns("2024-07-03T20:00Z"), "market_close"),
        (ns("2024-07-05T13:30Z"), "market_open"),
        (ns("2024-07-05T20:00Z"), "market_close"),
        (ns("2024-07-08T13:30Z"), "market_open"),
        (ns("2024-07-08T20:00Z"), "market_close"),
    ]


def test_a_session_over_night_closes_on_the_next_day():
    session = Session(open="18:00", close="17:00", zone="UTC", days="sun-thu")
    found = expand(("market_close",), session, ns("2024-07-07"), ns("2024-07-09"))
    assert found == [(ns("2024-07-08T17:00Z"), "market_close")]


def test_steps_weeks_and_months():
    year = (ns("2024-01-01"), ns("2024-12-31"))
    assert len(expand(("1mo",), None, *year)) == 12
    assert [ts for ts, _ in expand(("3mo",), None, *year)] == [ns(f"2024-{month:02}-01") for month in (1, 4, 7, 10)]
    assert expand(("1w",), None, ns("2024-01-02"), ns("2024-01-09")) == [(ns("2024-01-08"), "1w")]
    assert len(expand(("15m",), None, ns("2024-01-01T00:01Z"), ns("2024-01-01T01:00Z"))) == 4


def test_events_of_one_time_stand_in_the_order_of_the_schedule():
    names = normalized(["midnight", "1d", "1h"], None, "S")
    assert [name for _, name in expand(names, None, ns("2024-01-02"), ns("2024-01-02"))] == ["midnight", "1d", "1h"]


def test_a_schedule_too_fine_for_the_data_is_refused():
    with pytest.raises(ConfigError, match="use a longer step"):
        expand(("1m",), None, 0, ns("2024-01-01"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"open": "09:30:61"}, "session.open='09:30:61' is no time of day"),
        ({"open": "9.30"}, "session.open='9.30' is no time of day"),
        ({"zone": "Mars/Base"}, "session.zone='Mars/Base' is no known time zone"),
        ({"days": "mo-xx"}, "session.days='mo-xx' is not understood"),
        ({"holidays": ["soon"]}, "session.holidays: 'soon' is no date"),
    ],
)
def test_a_wrong_session_is_refused(keywords, message):
    with pytest.raises(ConfigError) as caught:
        Session(**keywords)
    assert message in str(caught.value)


def test_a_session_that_summer_time_skips_leaves_the_others_their_hours():
    session = Session(open="02:30", close="03:00", zone="America/New_York", days="mon-sun")
    found = list(session.hours(ns("2024-03-09T12:00Z"), ns("2024-03-12T12:00Z")))
    assert (ns("2024-03-09T07:30Z"), ns("2024-03-09T08:00Z")) in found
    assert (ns("2024-03-11T06:30Z"), ns("2024-03-11T07:00Z")) in found
    assert all(closes - opens == 30 * 60 * 10**9 for opens, closes in found)
    assert not [opens for opens, _ in found if ns("2024-03-10") <= opens < ns("2024-03-11")]
    # A strategy hears of no opening on that day either.
    told = expand(("market_open", "market_close"), session, ns("2024-03-10"), ns("2024-03-11"))
    assert told == []


def test_sessions_are_written_as_one_would_write_them():
    different = [
        Session(),
        Session(holidays=["2024-01-08"]),
        Session(holidays=["2024-01-09"]),
        Session(open=time(9, 30, 40)),
    ]
    assert len({repr(session) for session in different}) == len(different)
    for session in different:
        assert eval(repr(session)) == session
