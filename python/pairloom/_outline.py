"""Whether the classes that a worker imports are those of the engine's process.

A worker imports a module anew, so it has what the module's file says now: not a method that a program has replaced,
nor a file as it was before somebody edited it, nor a number that a program has set in the module. An outline has the
code of a strategy's functions and of those that they call, and the plain values that they read. It is made in both.
What a loader has rewritten, as pytest does with functions that assert, counts as what its file says at that place.
"""

from __future__ import annotations

import hashlib
import opcode
import sys
from decimal import Decimal
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from pairloom._modules import MAIN, installed
from pairloom._sources import Sources, codes_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pairloom.strategy import Strategy

__all__ = ["code_that_differs", "outline", "values_that_differ"]

# Code by where it is, as fingerprints (a getter and a setter have one name); values by where they are, as a text.
Outline = tuple[dict[str, set[str]], dict[str, str]]

# A longer list is data rather than a setting.
MOST = 5_000
_PLAIN = (bool, int, float, complex, str, bytes, Decimal, type(None))
# What is called when classes are made, and lists of them: each process has those of the modules that it imported.
_OF_CLASSES = ("__init_subclass__", "_Strategy__parameters")
_WRITES = {opcode.opmap[name] for name in ("STORE_GLOBAL", "STORE_ATTR")}


class _Reader:
    """Follows what functions name, within the modules that a person wrote."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.codes: dict[str, tuple[str, set[str]]] = {}
        self.values: dict[str, tuple[str, str, bool]] = {}
        # Attributes and globals that code sets: by their names, since whose an attribute is nobody sees.
        self.written: tuple[set[str], set[str]] = (set(), set())
        self.named: set[str] = set()
        self.seen: set[int] = set()
        self.sources = Sources()

    def read(self, owner: str, name: str, value: object, module: str, in_class: bool = False) -> None:
        """Take in what is called so, in a class or module of that module, and what it names in turn."""
        if name and _is_imported(module) and not _is_plain(value, 0):
            # Under this name, too: a program may have put something there that has another one.
            self.note(owner, name, value)
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if isinstance(value, property):
            for part in (value.fget, value.fset):
                self.read(owner, "", part, module)
        elif isinstance(value, FunctionType):
            self.function(value)
        elif isinstance(value, type):
            self.class_of(value)
        elif name and _is_plain(value, 0):
            self.values[f"{owner}.{name}"] = name, _value(value), in_class

    def class_of(self, cls: type) -> None:
        """Take in a class, with its attributes."""
        if not _is_own(cls.__module__) or self.known(cls):
            return
        owner = f"{cls.__module__}.{cls.__qualname__}"
        if _is_imported(cls.__module__):
            methods = sorted(name for name, value in vars(cls).items() if isinstance(value, FunctionType))
            self.codes[owner] = "", {repr(methods)}
        # The value of a parameter travels with the strategy.
        parameters = vars(cls).get("__annotations__", {})
        for name, value in list(vars(cls).items()):
            if (name in parameters and _is_plain(value, 0)) or name in _OF_CLASSES:
                continue
            if not name.startswith("__") or isinstance(value, FunctionType):
                self.read(owner, name, value, cls.__module__, in_class=True)

    def function(self, function: FunctionType) -> None:
        """Take in a function, and what it names."""
        if not _is_own(function.__module__) or self.known(function):
            return
        if _is_imported(function.__module__):
            self.note(function.__module__, function.__qualname__, function)
        names: set[str] = set()
        for code in codes_in(function.__code__):
            names.update(code.co_names)
            for kind, name in _written(code):
                self.written[kind].add(name)
        self.named |= names
        for cell in function.__closure__ or ():
            self.read(function.__module__, "", _held(cell), function.__module__)
        around = function.__globals__
        for name in sorted(names & around.keys()):
            found = around[name]
            if not isinstance(found, ModuleType):
                self.read(function.__module__, name, found, function.__module__)
            elif _is_own(found.__name__):
                for attribute in sorted(names & vars(found).keys()):
                    self.read(found.__name__, attribute, vars(found)[attribute], found.__name__)

    def note(self, owner: str, name: str, value: object) -> None:
        """Note the code of what is there, or else of what kind it is."""
        what = type(value).__name__
        if isinstance(value, FunctionType):
            code = self.sources.written(value)
            if code is None:
                return
            what = _code(value, code)
        self.codes.setdefault(f"{owner}.{name}", (name, set()))[1].add(what)

    def known(self, item: object) -> bool:
        """Whether it was taken in before."""
        if id(item) in self.seen:
            return True
        self.seen.add(id(item))
        return False


def outline(templates: Iterable[Strategy]) -> Outline:
    """Make the outline of strategies; what their own code writes is state, which is no part of it."""
    reader = _Reader()
    try:
        for template in templates:
            for owner in type(template).__mro__:
                reader.class_of(owner)
    except Exception:
        # It is a help: what cannot be looked at, for whatever it holds, runs as it is.
        return {}, {}
    attributes, variables = reader.written
    codes = {where: found for where, (name, found) in reader.codes.items() if name not in attributes | variables}
    values = {}
    for where, (name, text, in_class) in reader.values.items():
        # What classes hold is read where a function names it.
        state = attributes if in_class else variables
        if name not in state and (name in reader.named or not in_class):
            values[where] = text
    return codes, values


def code_that_differs(there: Outline, here: Outline) -> str | None:
    """Where the code of two processes differs."""
    return next((name for name, code in there[0].items() if here[0].get(name, code) != code), None)


def values_that_differ(there: Outline, here: Outline) -> Mapping[str, tuple[str, str]]:
    """Where values of two processes differ, and both of them."""
    both = {name: (value, here[1].get(name, value)) for name, value in there[1].items()}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _held(cell: CellType) -> object:
    """The function or class that a closure holds; other things in it are made when it is."""
    try:
        held: object = cell.cell_contents
    except ValueError:
        return None
    return held if isinstance(held, FunctionType | type) else None


def _is_own(name: object) -> bool:
    """Whether a module is neither Pairloom's nor installed."""
    if not isinstance(name, str) or name.partition(".")[0] == "pairloom":
        return False
    if name == MAIN:
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(file, str) and not installed(file)


