"""Times and durations as a person gives them, made into nanoseconds."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from pairloom.errors import ConfigError
from pairloom.numbers import decimal_text

__all__ = ["duration_ns", "moment_ns", "utc_text"]

MOST_DURATION_S = 10 * 366 * 86_400
EARLIEST_YEAR, LATEST_YEAR = 1678, 2262  # what int64 nanoseconds can say

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SHORT = re.compile(r"(\d{4})(?:-(\d{2}))?")
_FINE = re.compile(r"(.*\d\d:\d\d:\d\d\.)(\d+)(.*)")


def utc_text(ts: int) -> str:
    """Return a time in ns UTC as a person reads it, to the second."""
    return (_EPOCH + timedelta(microseconds=ts // 1_000)).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment_ns(key: str, value: object) -> int | None:
    """Return a point in time in ns UTC; ``None`` stays ``None``.

    Takes text in ISO 8601 (also ``"2024"`` and ``"2024-03"``), ``datetime``, ``date``,
    pandas and NumPy times; without a zone they mean UTC. Raises ``ConfigError``.
    """
    if value is None:
        return None
    try:
        moment, extra = _moment(value)
    except ValueError:
        way_out = f'write {key}="2024-01-31" or "2024-01-31T12:00:00Z"'
        if hasattr(value, "__index__") and not isinstance(value, bool):
            # A bare integer does not say its unit, and a wrong guess would be a run over other rows.
            ns = int(value)
            way_out += f'; if it counts nanoseconds, {key}=np.datetime64({ns}, "ns") or pd.Timestamp({ns})'
        raise ConfigError(f"{key}={value!r} is no time; {way_out}", code="config.time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    if not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
        raise ConfigError(
            f"{key}={value!r} lies outside the years {EARLIEST_YEAR} to {LATEST_YEAR - 1}", code="config.time"
        )
    gap = moment - _EPOCH
    return ((gap.days * 86_400 + gap.seconds) * 10**6 + gap.microseconds) * 1_000 + extra


def duration_ns(key: str, value: object) -> int | None:
    """Return a duration, given in seconds or as a ``timedelta``, in ns; ``None`` stays ``None``."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = Decimal(value // timedelta(microseconds=1)).scaleb(-6)
    text = decimal_text(value, key, above=0, below=MOST_DURATION_S)
    return max(1, int(Decimal(text) * 10**9))


def _moment(value: object) -> tuple[datetime, int]:
    """The time to the microsecond, and the nanoseconds beyond."""
    if isinstance(value, datetime):
        # pandas' Timestamp is a datetime that knows nanoseconds too.
        return value, int(getattr(value, "nanosecond", 0))
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc), 0
    if type(value).__module__ == "numpy" and type(value).__name__ in ("datetime64", "str_"):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(value)
    text = value.strip().replace("Z", "+00:00").replace("z", "+00:00")
    short = _SHORT.fullmatch(text)
    if short:
        return datetime(int(short[1]), int(short[2] or 1), 1, tzinfo=timezone.utc), 0
    extra = 0
    fine = _FINE.fullmatch(text)
    if fine:
        # Python 3.10 reads exactly three or six digits, and no version more than six.
        digits = fine[2][:9].ljust(9, "0")
        text, extra = f"{fine[1]}{digits[:6]}{fine[3]}", int(digits[6:])
    return datetime.fromisoformat(text), extra
