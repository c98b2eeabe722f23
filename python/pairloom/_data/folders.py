"""What a folder holds beside the files that are read: said, since a market left out is a market missed."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom._data.fault import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS = frozenset((".csv", ".tsv", ".txt", ".parquet", ".pq", ".feather", ".ftr", ".arrow", ".arrows", ".ipc"))
#: Text files that a folder of data may hold beside them; they are read where they are named.
READ = ENDINGS - {".txt"}
#: Compressed files, which may hold anything.
_PACKED = frozenset((".gz", ".zip", ".bz2", ".xz", ".zst", ".lz4"))
#: What is no data, whoever made it. Forms of data are many, and new ones are made, so all other files are said.
_NO_DATA = frozenset(
    [
        *(".md", ".rst", ".adoc", ".html", ".htm", ".css", ".pdf", ".doc", ".docx", ".odt", ".tex", ".bib"),
        *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".mp4"),
        *(".py", ".pyi", ".pyc", ".pyx", ".ipynb", ".rs", ".c", ".h", ".cpp", ".js", ".jl", ".r", ".sh", ".bat"),
        *(".toml", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".env", ".lock", ".log", ".pid", ".sock", ".so", ".whl"),
        *(".checksum", ".md5", ".sha1", ".sha256", ".sha512", ".asc", ".sig", ".crc", ".url", ".lnk"),
        *(".db-wal", ".db-shm", ".db-journal", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal"),
    ]
)
#: Names without an ending, and one that a system leaves in folders.
_NO_DATA_NAMES = frozenset(
    [
        *("readme", "license", "licence", "license-mit", "license-apache", "copying", "notice", "authors"),
        *("changelog", "changes", "citation", "contributing", "makefile", "dockerfile", "justfile"),
        *("md5sums", "sha1sums", "sha256sums", "sha512sums", "checksums", "thumbs.db"),
    ]
)
#: So much of a text tells whether it is a table.
_HEAD = 4_096
#: How SQLite's files begin, and where they name the program that they belong to.
_SQLITE = b"SQLite format 3\0"
_OWNER = slice(68, 71)
_OWN = b"PLJ"
_BOOKS = ".broker.db"
#: So many folders inside are looked into; a folder that holds more without a table is no folder of data.
_FOLDERS = 1_000


def is_read(entry: Path) -> bool:
    """Whether an entry of a folder is one of its tables."""
    return entry.suffix.lower() in READ and not entry.name.startswith(".") and entry.is_file()


def left_out(entries: list[Path]) -> list[Path]:
    """The entries of a folder that may hold data and are not read from there."""
    return [entry for entry in entries if not _is_hidden(entry.name) and _may_hold_data(entry)]


def stem(path: Path) -> str:
    """The part of a name that may tell a pair."""
    name = path.name
    while Path(name).suffix.lower() in _PACKED:
        name = Path(name).stem
    return Path(name).stem


def named(paths: list[Path]) -> str:
    """Such entries for a message, with what to do about them."""
    names = [f"{path.name}{'/' if path.is_dir() else ''}" for path in paths]
    return f"{listed(names)} (unpack files, make CSV, Parquet or Feather of them, and give folders and .txt apart)"


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _may_hold_data(entry: Path) -> bool:
    if entry.is_dir():
        return any(_is_unread(inside) for inside in _inside(entry) if inside.suffix.lower() != ".txt")
    return _is_table(entry) if entry.suffix.lower() == ".txt" else _is_unread(entry)


def _is_unread(entry: Path) -> bool:
    return not _is_no_data(entry.name) and not _is_own(entry)


def _inside(folder: Path) -> Iterator[Path]:
    """The files in a folder and its folders, without hidden ones."""
    for place, folders, names in islice(os.walk(folder), _FOLDERS):
        # The walk goes on with what is left of this list.
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from (Path(place, name) for name in names if not _is_hidden(name))


def _is_no_data(name: str) -> bool:
    while Path(name).suffix.lower() in _PACKED:
        name = Path(name).stem
    return Path(name).suffix.lower() in _NO_DATA or name.lower() in _NO_DATA_NAMES


def _is_own(entry: Path) -> bool:
    """Whether a file is a journal or a paper broker's books, which a run may keep beside its data."""
    head = _head(entry)
    return entry.name.endswith(_BOOKS) or (head.startswith(_SQLITE) and head[_OWNER] == _OWN)


def _is_table(entry: Path) -> bool:
    """Whether a text begins as a table does: with the names of columns that make candles, quotes or trades."""
    from pairloom._data import tables

    line = _head(entry).split(b"\n")[0].decode("utf-8-sig", "replace")
    known = {*tables.TIMES, *tables.NUMBERS, tables.CLOSE_TIME, *tables.PAIRS}
    for separator in (",", ";", "\t", "|"):
        words = [word.strip().strip('"').lower() for word in line.split(separator)]
        if len(words) > 2 and len(known & set(words)) > 1:
            return True
    return False


def _head(entry: Path) -> bytes:
    """The first bytes of a file, none where it cannot be read."""
    # A pipe would give nothing until somebody writes to it.
    if not entry.is_file():
        return b""
    try:
        with entry.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
