"""Which operations on numbers are calls in compiled code, because numba's own give other results than Python's.

They are powers, divisions and comparisons, in which an integer of more than 53 bits may meet a float or have to become
one, and functions that numba computes by other means.
"""

from __future__ import annotations

import ast
import builtins
import copy
import math
import operator as of_python
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from pairloom._compiled.refused import why_not

if TYPE_CHECKING:
    from pairloom._compiled.source import Source

__all__ = ["OF_C", "OVERFLOWING", "Arithmetic", "chain", "is_plain", "located", "operation"]

# What of math is computed by the function of that name in C, and of how many numbers.
OF_C = {
    **dict.fromkeys(("sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "erf", "erfc"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan"), 1),
    **dict.fromkeys(("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"), 1),
    **dict.fromkeys(("pow", "fmod", "atan2"), 2),
}
if hasattr(math, "exp2"):
    OF_C["exp2"] = 1
# Of these a result that is too large is an OverflowError; of the others it is no result at all.
OVERFLOWING = frozenset(("exp", "exp2", "expm1", "sinh", "cosh"))
# What numba has and computes in another way than CPython, and what to write instead.
REFUSED: dict[Any, str] = {
    math.gamma: "",
    math.lgamma: "",
    math.hypot: "write math.sqrt(x * x + y * y), or ",
    math.ldexp: "write x * 2.0**n, or ",
}
# Functions of Python, by what is called in their place.
_CALLED: dict[Any, str] = {
    **{getattr(math, name): f"_pl_{name}" for name in (*OF_C, "floor", "ceil", "trunc", "gcd")},
    round: "_pl_round",
    pow: "_pl_power",
    int: "_pl_int",
}
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "_pl_lt",
    ast.LtE: "_pl_le",
    ast.Gt: "_pl_gt",
    ast.GtE: "_pl_ge",
    ast.Eq: "_pl_eq",
    ast.NotEq: "_pl_ne",
}
_IN_PLACE: dict[type[ast.operator], str] = {
    ast.Pow: "_pl_power_in_place",
    ast.Div: "_pl_divide_in_place",
    ast.LShift: "_pl_left_in_place",
    ast.RShift: "_pl_right_in_place",
}
# What may be called twice for once.
_PLAIN = {*_CALLED.values(), *_COMPARED.values()} | {
    "_pl_divide",
    "_pl_invert",
    "_pl_left",
    "_pl_right",
    "_pl_max",
    "_pl_min",
    "_pl_event",
    "_pl_signal",
    "abs",
    "float",
    "len",
}
# Behind the point, which a float scaled by that many digits still holds exactly.
_DIGITS = 22
# Every integer up to this one is a float, too.
_EXACT = 2**53
# Memory of floats, and what gives one.
_FLOATS = frozenset(("_pl_c", "_pl_v", "_pl_f", *(f"_pl_w{at}" for at in range(5))))


