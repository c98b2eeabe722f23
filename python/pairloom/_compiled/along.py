"""Plain functions of the author's module, which are compiled along with what calls them."""

from __future__ import annotations

import ast
from types import CellType, FunctionType
from typing import Any

from pairloom._compiled.arithmetic import Arithmetic
from pairloom._compiled.rule import Rule
from pairloom._compiled.source import is_what_runs, read
from pairloom.errors import ConfigError

__all__ = ["usable"]


def usable(value: Any) -> Any:
    """What compiled code sees of a value outside of it: of a plain function one that numba compiles."""
    return _usable(value, {})


def _usable(value: Any, made: dict[int, Any]) -> Any:
    if not isinstance(value, FunctionType):
        return value
    if id(value) not in made:
        import numba

        # One that is being made is named, but not called, by what it calls: `refused` has seen to that.
        made[id(value)] = value
        function = _rewritten(value, made)
        made[id(value)] = numba.njit(boundscheck=True, fastmath=False)(function)
    return made[id(value)]


def _rewritten(function: FunctionType, made: dict[int, Any]) -> FunctionType:
    """The same function, whose arithmetic is Python's, as that of what calls it is, and of what it calls."""
    from pairloom._compiled.helpers import HELPERS

    if hasattr(function, "__wrapped__"):
        # What could be read is the source of another function.
        return function
    try:
        source = read(Rule(function, function, None, is_method=False))
    except ConfigError:
        # A lambda, or one that was made without a file.
        return function
    tree = source.function
    if not is_what_runs(source, function):
        # The file was changed since it was imported, and what was imported is what runs.
        return function
    arguments = tree.args
    tree.decorator_list, tree.returns = [], None
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    # What they stand for was computed when the function was made.
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [None if each is None else ast.Constant(None) for each in arguments.kw_defaults]
    tree.body = [Arithmetic(source, function).visit(statement) for statement in tree.body]
    module = ast.fix_missing_locations(ast.Module([tree], []))
    outside = {**function.__globals__, **_closed(function)}
    own = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    named = {name: outside[name] for name in source.names - own if outside.get(name, function) is not function}
    called = {name: _usable(value, made) for name, value in named.items()}
    namespace = {**outside, **called, **HELPERS}
    exec(compile(module, function.__code__.co_filename, "exec"), namespace)
    other: FunctionType = namespace[tree.name]
    other.__defaults__, other.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return other


def _closed(function: FunctionType) -> dict[str, Any]:
    cells: tuple[CellType, ...] = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, cells, strict=False)}