def _is_imported(name: str) -> bool:
    """Whether a worker imports a module anew; ``__main__`` travels."""
    return name != MAIN and getattr(sys.modules.get(name), "__spec__", None) is not None


def _written(code: CodeType) -> Iterator[tuple[int, str]]:
    """The names of attributes (0) and globals (1) that code sets."""
    high = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=False):
        high = (high << 8) | argument
        if operation in _WRITES and high < len(code.co_names):
            yield int(operation == opcode.opmap["STORE_GLOBAL"]), code.co_names[high]
        if operation != opcode.EXTENDED_ARG:
            high = 0


def _fingerprint(code: CodeType) -> str:
    """The same for code that does the same; where its lines stand is no part of it."""
    parts = hashlib.sha256()
    for each in codes_in(code):
        constants = [_value(constant) for constant in each.co_consts if not isinstance(constant, CodeType)]
        for part in (each.co_code.hex(), constants, each.co_names, each.co_varnames, each.co_freevars):
            parts.update(repr(part).encode("utf-8", "surrogatepass"))
    return parts.hexdigest()


def _code(function: FunctionType, code: CodeType) -> str:
    """A function's code and what it takes where nothing is given; of what a library writes at run time only that."""
    if code.co_filename.startswith("<"):
        return "written at run time"
    given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    shown = [_value(each) if _is_plain(each, 0) else type(each).__name__ for each in given]
    return f"{_fingerprint(code)} {shown}"


def _is_plain(value: object, depth: int) -> bool:
    if type(value) in _PLAIN:
        return True
    if type(value) not in (tuple, list, dict, set, frozenset) or depth > 2:
        return False
    items: Any = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return len(items) <= MOST and all(_is_plain(item, depth + 1) for item in items)


def _value(value: object) -> str:
    """A text of a value; sets have another order in each process."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_value, value)))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_value, value))})"
    return repr(value)
