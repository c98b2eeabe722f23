"""Numbers, times and text from elsewhere, made fit to be read."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

MISSING = "n/a"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def money(amount: float | Decimal) -> str:
    """An amount with as many digits as help: cents of large sums, eight significant digits of small ones."""
    value = float(amount)
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value)
    if size >= 1e15:
        return f"{value:.6g}"
    if size >= 1000:
        return f"{value:,.2f}"
    if size >= 1:
        return _trimmed(f"{value:.6f}")
    return f"{value:.8g}" if size < 1e-4 else _trimmed(f"{value:.8f}")


def fraction(value: float) -> str:
    """A fraction as a percentage with two digits, since that is what people read."""
    return f"{_two_digits(value * 100)}%" if math.isfinite(value) else _not_finite(value)


def ratio(value: float) -> str:
    """A ratio with two digits."""
    return _two_digits(value) if math.isfinite(value) else _not_finite(value)


def days(value: float) -> str:
    """A duration given in days, in the unit that fits it."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value >= 1 or value == 0:
        return f"{value:,.1f} days"
    return f"{value * 24:.1f} hours" if value * 24 >= 1 else f"{value * 1440:.1f} minutes"


def count(value: float) -> str:
    """A whole number with thousands separated."""
    return f"{int(value):,}" if math.isfinite(value) else _not_finite(value)


def counted(number: int, noun: str) -> str:
    """A count with its noun: "1 order", "1,204 orders"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seconds(value: float) -> str:
    """A wall-clock duration with three significant digits."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def rate(value: float) -> str:
    """Events a second, in thousands or millions where that is shorter."""
    if not math.isfinite(value):
        return _not_finite(value)
    for size, name in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:,.1f} {name}"
    return f"{value:,.0f}"


def instant(ts: int) -> str:
    """UTC nanoseconds as date and time, with no more digits than they have."""
    whole, rest = divmod(ts, 1_000_000_000)
    moment = _EPOCH + timedelta(seconds=whole)
    text = moment.strftime("%H:%M:%S")
    if rest:
        text += f".{rest:09d}".rstrip("0")
    elif moment.second == 0:
        text = text[:-3]
    return f"{moment:%Y-%m-%d} {text} UTC"


def statistic(unit: str, value: float) -> str:
    """A statistic by the unit that `pairloom.stats.DESCRIPTIONS` gives it."""
    write = {"fraction": fraction, "ratio": ratio, "money": money, "days": days, "count": count}
    return write[unit](value)


def clean(text: str, limit: int = 200) -> str:
    """Text of others on one line of at most `limit` characters, with nothing in it that steers a terminal.

    Names, reasons and error messages come from users and files: a line feed would break the table, and an
    escape sequence could rewrite what stands above it.
    """
    shown = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def described(error: BaseException, limit: int = 200) -> str:
    """An exception as "ValueError: message", whatever its own `__str__` does."""
    # The class may hide its name behind a metaclass of its own; `type` itself knows it.
    kind = type.__dict__["__name__"].__get__(type(error))
    try:
        message = clean(str(error), limit)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # a strategy's error class may raise anything, SystemExit too
        message = f"(its text is not available: {type(fault).__name__})"
    return f"{kind}: {message}" if message else kind


def _two_digits(value: float) -> str:
    # Past a billion the digits say nothing, and a ratio of two tiny numbers may have three hundred of them.
    if abs(value) >= 1e9:
        return f"{value:.3g}"
    text = f"{value:,.2f}"
    return "0.00" if text == "-0.00" else text


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _not_finite(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value}"
