"""How long candles last, which decides when each is known."""

from __future__ import annotations

import datetime as dt
import numbers
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pairloom._data.fault import Place, listed, shown
from pairloom._data.lengths import Gaps
from pairloom._data.rows import iso
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.series import Series

_SECOND = 1_000_000_000
_UNITS = {
    "ms": 1_000_000,
    "s": _SECOND,
    "sec": _SECOND,
    "m": 60 * _SECOND,
    "min": 60 * _SECOND,
    "h": 3_600 * _SECOND,
    "d": 86_400 * _SECOND,
    "w": 7 * 86_400 * _SECOND,
}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_WAY_OUT = 'give interval="5m", "1h" or "1d", a timedelta, seconds, or a dict by pair'


def parse(value: Any) -> int:
    """An interval in nanoseconds."""
    nanos: float | None = None
    if isinstance(value, dt.timedelta):
        micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
        # pandas' Timedelta carries its nanoseconds apart.
        nanos = micros * 1_000 + int(getattr(value, "nanoseconds", 0))
    elif type(value).__name__ == "timedelta64":
        import numpy as np

        nanos = int(value.astype("timedelta64[ns]").astype(np.int64))
    elif isinstance(value, str):
        found = _TEXT.fullmatch(value.strip())
        # "M" is a month to exchanges, and months have no fixed length.
        unit = found.group(2) if found else ""
        factor = _UNITS.get(unit.lower()) if unit != "M" else None
        nanos = float(found.group(1)) * factor if found and factor else None
    elif not isinstance(value, bool) and isinstance(value, numbers.Real) and value == value:
        # NumPy's numbers among them, which would overflow.
        nanos = (int(value) if isinstance(value, numbers.Integral) else float(value)) * _SECOND
    if nanos is None or not 1 <= nanos < 2**62:
        months = " (months differ in length: give a close_time column)" if str(value) == "1M" else ""
        raise DataError(
            f"interval={value!r} is no length of time above zero{months}; {_WAY_OUT}",
            code="data.interval",
        )
    return round(nanos)


def written(nanoseconds: int) -> str:
    """An interval for people: ``5m``."""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        if nanoseconds % _UNITS[unit] == 0:
            return f"{nanoseconds // _UNITS[unit]}{unit}"
    return f"{nanoseconds}ns"


class Intervals:
    """The intervals of one run: as given, or found and then stated."""

    def __init__(self, given: Any) -> None:
        self._by_pair: dict[str, int] | None = None
        self._all: int | None = None
        if isinstance(given, Mapping):
            self._by_pair = {str(pair): parse(value) for pair, value in given.items()}
        elif given is not None:
            self._all = parse(given)
        self._found: dict[int, list[str]] = {}
        #: How many days or months of which pair are shorter than most.
        self._early: list[str] = []
        #: How many other candles overlap the next one.
        self._late: list[str] = []
        self._notes: list[str] = []

    def check_pairs(self, pairs: list[str]) -> None:
        """A dict by pair names pairs that there are."""
        known = set(pairs)
        for pair in self._by_pair or {}:
            if pair not in known:
                raise DataError(
                    f"interval names the pair {shown(pair)}, which the data lack; they have {listed(pairs)}",
                    code="data.interval",
                )

    def settle(self, series: Series, named: str | None, *, stamped_at_close: bool) -> None:
        """Sets when the candles of a series are known; ``named`` is the interval in a file's name."""
        if series.close_ts is not None:
            return
        place = Place(series.origin, series.pair, series.rows)
        gaps = Gaps(series.ts)
        gap = gaps.commonest
        given = self._all if self._by_pair is None else self._by_pair.get(series.pair)
        if given is not None and gap is not None and given > gap:
            raise place.error(
                "data.interval",
                f"interval {written(given)} is longer than the commonest gap between its candles, "
                f"{written(gap)}, so candles would overlap",
                way_out=f'give interval="{written(gap)}", or the candles that you mean',
            )
        interval = given if given is not None else self._infer(series.pair, gap, named, place)
        _refuse_longer(series, gaps, interval, place, inferred=given is None)
        series.interval = interval
        early = gaps.shorter_than(interval) if given is None else 0
        calendar = interval >= _UNITS["d"] and not gaps.shorter_than(-(-interval * 9 // 10))
        if early and not calendar:
            self._late.append(f"{early:,} of {series.pair}")
        if early and calendar:
            self._early.append(f"{early:,} of {series.pair}")
            _close_in_time(series, interval, stamped_at_close=stamped_at_close)
        elif stamped_at_close:
            series.ts = series.ts - interval

    def _infer(self, pair: str, gap: int | None, named: str | None, place: Place) -> int:
        # Only to a single candle does the name say what its rows do not.
        if gap is not None:
            self._found.setdefault(gap, []).append(pair)
            from_name = None if named is None or _is_month(named) else parse(named)
            if from_name is not None and from_name != gap:
                self._notes.append(
                    f"{pair}: the name of {place.origin} says {written(from_name)}, but the "
                    f"commonest gap between its candles is {written(gap)}, which is used"
                )
            return gap
        if named is not None and _is_month(named):
            raise place.error(
                "data.interval",
                f"the file's name says {named}, but months differ in length, and a single candle does not tell how "
                "long it lasts",
                way_out='give interval="31d", or a close_time column',
            )
        if named is not None:
            from_name = parse(named)
            self._notes.append(f"{pair}: interval {written(from_name)}, from the name of {place.origin}")
            return from_name
        raise place.error("data.interval", "a single candle does not tell how long it lasts", way_out=_WAY_OUT)

    @property
    def assumptions(self) -> list[str]:
        """What was found rather than given."""
        found = [
            f"interval {written(gap)}, the commonest gap between candles: {listed(sorted(pairs))}"
            for gap, pairs in sorted(self._found.items())
        ]
        if self._early:
            shorter = "days or months that are shorter than that are over when the next one opens"
            found.append(f"{shorter}: {listed(self._early)}")
        if self._late:
            overlap = "candles whose next one opens before that interval is over are known only then (give close_time)"
            found.append(f"{overlap}: {listed(self._late)}")
        return found + self._notes


def _is_month(named: str) -> bool:
    return named.endswith("M")


def _refuse_longer(series: Series, gaps: Gaps, interval: int, place: Place, *, inferred: bool) -> None:
    """Candles that last longer than is assumed would be known before they close, and show the strategy the future."""
    found = gaps.longer_run(interval)
    if found is None:
        return
    row, count, gap = found
    source = "is the commonest gap between its candles" if inferred else "was given"
    one = f'give interval="{written(gap)}" if all last as long'
    apart = f'give candles of each length apart, these with interval="{written(gap)}"'
    raise place.error(
        "data.interval",
        f"from {iso(int(series.ts[row]))} on {count + 1:,} candles stand {written(gap)} apart, but the interval "
        f"{written(interval)} {source}, so candles of {written(gap)} would be known before they close",
        row=row,
        way_out=f"{apart if inferred else one}, or a close_time column that says when each is over",
    )


def _close_in_time(series: Series, interval: int, *, stamped_at_close: bool) -> None:
    """Months and days of a change of the clock differ in length: a candle is over when the next one opens."""
    import numpy as np

    ts = series.ts
    if stamped_at_close:
        opens = ts - interval
        opens[1:] = np.maximum(opens[1:], ts[:-1])
        series.ts, series.close_ts = opens, ts
        return
    closes = ts + interval
    closes[:-1] = np.minimum(closes[:-1], ts[1:])
    series.close_ts = closes
