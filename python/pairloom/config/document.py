"""Reading a config file, and changing single values of it from the command line."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from pairloom._words import listing, nearest
from pairloom.config.keys import SECTIONS, Section
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["apply_change", "check_document", "check_section", "read_document", "set_value"]

MOST_BYTES = 16 * 2**20


def read_document(path: Path) -> dict[str, Any]:
    """Return what the file says, unchecked; raises ``ConfigError`` naming file and line."""
    try:
        # A config is small; what is larger is another file given by mistake.
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: too large for a config file", code="config.file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file", code="config.file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder; name the config file in it", code="config.file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text at byte {error.start}", code="config.file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", code="config.file") from None
    try:
        return _parse(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) or "too deeply nested"
        raise ConfigError(f"{path}: not valid TOML: {reason}", code="config.toml") from None


def apply_change(document: dict[str, Any], change: str) -> None:
    """Apply one ``KEY=VALUE``, such as ``engine.fee=0.002``, in place.

    Keys are dotted as in TOML (``engine.instruments."ETH/BTC".tick``); traders are counted
    from 0 (``trader.0.options.fast=5``). Values are TOML; a bare word is a text.
    """
    left, right = _split(change)
    set_value(document, _key_steps(left, change), _toml_value(right, change), f"--set {change}")


def set_value(document: dict[str, Any], steps: list[str], value: Any, shown: str) -> None:
    """Set the value at a path of keys, making tables on the way; ``shown`` is for messages."""
    place: Any = document
    for depth, step in enumerate(steps[:-1]):
        place = _descend(place, step, ".".join(steps[: depth + 1]), shown)
    if isinstance(place, list):
        _check_index(place, steps[-1], ".".join(steps), shown)
        place[int(steps[-1])] = value
    else:
        place[steps[-1]] = value


def _toml_value(text: str, shown: str) -> Any:
    """Return the value that a TOML text stands for; a bare word is itself."""
    try:
        parsed = _parse(f"value = {text}")
    except (ValueError, RecursionError):
        # A shell eats the quotes around texts, so a word without any is taken as meant.
        if text and not set(text) & set("\"'[]{}\n=#"):
            return text
        raise ConfigError(
            f"--set {shown}: {text!r} is no TOML value; texts need quotes, as in '\"text\"'",
            code="config.set",
        ) from None
    if len(parsed) != 1:
        raise ConfigError(f"--set {shown}: give one value in one line", code="config.set")
    return parsed["value"]


def check_document(document: dict[str, Any], where: str) -> None:
    """Check the names of sections and keys, and that none is missing; raises ``ConfigError``."""
    for name in document:
        if name not in SECTIONS:
            known = f"; there are {listing(section.title for section in SECTIONS.values())}"
            hint = nearest(name, SECTIONS) or _elsewhere(name) or known
            raise ConfigError(f"{where}: section {name!r} is unknown{hint}", code="config.unknown_key")
    for name, section in SECTIONS.items():
        if name not in document:
            if section.required:
                raise ConfigError(f"{where}: section {section.title} is missing", code="config.missing_key")
            continue
        for title, table in _tables(section, document[name], where):
            _check_table(section, title, table, where)


def check_section(name: str, value: Any, where: str) -> None:
    """Check the keys of one section alone; raises ``ConfigError``."""
    section = SECTIONS[name]
    for title, table in _tables(section, value, where):
        _check_table(section, title, table, where)


def _tables(section: Section, value: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    if not section.repeated:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {section.title} must be a table", code="config.type")
        return [(section.title, value)]
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise ConfigError(f"{where}: {section.name} must be tables: write {section.title}", code="config.type")
    return [(f"{section.title} {number}", table) for number, table in enumerate(value, start=1)]


def _check_table(section: Section, title: str, table: dict[str, Any], where: str) -> None:
    names = [key.name for key in section.keys]
    for name in table:
        if name not in names:
            hint = _elsewhere(name) or nearest(name, names) or f"; it has {listing(names, most=20)}"
            raise ConfigError(f"{where}: {title} key {name!r} is unknown{hint}", code="config.unknown_key")
    for key in section.keys:
        if key.required and key.name not in table:
            raise ConfigError(f"{where}: {title} key {key.name!r} is missing: {key.meaning}", code="config.missing_key")


def _elsewhere(name: str) -> str:
    """A key written outside its section is a common slip, as is a section within another; say where it belongs."""
    if name in SECTIONS:
        return f"; write it as {SECTIONS[name].title}"
    for section in SECTIONS.values():
        if any(key.name == name for key in section.keys):
            return f"; put it under {section.title}"
    return ""


def _split(change: str) -> tuple[str, str]:
    quote = ""
    for place, letter in enumerate(change):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "=":
            return change[:place].strip(), change[place + 1 :].strip()
    raise ConfigError(f"--set {change}: write KEY=VALUE, as in engine.fee=0.002", code="config.set")


def _key_steps(key: str, change: str) -> list[str]:
    steps: list[str] = []
    try:
        if "\n" in key:
            raise ValueError(key)
        level: Any = _parse(f"{key} = 0")
    except ValueError:
        raise ConfigError(f"--set {change}: {key!r} is no dotted key, as in engine.fee", code="config.set") from None
    while isinstance(level, dict):
        ((step, level),) = level.items()
        steps.append(step)
    return steps


def _descend(place: Any, step: str, path: str, shown: str) -> Any:
    if isinstance(place, list):
        _check_index(place, step, path, shown)
        found = place[int(step)]
    else:
        found = place.setdefault(step, {})
    if not isinstance(found, dict | list):
        raise ConfigError(f"{shown}: {path} is {found!r}, which has no keys inside", code="config.set")
    return found


def _check_index(place: list[Any], step: str, path: str, shown: str) -> None:
    if not step.isdecimal() or int(step) >= len(place):
        raise ConfigError(f"{shown}: {path}: there are {len(place)}, counted from 0; write a number", code="config.set")


def _parse(text: str) -> dict[str, Any]:
    # Python has read TOML itself since 3.11; before, the package that became it.
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    parsed: dict[str, Any] = reader.loads(text)
    return parsed
