"""What there is to read: one source per table, before any of them is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pairloom._data import folders, tables
from pairloom._data.fault import Place, listed, shown
from pairloom._data.series import STANDARD, Kind
from pairloom.errors import DataError

if TYPE_CHECKING:
    from pairloom._data.names import Names
    from pairloom._data.tables import Table

_KINDS = {f"{kind}{plural}": kind for kind in STANDARD for plural in ("", "s")}


@dataclass(frozen=True)
class Source:
    """One table that can be read, and what is known of it before."""

    origin: str
    read: Callable[[Place], Table]
    #: The pair that a key or a file's name tells.
    pair: str | None = None
    kind: Kind | None = None
    #: The interval in a file's name.
    interval: str | None = None


def find(data: Any, names: Names) -> list[Source]:
    """All tables in what the user gave."""
    if isinstance(data, (str, PathLike)):
        return _of_path(data, names, None, None)
    if isinstance(data, Mapping):
        return _of_mapping(data, names, "data", None)
    return _of_object(data, names, "data", None, None)


def _of_object(data: Any, names: Names, origin: str, pair: str | None, kind: Kind | None) -> list[Source]:
    if isinstance(data, (str, PathLike)):
        return _of_path(data, names, pair, kind)
    if type(data).__module__.startswith("pandas"):
        from pairloom._data import frames

        split = frames.split_levels(data)
        if split is not None:
            return _of_tickers(split, names, origin, pair, kind)
    return [Source(origin, lambda place: tables.from_any(data, place), pair, kind)]


def _of_tickers(split: dict[str, Any], names: Names, origin: str, pair: str | None, kind: Kind | None) -> list[Source]:
    """yfinance's frames, whose tickers name their pairs as a column of symbols would."""
    if pair is not None:
        _check_key(list(split), names, origin, pair)
        return [Source(origin, _reader(frame), pair, kind) for frame in split.values()]
    return [
        Source(
            origin if len(split) == 1 else f"{origin}[{ticker!r}]",
            _reader(frame),
            _pair_of(ticker, names, origin),
            kind,
        )
        for ticker, frame in split.items()
    ]


def _check_key(tickers: list[str], names: Names, origin: str, pair: str) -> None:
    """A key is the pair of one ticker, and not of another one."""
    if len(tickers) > 1:
        raise DataError(
            f"{origin} holds {len(tickers)} tickers, {listed(tickers)}, but its key says {pair}; give each "
            "ticker its own key, or the frame without a key",
            code="data.pair_name",
        )
    said = names.of_key(tickers[0])
    if said is not None and said != pair:
        raise DataError(
            f"{origin}: its name says {pair}, but its ticker {tickers[0]!r} says {said}; give it the key "
            f"{said!r}, or the frame without tickers: frame.columns = frame.columns.get_level_values(0)",
            code="data.pair_name",
        )


def _reader(data: Any) -> Callable[[Place], Table]:
    return lambda place: tables.from_any(data, place)


def _of_mapping(data: Mapping[Any, Any], names: Names, origin: str, pair: str | None) -> list[Source]:
    """A dict of columns, of kinds, or of pairs: its keys tell."""
    if not data:
        raise DataError(f"{origin} is an empty dict; give at least one table", code="data.empty")
    words = {str(key).strip().lower() for key in data}
    if words <= set(_KINDS):
        return [
            source
            for key, table in data.items()
            for source in _of_object(
                table,
                names,
                f"{origin}[{key!r}]",
                pair,
                cast("Kind", _KINDS[str(key).strip().lower()]),
            )
        ]
    known = {*tables.TIMES, *tables.NUMBERS, tables.CLOSE_TIME, *tables.PAIRS}
    if pair is not None or words & known:
        strange = [key for key in data if isinstance(data[key], Mapping)]
        if strange:
            raise DataError(
                f"{origin} has the key {strange[0]!r}, which is no kind of rows; the kinds are candle, quote and trade",
                code="data.kind",
            )
        return [Source(origin, lambda place: tables.from_mapping(data, place), pair, None)]
    sources = []
    for key, value in data.items():
        at = f"{origin}[{key!r}]"
        of = _pair_of(key, names, origin)
        if isinstance(value, Mapping):
            sources += _of_mapping(value, names, at, of)
        else:
            sources += _of_object(value, names, at, of, None)
    return sources


def _pair_of(key: Any, names: Names, origin: str) -> str:
    pair = names.of_key(key) if isinstance(key, str) else None
    if pair is None:
        raise DataError(
            f"{origin} has the key {shown(key)}, which is neither a column nor a pair; columns "
            "are ts, open, high, low, close, ..., pairs are written 'ETH/BTC'",
            code="data.pair_name",
        )
    return pair


def _of_path(data: str | PathLike[str], names: Names, pair: str | None, kind: Kind | None) -> list[Source]:
    if not str(data).strip():
        # An empty text is a variable that was not set, hardly ever the folder that one is in.
        raise DataError(f"the path {data!r} names no file or folder; give its full name", code="data.not_found")
    path = Path(data)
    if path.is_dir():
        return _of_folder(path, names, pair, kind)
    if not path.exists():
        raise DataError(_not_found(path), code="data.not_found")
    return [_of_file(path, names, pair, kind)]


def _not_found(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"{path}: there is no folder {parent}; check the path"
    beside = sorted(entry.name for entry in parent.iterdir())
    near = difflib.get_close_matches(path.name, beside, 3) or [
        name for name in beside if Path(name).suffix in folders.ENDINGS
    ]
    there = f"beside it there is {listed(near)}" if near else "its folder holds no data file either"
    return f"{path}: there is no such file or folder; {there}; check the path"


def _of_folder(path: Path, names: Names, pair: str | None, kind: Kind | None) -> list[Source]:
    entries = sorted(path.iterdir())
    files = [entry for entry in entries if folders.is_read(entry)]
    others = folders.left_out(sorted(set(entries).difference(files)))
    if not files:
        inside = [entry.name for entry in entries if entry.is_dir()]
        unread = [entry for entry in others if not entry.is_dir()]
        more = f"; it has the folders {listed(inside)}: give one of them" if inside else ""
        more += f"; it has {folders.named(unread)}" if unread else ""
        raise DataError(f"{path}: the folder has no CSV, Parquet or Feather files{more}", code="data.empty")
    if others:
        names.left_out += others
        names.assumptions.append(f"left out of {path}: {folders.named(others)}")
    return [_of_file(file, names, pair, kind) for file in files]


def _of_file(path: Path, names: Names, pair: str | None, kind: Kind | None) -> Source:
    told, interval = names.of_file(path.stem, path.name)
    return Source(str(path), lambda place: tables.from_file(str(path), place), pair or told, kind, interval)
