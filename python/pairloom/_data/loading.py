"""``load``: from what the user gave to checked series."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pairloom._data import folders, sources
from pairloom._data.fault import Place, listed
from pairloom._data.intervals import Intervals
from pairloom._data.kinds import Reading, read_series
from pairloom._data.markets import by_pair
from pairloom._data.names import Names, matches
from pairloom._data.rows import iso
from pairloom._data.series import Loaded, Series
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.sources import Source

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def load(
    data: Any,
    *,
    pairs: list[str],
    currency: str,
    interval: Any = None,
    candle_time: str = "open",
    repair: str | None = None,
) -> Loaded:
    """All rows of the traded pairs (``"ETH/BTC"``, ``"*/BTC"``, ``"*"``), checked.

    Tables whose key or file name tells a pair that nobody trades are not read.
    """
    reading = Reading(_one_of("candle_time", candle_time, ("open", "close")), _drops(repair))
    names = Names(pairs, currency)
    intervals = Intervals(interval)
    loaded = Loaded()
    named: dict[int, str | None] = {}
    available: set[str] = set()
    for source in sources.find(data, names):
        for series in _read(source, names, reading, available):
            named[id(series)] = source.interval
            loaded.series.append(series)
    loaded.available = sorted(available)
    _check_traded(names, loaded.available)
    _check_once(loaded.series)
    intervals.check_pairs(loaded.available)
    for series in loaded.series:
        if series.kind == "candle":
            closes = reading.candle_time == "close"
            intervals.settle(series, named[id(series)], stamped_at_close=closes)
        # Nothing after this names rows.
        series.rows = None
    order = ("candle", "quote", "trade")
    loaded.series.sort(key=lambda series: (series.pair, order.index(series.kind)))
    loaded.assumptions = [
        *names.assumptions,
        *_units(loaded.series),
        *intervals.assumptions,
        *_dropped(loaded.series),
    ]
    return loaded


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        choices = " or ".join(f'"{choice}"' for choice in allowed)
        raise DataError(f"{name}={value!r} is unknown; it is {choices}", code=f"data.{name}")
    return str(value)


def _drops(repair: Any) -> bool:
    if repair is None:
        return False
    return bool(_one_of("repair", repair, ("drop",)))


def _read(source: Source, names: Names, reading: Reading, available: set[str]) -> list[Series]:
    if source.pair is not None:
        available.add(source.pair)
        if not names.traded(source.pair):
            return []
    table = source.read(Place(source.origin))
    found = []
    for pair, part in by_pair(table, source, names):
        available.add(pair)
        if names.traded(pair):
            part.place = Place(part.place.origin, pair, part.place.rows)
            found.append(read_series(part, pair, source.kind, reading))
    return found


def _check_traded(names: Names, available: list[str]) -> None:
    known = set(available)
    for pattern in names.patterns:
        if pattern in known or ("*" in pattern and any(matches(pattern, pair) for pair in available)):
            continue
        near = difflib.get_close_matches(pattern, available, 3, 0.4) or available
        raise DataError(
            f"the data lack the pair {pattern}, which is traded; nearest there: {listed(near)}; "
            f"trade one of these, or add its data{_unread(names, pattern)}",
            code="data.unknown_pair",
        )


def _unread(names: Names, pattern: str) -> str:
    """What was left out of a folder and has the name of a pair."""
    # Names of its own, since what is assumed of these files is not assumed in the run.
    fresh = Names(names.patterns, names.currency)
    pairs = [(path, fresh.of_file(folders.stem(path), path.name)[0]) for path in names.left_out]
    found = [path for path, pair in pairs if pair is not None and matches(pattern, pair)]
    return f"; {folders.named(found)} was left out" if found else ""


def _check_once(all_series: list[Series]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for series in all_series:
        key = (series.pair, series.kind)
        if key in seen:
            raise DataError(
                f"both {seen[key]} and {series.origin} hold {series.kind}s of the pair "
                f"{series.pair}; join them, or leave one out",
                code="data.duplicate_pair",
            )
        seen[key] = series.origin


def _units(all_series: list[Series]) -> list[str]:
    """What the size of integer times was taken to mean: a mere count of rows passes for seconds of 1970."""
    lines = []
    for unit, word in _UNITS.items():
        of_unit = [series for series in all_series if series.unit == unit]
        if of_unit:
            first = of_unit[0]
            lines.append(
                f"times given as numbers are {word} since 1970, told by their size: {first.pair} begins at "
                f"{iso(int(first.ts[0]))}"
            )
    return lines


def _dropped(all_series: list[Series]) -> list[str]:
    lines = []
    for series in all_series:
        if not series.dropped:
            continue
        rows = series.dropped + len(series.ts)
        lines.append(
            f'{series.pair}: {series.dropped:,} of {rows:,} {series.kind}s in {series.origin} dropped (repair="drop")'
        )
        if series.first_dropped is not None:
            row, column, sentence = series.first_dropped
            lines.append(f"{series.pair}: the first row dropped is row {row}, column '{column}': {sentence}")
    return lines
