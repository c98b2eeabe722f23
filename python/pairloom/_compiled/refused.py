"""What compiled code cannot do as Python does, and why: narrow numbers, recursion, and truths asked otherwise."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from pairloom._compiled.outside import held, python_of

__all__ = ["asked_for_truth", "kind_of_array", "lost_width", "why_not"]


def why_not(found: Any) -> str | None:
    """Why what a name means outside of the code cannot be used in it; ``None`` where it can."""
    if isinstance(found, tuple | list):
        problems = (lost_width(each) for each in found[:1000])
        problem = next(filter(None, problems), None)
    else:
        problem = lost_width(found)
    return f"it is {problem}" if problem else _recursion(found)


def lost_width(value: Any) -> str | None:
    """What is said of a number or an array of NumPy whose arithmetic compiled code would do in another width."""
    import numpy as np

    if isinstance(value, np.generic) and not isinstance(value, np.bool_ | np.float64 | np.int64):
        return f"a number of NumPy's {value.dtype}, whose arithmetic it would lose; write float(...) or int(...)"
    if not isinstance(value, np.ndarray):
        return None
    if value.dtype not in (np.float64, np.int64, np.bool_):
        return f"an array of {value.dtype}; use float64 or int64"
    return kind_of_array(value)


def kind_of_array(value: Any) -> str | None:
    """What is said of an array of a class of its own, such as a masked one, of which the plain array would remain."""
    import numpy as np

    if type(value) is np.ndarray:
        return None
    return (
        f"an array of the class {type(value).__name__}, which would be a plain one; make it one, as in "
        "np.array(..., subok=False)" + (" of its .filled(...)" if isinstance(value, np.ma.MaskedArray) else "")
    )


def _recursion(found: Any) -> str | None:
    """What calls itself among this function and those that it calls; it would end the process, where Python raises."""
    path: list[FunctionType] = []
    done: set[int] = set()

    def look(function: FunctionType) -> str | None:
        if function in path:
            caller = path[-1]
            line = _line(caller, function)
            return (
                f"{function.__name__} calls itself ({caller.__code__.co_filename}, line {line}), and no limit "
                "would end it as Python's does; write it as a loop, or leave it uncompiled"
            )
        if id(function) in done:
            return None
        path.append(function)
        problem = next(filter(None, map(look, _called(function))), None)
        path.pop()
        done.add(id(function))
        return problem

    function = python_of(found)
    return look(function) if isinstance(function, FunctionType) else None


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """The functions that a function names, in its module, its closure and in modules that it reads."""
    names = function.__code__.co_names
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    for value in [*map(held, closed.values()), *(function.__globals__.get(name) for name in names)]:
        # Of a library's module nothing calls back.
        parts = [vars(value).get(name) for name in names] if isinstance(value, ModuleType) else [value]
        for part in map(python_of, parts):
            if isinstance(part, FunctionType) and not (part.__module__ or "").startswith(
                ("numpy", "numba", "pairloom")
            ):
                yield part


def _line(caller: FunctionType, called: FunctionType) -> int:
    """The line at which a function names another."""
    line = caller.__code__.co_firstlineno
    starts = dict(dis.findlinestarts(caller.__code__))
    for instruction in dis.get_instructions(caller.__code__):
        line = starts.get(instruction.offset) or line
        if instruction.argval in (called.__name__, called.__code__.co_name):
            return line
    return caller.__code__.co_firstlineno


def asked_for_truth(function: ast.AST) -> set[int]:
    """The nodes, by their ``id``, of which it is asked whether they are true or ``None``, and nothing else."""
    asked: set[int] = set()

    def ask(node: ast.expr) -> None:
        asked.add(id(node))
        for value in node.values if isinstance(node, ast.BoolOp) else ():
            ask(value)

    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            ask(node.test)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            ask(node.operand)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                ask(test)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bool":
            for argument in node.args[:1]:
                ask(argument)
        elif isinstance(node, ast.Compare) and _is_with_none(node):
            ask(node.left)
    return asked


def _is_with_none(node: ast.Compare) -> bool:
    right = node.comparators[0]
    is_one = len(node.ops) == 1 and isinstance(node.ops[0], ast.Is | ast.IsNot)
    return is_one and isinstance(right, ast.Constant) and right.value is None
