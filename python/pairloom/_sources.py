"""The code of functions as their files say it, where a loader has rewritten it.

A worker imports a module by Python's own loader, so that what it has is never the rewritten code. pytest rewrites
functions that assert; what other loaders do is not known, so of theirs only the place in the file is taken.
"""

from __future__ import annotations

import sys
import zipimport
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sources", "codes_in"]

# These take a file's code as it is.
_PLAIN_LOADERS = (SourceFileLoader, SourcelessFileLoader, zipimport.zipimporter)
# What pytest's rewriting names begins so, and nothing that a person writes can.
_OF_PYTEST = "@py"

# By name and first line; two functions may have both, and then neither is found.
Places = dict[tuple[str, int], "CodeType | None"]


class Sources:
    """Compiles each file once."""

    def __init__(self) -> None:
        """Nothing is compiled yet."""
        self.files: dict[str, Places] = {}

    def written(self, function: FunctionType) -> CodeType | None:
        """Return a function's code as it is written; ``None`` where nobody can say whether it was rewritten."""
        code = function.__code__
        if _is_of_pytest(code):
            there = self._found(code)
            # A file that was edited since says something else; then it is compared as it is, and found to differ.
            return there if there is not None and _names(there) <= _names(code) else code
        if _leaves_code_alone(function.__module__):
            return code
        there = self._found(code)
        if there is None:
            # Replaced by one from elsewhere, or wrapped by what the loader has added.
            return None if code.co_filename.startswith("<") else code
        # A local function may be part of a class that has travelled, rewritten as it is.
        return None if "<locals>" in function.__qualname__ else there

    def _found(self, code: CodeType) -> CodeType | None:
        file = code.co_filename
        if file not in self.files:
            self.files[file] = _compiled(file)
        return self.files[file].get((code.co_name, code.co_firstlineno))


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Code and all code within it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes_in(each)


def _compiled(file: str) -> Places:
    try:
        whole = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return {}
    found: Places = {}
    for code in codes_in(whole):
        place = code.co_name, code.co_firstlineno
        found[place] = None if place in found else code
    return found


def _leaves_code_alone(module: str) -> bool:
    loader = getattr(getattr(sys.modules.get(module), "__spec__", None), "loader", None)
    # pytest's loader leaves alone whatever asserts nothing.
    return type(loader) in _PLAIN_LOADERS or type(loader).__module__.startswith("_pytest.")


def _is_of_pytest(code: CodeType) -> bool:
    return any(name.startswith(_OF_PYTEST) for name in _names(code))


def _names(code: CodeType) -> set[str]:
    found: set[str] = set()
    for each in codes_in(code):
        found.update(each.co_names, each.co_varnames, each.co_cellvars, each.co_freevars)
    return found
