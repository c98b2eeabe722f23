"""When ``on_time`` runs: a strategy's ``schedule``, made into times.

A schedule is one of these, or a tuple of several:

====================== ====================================================================
``"15m"``, ``"4h"``    every so many minutes or hours that divide a day, from midnight UTC
``"1d"``, ``"midnight"``  every midnight
``"1w"``               Monday's midnight
``"1mo"``, ``"3mo"``   the first of a month, every so many months from January (1, 2, 3, 4, 6, 12)
``"market_open"``      the opening of each session (needs a ``session``)
``"market_close"``     the close of each session (needs a ``session``)
====================== ====================================================================

Midnight is UTC's, or that of the session's zone where the strategy has a ``session``;
minutes and hours always count from midnight UTC, so that a change to summer time
neither skips nor doubles one. A time that a change to summer time skips happens at the
same distance after the change.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

from pairloom._words import listing, nearest
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

__all__ = ["Session", "expand", "normalized"]

NAMES = ("midnight", "market_open", "market_close")
EXAMPLES = ("15m", "1h", "4h", "1d", "1w", "1mo", *NAMES)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_EVENTS = 20_000_000

_STEP = re.compile(r"([1-9][0-9]{0,3})(m|h|d|w|mo)")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d(\.\d{6})?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MINUTE_NS = 60 * 10**9
_DAY_MINUTES = 24 * 60


class Session:
    """The opening hours of a market, in its own zone.

    ``open`` and ``close`` are ``"HH:MM"`` wall-clock times (a close at or before the open
    is the next day's), ``zone`` an IANA name, ``days`` such as ``"mon-fri"`` or
    ``"mon,wed,fri"``, ``holidays`` dates (``date`` or ``"YYYY-MM-DD"``) without a session.
    Raises ``ConfigError``.
    """

    __slots__ = ("close", "days", "holidays", "open", "zone")

    def __init__(
        self,
        open: str = "09:30",
        close: str = "16:00",
        zone: str = "UTC",
        days: str = "mon-fri",
        holidays: Iterable[date | str] = (),
    ) -> None:
        """Make and check the session."""
        self.open = _wall_time("open", open)
        self.close = _wall_time("close", close)
        self.zone = zone
        self.days = _weekdays(days)
        self.holidays = frozenset(_holiday(day) for day in holidays)
        self.tzinfo()

    def tzinfo(self) -> tzinfo:
        """Return the zone itself."""
        return _zone(self.zone)

    def hours(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield opening and close, ns UTC, of each session from about ``first`` to about ``last``, also ns UTC.

        One that a change to summer time leaves nothing of, since it opens in the hour that is skipped, is none.
        """
        zone = self.tzinfo()
        over_night = timedelta(days=self.close <= self.open)
        for day in _days(first, last):
            if day.weekday() in self.days and day not in self.holidays:
                opens = _nanoseconds(datetime.combine(day, self.open, zone))
                closes = _nanoseconds(datetime.combine(day + over_night, self.close, zone))
                if opens < closes:
                    yield opens, closes

    def _key(self) -> tuple[object, ...]:
        return (self.open, self.close, self.zone, self.days, self.holidays)

    def __eq__(self, other: object) -> bool:
        """Sessions are equal when all their settings are."""
        return self._key() == other._key() if isinstance(other, Session) else NotImplemented

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self._key())

    def __repr__(self) -> str:
        """The session as one would write it: a journal knows by it whether two are the same."""
        days = ",".join(DAYS[day] for day in sorted(self.days))
        shut = [day.isoformat() for day in sorted(self.holidays)]
        holidays = f", holidays={shut}" if shut else ""
        return (
            f"Session(open={_shown(self.open)!r}, close={_shown(self.close)!r}, zone={self.zone!r}, "
            f"days={days!r}{holidays})"
        )


def normalized(schedule: object, session: object, owner: str) -> tuple[str, ...]:
    """Check a strategy's schedule and return it as a tuple without repeats.

    ``owner`` is the strategy's name for messages. Raises ``ConfigError``.
    """
    if session is not None and not isinstance(session, Session):
        raise ConfigError(
            f"{owner}.session={session!r} is no session; write "
            'session = Session(open="09:30", close="16:00", zone="America/New_York")',
            code="strategy.session",
        )
    if schedule is None:
        return ()
    names = (schedule,) if isinstance(schedule, str) else schedule
    if not isinstance(names, tuple | list):
        raise ConfigError(
            f'{owner}.schedule={schedule!r} is no schedule; write schedule = "1d" or a tuple of such',
            code="strategy.schedule",
        )
    for name in names:
        if not _is_known(name):
            raise ConfigError(
                f"{owner}.schedule: {name!r} is unknown{nearest(name, EXAMPLES)}; "
                f"there are {listing(EXAMPLES, most=20)}",
                code="strategy.schedule",
            )
        if name.startswith("market_") and session is None:
            raise ConfigError(
                f"{owner}.schedule has {name!r} but the class has no session; add "
                'session = Session(open="09:30", close="16:00", zone="America/New_York")',
                code="strategy.session",
            )
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=64)  # ten thousand traders of one class share one list
def expand(names: tuple[str, ...], session: Session | None, first: int, last: int) -> list[tuple[int, str]]:
    """Return the schedule's ``(ns UTC, name)`` from ``first`` to ``last``, both included, by time.

    At one time they stand in the order of the schedule. The list is shared: do not change it.
    Raises ``ConfigError`` when there would be more than `MOST_EVENTS`.
    """
    found: list[tuple[int, int, str]] = []
    for rank, name in enumerate(names):
        step = _intraday_minutes(name)
        if step is not None and (last - first) // (step * _MINUTE_NS) > MOST_EVENTS:
            raise ConfigError(
                f"schedule={name!r} gives more than {MOST_EVENTS:,} events in these data; use a longer step",
                code="strategy.schedule",
            )
        times = _intraday(step, first, last) if step else _by_day(name, session, first, last)
        found.extend((ts, rank, name) for ts in times if first <= ts <= last)
    return [(ts, name) for ts, _, name in sorted(found)]


