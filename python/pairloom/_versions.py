"""The version of a strategy: what each order of its traders can be traced back to.

A class says it itself (``version = "1.4"``), or it is a fingerprint of its source. Built-ins have one each, which
changes with their rule alone, and plug-ins a fingerprint of their library.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pairloom._told import text
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

    from pairloom.strategy import Strategy

__all__ = ["SHOWN", "fingerprint", "own_classes", "plugin_version", "source", "version_of"]

# Digits of a fingerprint that people are shown.
SHOWN = 16

# Ten thousand traders of one class, or as many combinations of a sweep, read its source once.
_KNOWN: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def version_of(template: Strategy | None, builtin: str | None) -> str:
    """Return the version of a Python strategy, or without one that of the built-in; raises ``ConfigError``."""
    if template is None:
        from pairloom._native import version_of_builtin

        return str(version_of_builtin(str(builtin)))
    cls = type(template)
    given = _given(getattr(template, "version", None), f"{cls.__name__}.version")
    if given is not None:
        return given
    known = _KNOWN.get(cls)
    if known is None:
        sources = dict.fromkeys(fingerprint(source(each)) for each in own_classes(cls))
        known = next(iter(sources)) if len(sources) == 1 else fingerprint("\n".join(sources).encode())
        _KNOWN[cls] = known
    return known


def plugin_version(strategy: Any) -> str:
    """Return the version of a plug-in's strategy; raises ``ConfigError`` where there is no way to tell."""
    from pairloom._native import plugin_library

    given = _given(getattr(strategy, "version", None), "the version of the plug-in")
    if given is not None:
        return given
    library = plugin_library(strategy)
    if library is not None and library.is_file():
        return _of_file(library, library.stat().st_mtime_ns)
    announced = _announced(strategy)
    if announced is None:
        raise ConfigError(
            "strategy: nothing tells the version of this plug-in, and every order has to name one; "
            'wrap it in an object with __pairloom_strategy__() and version = "..."',
            code="config.strategy_version",
        )
    return announced


def own_classes(cls: type) -> Iterator[type]:
    """Yield the classes of a strategy that a person wrote."""
    for each in cls.__mro__:
        if each is not object and each.__module__ != "pairloom.strategy":
            yield each


def source(cls: type) -> bytes:
    """Return what a class was made from: the whole file, since a class uses what is around it."""
    import inspect
    from pathlib import Path

    try:
        file = inspect.getsourcefile(cls)
        if file is not None and os.path.isfile(file):
            return Path(file).read_bytes()
        return inspect.getsource(cls).encode()
    except (OSError, TypeError):
        # Made at run time, without a text: its code is what there is.
        return b"\n".join(_codes(cls))


def fingerprint(data: bytes) -> str:
    """Return so many digits of a fingerprint as people are shown."""
    import hashlib

    return hashlib.sha256(data).hexdigest()[:SHOWN]


def _given(version: object, what: str) -> str | None:
    if version is None:
        return None
    if isinstance(version, str | int | float) and not isinstance(version, bool) and str(version).strip():
        return str(version)
    raise ConfigError(
        f'{what} is {version!r}; every order names it, so it is a text or a number, as in version = "1.4"',
        code="config.strategy_version",
    )


@lru_cache(maxsize=64)
def _of_file(library: Path, _changed: int) -> str:
    return fingerprint(library.read_bytes())


def _announced(strategy: Any) -> str | None:
    """The name and version of the wheel that announces this very object, where one that is loaded does."""
    from pairloom._plugins import announced

    for entry in announced():
        module = sys.modules.get(entry.module)
        if entry.dist is not None and module is not None and getattr(module, entry.attr, None) is strategy:
            return f"{entry.dist.name} {entry.dist.version}"
    return None


def _codes(cls: type) -> Iterator[bytes]:
    for name, value in sorted(vars(cls).items()):
        code: CodeType | None = getattr(value, "__code__", None)
        if code is not None:
            yield name.encode() + code.co_code + text(code.co_names).encode() + text(code.co_consts).encode()