class Arithmetic(ast.NodeTransformer):
    """Rewrites a function's operations on numbers, and its calls of functions that are Python's own."""

    def __init__(self, source: Source, function: FunctionType) -> None:
        self.source, self.python = source, function

    def found(self, chain: list[str]) -> Any:
        """What a dotted name means outside of the function; ``None`` where it means nothing there."""
        code = self.python.__code__
        if not chain or chain[0] in (*code.co_varnames, *code.co_cellvars):
            return None
        closed = dict(zip(code.co_freevars, self.python.__closure__ or (), strict=False))
        if chain[0] in closed:
            found: Any = closed[chain[0]].cell_contents
        else:
            found = self.python.__globals__.get(chain[0], getattr(builtins, chain[0], None))
        for name in chain[1:]:
            found = getattr(found, name, None)
        return found

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Powers, quotients and shifts give and raise what Python's do."""
        return self.constant(node) or located(node, operation(self.visit(node.left), node.op, self.visit(node.right)))

    def visit_Name(self, node: ast.Name) -> Any:
        """What stands outside of the code is looked at."""
        return self.outside(node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """What stands in another module is looked at, too."""
        self.outside(node)
        return self.generic_visit(node)

    def outside(self, node: ast.expr) -> ast.expr:
        """The same; raises where it means what compiled code cannot use as Python does."""
        names = chain(node)
        problem = why_not(self.found(names)) if names and isinstance(getattr(node, "ctx", None), ast.Load) else None
        if problem:
            raise self.source.error(node, f"{'.'.join(names)} cannot be used: {problem}")
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        """The least integer is written as that of the greatest and one more; ``~`` of a bool is no negation."""
        made = self.constant(node)
        if made or not isinstance(node.op, ast.Invert):
            return made or self.generic_visit(node)
        return located(node, _call("_pl_invert", self.visit(node.operand)))

    def visit_MatchValue(self, node: Any) -> Any:
        """A pattern that would have to become something else than a pattern can be."""
        self.generic_visit(node)
        if not isinstance(node.value, ast.Constant | ast.Attribute | ast.UnaryOp | ast.BinOp):
            raise self.source.error(node, "compiled, a pattern is a number or a text: write if ... == ... instead")
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        """An integer beyond 64 bits has no form in compiled code, where it would become another kind of number."""
        return self.constant(node) or node

    def constant(self, node: ast.expr) -> ast.Constant | None:
        """What an expression of integers that are written out gives in Python; ``None`` for any other."""
        try:
            value = computed(node)
        except OverflowError:
            value = 2**64
        if value is None:
            return None
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise self.source.error(
                node, "an integer of more than 64 bits, which compiled code has not; as a float it would be 1e20"
            )
        made: ast.Constant = located(node, ast.Constant(value))
        return made

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """``x **= y`` is ``x = x ** y``."""
        name = _IN_PLACE.get(type(node.op))
        if name is None or _is_plain_shift(node.op, node.value):
            return self.generic_visit(node)
        if not is_plain(node.target):
            raise self.source.error(node, "what stands before the operator would be called twice; name it first")
        before: Any = copy.deepcopy(node.target)
        before.ctx = ast.Load()
        # An array is changed in its place, as others that hold it see; a number is replaced.
        made = _call(name, self.visit(located(node, before)), self.visit(node.value))
        return located(node, ast.Assign([self.visit(node.target)], made))

    def visit_Assign(self, node: ast.Assign) -> Any:
        """What an array of integers is given is looked at."""
        self.generic_visit(node)
        target = node.targets[0]
        if len(node.targets) == 1 and isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            array = ast.Name(target.value.id, ast.Load())
            node.value = located(node.value, _call("_pl_cell", array, node.value))
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        """An integer beside a float is compared as it is."""
        for side in (node.left, *node.comparators) if isinstance(node.ops[0], ast.Is | ast.IsNot) else ():
            # Which numbers and texts are one object in Python depends on how they came to be.
            if isinstance(side, ast.Constant) and side.value not in (None, ...) and not isinstance(side.value, bool):
                raise self.source.error(node, "numbers and texts cannot be compared with is: write == or !=")
        self.generic_visit(node)
        if len(node.ops) > 1 and any(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops):
            raise self.source.error(node, "compare with is apart from others, as in a is None and b is None")
        made = _comparison(node)
        if made is None:
            raise self.source.error(node, "give what stands between the two comparisons a name first, as in x = ...")
        return located(node, made)

    def visit_Call(self, node: ast.Call) -> Any:
        """Functions of Python whose form in numba gives other results."""
        found = self.found(chain(node.func))
        self.generic_visit(node)
        return self.called(node, found)

    def called(self, node: ast.Call, found: Any) -> ast.Call:
        """The call of this function, whose arguments are rewritten."""
        if isinstance(found, BuiltinFunctionType) and found in REFUSED:
            raise self.source.error(
                node,
                f"math.{found.__name__} is computed differently there, and its last digit may differ: "
                f"{REFUSED[found]}leave it uncompiled",
            )
        if found is math.log and len(node.args) > 1:
            raise self.source.error(node, "compiled, math.log takes one number: write math.log(x) / math.log(base)")
        digits = node.args[1] if found is round and len(node.args) > 1 else None
        if isinstance(digits, ast.Constant) and isinstance(digits.value, int) and digits.value > _DIGITS:
            raise self.source.error(node, f"compiled, round takes {_DIGITS} digits at most")
        _call_other(node, found)
        return node


def chain(node: ast.AST) -> list[str]:
    """``a.b.c`` as its names; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [*reversed([*names, node.id])] if isinstance(node, ast.Name) else []


def located(place: ast.AST, node: Any) -> Any:
    """What was made of a node, with its lines."""
    for each in ast.walk(node):
        ast.copy_location(each, place)
    return ast.fix_missing_locations(node)


def operation(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    """An operation on two numbers; powers are calls, and divisions and shifts that numba does not do as Python."""
    if isinstance(operator, ast.Pow):
        return _call("_pl_power", left, right)
    if isinstance(operator, ast.Div) and not _is_float(left) and not _is_float(right):
        return _call("_pl_divide", left, right)
    if isinstance(operator, ast.LShift | ast.RShift) and not _is_plain_shift(operator, right):
        return _call("_pl_left" if isinstance(operator, ast.LShift) else "_pl_right", left, right)
    return ast.BinOp(left, operator, right)


def _is_plain_shift(operator: ast.operator, by: ast.expr) -> bool:
    """Whether it is a shift by a number that is written out, and one that the processor can shift by."""
    try:
        count: Any = computed(by)
    except OverflowError:
        return False
    return isinstance(operator, ast.LShift | ast.RShift) and isinstance(count, int) and 0 <= count < 64


def computed(node: ast.expr) -> float | None:
    """What Python makes of integers that are written out; ``None`` for anything else, and for what raises.

    Raises ``OverflowError`` where a number on the way has more digits than anybody writes down.
    """
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp):
        value = computed(node.operand)
        return _UNARY[type(node.op)](value) if value is not None and type(node.op) in _UNARY else None
    if not isinstance(node, ast.BinOp) or type(node.op) not in _BINARY:
        return None
    left, right = computed(node.left), computed(node.right)
    if left is None or right is None:
        return None
    if isinstance(left, int) and isinstance(right, int) and isinstance(node.op, ast.Pow | ast.LShift):
        longest = left.bit_length() * right if isinstance(node.op, ast.Pow) else left.bit_length() + right
        if abs(left) > 1 and longest > _LONGEST:
            raise OverflowError
    try:
        result: float = _BINARY[type(node.op)](left, right)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return result if type(result) in (int, float) else None


# Bits of a number that is computed beforehand at most, be it on the way to a smaller one.
_LONGEST = 100_000
_UNARY: dict[type[ast.unaryop], Any] = {ast.USub: of_python.neg, ast.UAdd: of_python.pos, ast.Invert: of_python.invert}
_BINARY: dict[type[ast.operator], Any] = {
    ast.Add: of_python.add,
    ast.Sub: of_python.sub,
    ast.Mult: of_python.mul,
    ast.Div: of_python.truediv,
    ast.FloorDiv: of_python.floordiv,
    ast.Mod: of_python.mod,
    ast.Pow: of_python.pow,
    ast.LShift: of_python.lshift,
    ast.RShift: of_python.rshift,
    ast.BitAnd: of_python.and_,
    ast.BitOr: of_python.or_,
    ast.BitXor: of_python.xor,
}


def _call_other(node: ast.Call, found: Any) -> None:
    """Let a call of a function of Python call what stands in its place."""
    name = _CALLED.get(found) if isinstance(found, BuiltinFunctionType | type) else None
    if found is max or found is min:
        if len(node.args) < 2 or node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            return
        name = f"_pl_{found.__name__}"
        while len(node.args) > 2:
            node.args[:2] = [_call(name, *node.args[:2])]
    if name is None or (found is int and len(node.args) != 1) or (found is pow and len(node.args) != 2):
        return
    node.func = ast.Name(name, ast.Load())
    for each in ast.walk(node):
        if not hasattr(each, "lineno"):
            ast.copy_location(each, node)


def _comparison(node: ast.Compare) -> ast.expr | None:
    """A comparison as calls, where an integer may meet a float.

    ``None`` for a chain of more than two such as ``a < f(x) < b < c``: what stands within would have to be
    computed twice. And for ``a < f(x) < 1 / b``: the last would be computed where Python has stopped before it.
    """
    sides = [node.left, *node.comparators]
    pairs = list(zip(sides, node.ops, sides[1:], strict=False))
    if len(pairs) == 1 and isinstance(node.ops[0], ast.Is | ast.IsNot):
        return _identity(*pairs[0])
    if all(_is_exact(*pair) for pair in pairs):
        return node
    if not all(is_plain(side) for side in sides[1:-1]):
        names = [_COMPARED.get(type(operator)) for operator in node.ops]
        if len(names) != 2 or None in names or not _is_harmless(sides[2]):
            return None
        # One call for both, so that what stands between them is computed once.
        return _call(f"{names[0]}{str(names[1]).removeprefix('_pl')}", *sides)
    made: list[ast.expr] = []
    for left, operator, right in pairs:
        copied = copy.deepcopy(left), copy.deepcopy(right)
        name = None if _is_exact(left, operator, right) else _COMPARED[type(operator)]
        made.append(_call(name, *copied) if name else ast.Compare(copied[0], [operator], [copied[1]]))
    return made[0] if len(made) == 1 else ast.BoolOp(ast.And(), made)


def _is_harmless(node: ast.expr) -> bool:
    """Whether it can be computed without need: it does nothing, and cannot fail."""
    if isinstance(node, ast.BinOp):
        return (
            isinstance(node.op, ast.Add | ast.Sub | ast.Mult) and _is_harmless(node.left) and _is_harmless(node.right)
        )
    if isinstance(node, ast.UnaryOp):
        return _is_harmless(node.operand)
    return isinstance(node, ast.Constant | ast.Name | ast.Attribute) or _is_float(node) or _is_word(node)


def _is_word(node: ast.expr) -> bool:
    """Whether it reads an integer of the state or of the context."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ("_pl_i", "_pl_ci")


def _identity(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    """``is``; compiled signals are no objects, but the constants among them are known by their values."""
    sides = [left, right]
    if any(isinstance(side, ast.Constant) for side in sides):
        return ast.Compare(left, [operator], [right])
    if _is_signal(left):
        sides = [right, left]
    made = _call("_pl_is_constant" if _is_signal(sides[1]) else "_pl_is", *sides)
    return ast.UnaryOp(ast.Not(), made) if isinstance(operator, ast.IsNot) else made


def _is_signal(node: ast.expr) -> bool:
    """Whether it is ``Signal.LONG`` or another constant, rewritten."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_pl_signal"


def is_plain(node: ast.expr) -> bool:
    """Whether it may be computed twice: what it calls asks for nothing, and gives the same again."""
    calls = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return all(isinstance(each, ast.Name) and each.id in _PLAIN for each in calls)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _is_exact(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """Whether the comparison is exact as it is: of two floats, or with a number that is no rounded integer's equal."""
    return type(operator) not in _COMPARED or _is_small(left) or _is_small(right) or _is_float(left) & _is_float(right)


def _is_small(node: ast.expr) -> bool:
    """Whether it is a text, a truth, or a number so small that rounding the other side changes nothing."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_small(node.operand)
    if not isinstance(node, ast.Constant):
        return False
    return not isinstance(node.value, int | float) or abs(node.value) < _EXACT


def _is_float(node: ast.expr) -> bool:
    """Whether it is certainly a float."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id in _FLOATS
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "_pl_event"
    if isinstance(node, ast.BinOp):
        return _is_float(node.left) or _is_float(node.right)
    return isinstance(node, ast.UnaryOp) and _is_float(node.operand)
