"""What a folder holds beside the files that are read: said, since a market left out is a market missed."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from pairloom._data.fault import listed

ENDINGS = frozenset((".csv", ".tsv", ".txt", ".parquet", ".pq", ".feather", ".ftr", ".arrow", ".ipc"))
#: Text files that a folder of data may hold beside them; they are read where they are named.
READ = ENDINGS - {".txt"}
#: Forms of data that are not read, and of compressed files.
_OTHERS = frozenset((".jsonl", ".ndjson", ".json", ".xls", ".xlsx", ".h5", ".hdf5", ".pkl", ".pickle", ".orc", ".avro"))
_PACKED = frozenset((".gz", ".zip", ".bz2", ".xz", ".zst", ".lz4"))
#: So much of a text tells whether it is a table.
_HEAD = 4_096
#: So many folders inside are looked into; a folder that holds more without a table is no folder of data.
_FOLDERS = 1_000


def is_read(entry: Path) -> bool:
    """Whether an entry of a folder is one of its tables."""
    return entry.suffix.lower() in READ and not entry.name.startswith(".") and entry.is_file()


def left_out(entries: list[Path]) -> list[Path]:
    """The entries of a folder that hold data in a form that is not read from there."""
    return [entry for entry in entries if not entry.name.startswith((".", "_")) and _holds_data(entry)]


def stem(path: Path) -> str:
    """The part of a name that may tell a pair."""
    name = path.name
    while Path(name).suffix.lower() in (*ENDINGS, *_OTHERS, *_PACKED):
        name = Path(name).stem
    return name


def named(paths: list[Path]) -> str:
    """Such entries for a message, with what to do about them."""
    names = [f"{path.name}{'/' if path.is_dir() else ''}" for path in paths]
    return f"{listed(names)} (unpack files, make CSV, Parquet or Feather of them, and give folders and .txt apart)"


def _holds_data(entry: Path) -> bool:
    if entry.is_dir():
        walk = islice(os.walk(entry), _FOLDERS)
        return any(Path(name).suffix.lower() in READ for _, _, names in walk for name in names)
    ending = entry.suffix.lower()
    if ending in _PACKED:
        return Path(entry.stem).suffix.lower() in (*ENDINGS, *_OTHERS) or ending == ".zip"
    return ending in _OTHERS or (ending == ".txt" and _is_table(entry))


def _is_table(entry: Path) -> bool:
    """Whether a text begins as a table does: with the names of columns that make candles, quotes or trades."""
    from pairloom._data import tables

    try:
        with entry.open("rb") as file:
            line = file.read(_HEAD).split(b"\n")[0].decode("utf-8-sig", "replace")
    except OSError:
        return False
    known = {*tables.TIMES, *tables.NUMBERS, tables.CLOSE_TIME, *tables.PAIRS}
    for separator in (",", ";", "\t", "|"):
        words = [word.strip().strip('"').lower() for word in line.split(separator)]
        if len(words) > 2 and len(known & set(words)) > 1:
            return True
    return False
