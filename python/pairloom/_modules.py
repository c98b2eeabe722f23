"""Which modules of this process a worker finds, from which files, and which it cannot import at all."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAIN", "Place", "importable", "installed", "places"]

MAIN = "__main__"

# A module's file, if it has one, and the folders of a package.
Place = tuple[str | None, "list[str] | None"]

_INSTALLED = (os.path.dirname(os.__file__) + os.sep, f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def importable(name: str) -> bool:
    """Whether a worker can import a module of this process; one that was made by a program has no file."""
    module = sys.modules.get(name)
    if module is None or name in (MAIN, "__mp_main__"):
        return False
    if _fact(module, "__file__") is not None or name in sys.builtin_module_names:
        return True
    return getattr(_fact(module, "__spec__"), "origin", None) in ("built-in", "frozen")


def places(needed: Iterable[str]) -> dict[str, Place]:
    """Where modules are that a worker would not find by ``sys.path``, or of which it would find another.

    What is installed is found as it was here, so that is only looked for where it is ``needed``.
    """
    needed = set(needed)
    found: dict[str, Place] = {}
    for name, module in list(sys.modules.items()):
        file = _fact(module, "__file__")
        if name == MAIN or not isinstance(file, str):
            continue
        if name not in needed and installed(file):
            continue
        if not _is_found(name, file):
            found[name] = file, _folders(module)
        # A module is found in its package, which a worker may not find.
        _add_packages(name, found)
    return found


def installed(file: str) -> bool:
    """Whether a module's file came with the interpreter or was installed beside it."""
    return any(each in file for each in _INSTALLED)


def _add_packages(name: str, found: dict[str, Place]) -> None:
    """Add the packages around a module that have no file: a worker makes them as empty as they are here."""
    package = name.rpartition(".")[0]
    while package:
        module = sys.modules.get(package)
        if _fact(module, "__file__") is None and package not in found and _spec(package) is None:
            found[package] = None, _folders(module) or []
        package = package.rpartition(".")[0]


def _is_found(name: str, file: str) -> bool:
    spec = _spec(name)
    return spec is not None and spec.origin == file


def _spec(name: str) -> Any:
    """What the import system finds by that name, in the folders of its package."""
    package = name.rpartition(".")[0]
    path = None
    if package:
        path = _folders(sys.modules.get(package))
        if path is None:
            return None
    try:
        return PathFinder.find_spec(name, path)
    except (ImportError, OSError, ValueError):
        return None


def _folders(module: object) -> list[str] | None:
    path = _fact(module, "__path__")
    try:
        return None if path is None else [str(folder) for folder in path]
    except TypeError:
        return None


def _fact(module: object, name: str) -> Any:
    """Look at a module without waking one that loads itself when it is first used."""
    try:
        return object.__getattribute__(module, "__dict__").get(name)
    except AttributeError:
        return None