def _is_known(name: object) -> bool:
    if not isinstance(name, str):
        return False
    if name in NAMES:
        return True
    match = _STEP.fullmatch(name)
    if match is None:
        return False
    count, unit = int(match[1]), match[2]
    if unit in "mh":
        minutes = count * (60 if unit == "h" else 1)
        return _DAY_MINUTES % minutes == 0
    return count == 1 or (unit == "mo" and count <= 12 and 12 % count == 0)


def _intraday_minutes(name: str) -> int | None:
    match = _STEP.fullmatch(name)
    if match is None or match[2] not in ("m", "h"):
        return None
    return int(match[1]) * (60 if match[2] == "h" else 1)


def _intraday(minutes: int, first: int, last: int) -> Iterable[int]:
    # A step that divides the day counts from every midnight UTC when it counts from 1970's.
    step = minutes * _MINUTE_NS
    return range(-(-first // step) * step, last + 1, step)


def _by_day(name: str, session: Session | None, first: int, last: int) -> Iterator[int]:
    if name.startswith("market_"):
        both = session.hours(first, last) if session else ()
        yield from (hours[name == "market_close"] for hours in both)
        return
    zone = session.tzinfo() if session else timezone.utc
    for day in _days(first, last):
        if _is_midnight_of(name, day):
            yield _nanoseconds(datetime.combine(day, time(), zone))


def _days(first: int, last: int) -> Iterator[date]:
    # A local day may begin up to a day before or after UTC's, and a session may end on the next one.
    day = _date_of(first) - timedelta(days=2)
    end = _date_of(last) + timedelta(days=2)
    while day <= end:
        yield day
        day += timedelta(days=1)


def _is_midnight_of(name: str, day: date) -> bool:
    if name == "1w":
        return day.weekday() == 0
    return not name.endswith("mo") or (day.day == 1 and (day.month - 1) % int(name[:-2]) == 0)


def _date_of(ns: int) -> date:
    return (_EPOCH + timedelta(days=ns // (_DAY_MINUTES * _MINUTE_NS))).date()


def _nanoseconds(moment: datetime) -> int:
    gap = moment - _EPOCH
    return ((gap.days * 86_400 + gap.seconds) * 10**6 + gap.microseconds) * 1_000


def _shown(wall: time) -> str:
    return wall.isoformat("minutes" if wall == wall.replace(second=0, microsecond=0) else "auto")


def _wall_time(key: str, text: object) -> time:
    if isinstance(text, time):
        return text.replace(tzinfo=None)
    known = _CLOCK.fullmatch(str(text))
    try:
        if known is not None:
            return time.fromisoformat(known[0])
        raise ValueError
    except ValueError:
        raise ConfigError(
            f'session.{key}={text!r} is no time of day; write {key}="09:30"', code="strategy.session"
        ) from None


def _weekdays(text: object) -> frozenset[int]:
    found: set[int] = set()
    for part in str(text).lower().split(","):
        ends = [end.strip()[:3] for end in part.split("-")]
        if len(ends) > 2 or any(end not in DAYS for end in ends):
            raise ConfigError(
                f'session.days={text!r} is not understood; write days="mon-fri" or "mon,wed,fri"',
                code="strategy.session",
            )
        low, high = DAYS.index(ends[0]), DAYS.index(ends[-1])
        found.update(day % 7 for day in range(low, high + 1 + 7 * (high < low)))
    return frozenset(found)


def _holiday(day: date | str) -> date:
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(str(day))
    except ValueError:
        raise ConfigError(
            f'session.holidays: {day!r} is no date; write "2024-12-25"', code="strategy.session"
        ) from None


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    # Only a session with a zone of its own needs the zone database.
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        raise ConfigError(
            f'session.zone={name!r} is no known time zone; write an IANA name such as "America/New_York"',
            code="strategy.session",
        ) from None
