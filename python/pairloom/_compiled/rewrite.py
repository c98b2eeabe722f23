"""From what a strategy says of ``self`` and ``ctx`` to reads and writes of memory that numba can compile.

The words of the context and of the rows are those of ``Ctx`` and ``Rows`` in the interface for strategies that are
built apart (``abi.rs`` and ``rows.rs`` in ``rust/strategy/src``); a test compares them.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pairloom._compiled.arithmetic import Arithmetic, is_plain, located, operation
from pairloom._compiled.arithmetic import chain as names_of
from pairloom._compiled.layout import Array, Constant, Indicator, Word
from pairloom._compiled.outside import is_library
from pairloom._compiled.refused import asked_for_truth
from pairloom._compiled.unseeded import WAY_OUT, drawn
from pairloom._native import Signal
from pairloom._words import listing

if TYPE_CHECKING:
    from pairloom._compiled.layout import Layout
    from pairloom._compiled.rule import Rule
    from pairloom._compiled.source import Source

__all__ = ["CTX_WORDS", "ROWS_WORDS", "Rewritten", "fields_of", "rewrite"]

# Words of the context, 8 bytes each.
NOW, EVENT, POSITION, ENTRY, PNL, EQUITY, CASH, ORDER_COUNT, CTX_WORDS = 1, 4, 9, 10, 11, 12, 13, 23, 24
# Words of what changes from row to row; the first has the size and, above it, the side that is held.
COUNT, OPENING_TS, TS, INTERVAL, COLUMNS_AT, SLOTS, LAST, ROWS_WORDS = 1, 2, 3, 4, 5, 10, 11, 12
COLUMNS = ("open", "high", "low", "close", "volume")
EVENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "candle": (0, COLUMNS),
    "quote": (1, ("bid", "ask", "bid_size", "ask_size")),
    "trade": (2, ("price", "quantity")),
}
POSITIONS = {"size": POSITION, "entry_price": ENTRY, "unrealized_pnl": PNL}
READS_EVENT, READS_POSITION, READS_ACCOUNT, READS_ORDERS = 1, 2, 4, 8
SIGNALS = {"LONG": 1, "SHORT": 2, "CLOSE": 3, "REVERSE": 4}
SIZED = {"long": 1, "short": 2, "target": 5}
UNITS = {"base": 1, "quote": 2, "equity": 3}
TIFS = {"GTC": 0, "IOC": 1, "FOK": 2}
CTX_HAS = listing(
    [*EVENTS, *COLUMNS, "position", "equity", "cash", "ts", "orders", "buy", "sell", "replace", "cancel"], most=20
)


@dataclass
class Rewritten:
    """What is to be compiled, and what it reads."""

    function: ast.FunctionDef
    reads: int = 0
    windows: set[int] = field(default_factory=set)
    slots: list[tuple[str, str | None, int]] = field(default_factory=list)
    """Indicator, output (``None`` for the first) and how many events ago."""
    arrays: dict[str, Array] = field(default_factory=dict)


def fields_of(rule: Rule, source: Source) -> set[str]:
    """The names of the fields that the code uses."""
    owner = _owner(rule, source)
    names = set(rule.indicators) | set(rule.parameters)
    for node in ast.walk(source.function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner:
            names.add(node.attr)
    return names


def rewrite(rule: Rule, source: Source, layout: Layout, problems: dict[str, str]) -> Rewritten:
    """Rewrite the function; raises ``ConfigError`` naming the line of what cannot be compiled."""
    function = copy.deepcopy(source.function)
    rewriter = _Rewriter(rule, source, layout, problems)
    rewriter.find_aliases(function)
    body = [statement for each in function.body for statement in rewriter.statement(each)]
    out = rewriter.out
    # A parameter of a marked function is a local name, which the code may bind anew.
    for name in reversed(rule.parameters):
        load = rewriter.field(function, name, ast.Load())
        body.insert(0, located(function.body[0], ast.Assign([ast.Name(name, ast.Store())], load)))
    for name, array in out.arrays.items():
        shape = ", ".join(map(str, array.shape)) + ("," if len(array.shape) == 1 else "")
        memory = f"_pl_{'f' if array.kind == 'f' else 'i'}[{array.at}:{array.at + array.words}].reshape(({shape}))"
        if array.is_shared:
            memory = f"_pl_readonly({memory})"
        body.insert(0, located(function.body[0], _parsed(f"_pl_array_{name} = {memory}")))
    arguments = ["_pl_c", "_pl_ci", "_pl_a", "_pl_v", "_pl_f", "_pl_i", *(f"_pl_w{at}" for at in range(5))]
    empty = ast.arguments([], [ast.arg(name) for name in arguments], None, [], [], None, [])
    out.function = ast.FunctionDef("_pl_decide", empty, body or [ast.Pass()], [], None)
    ast.copy_location(out.function, source.function)
    ast.fix_missing_locations(out.function)
    return out


def _owner(rule: Rule, source: Source) -> str | None:
    """The name by which the code speaks of its state: ``self``, or ``state`` in a marked function."""
    arguments = [argument.arg for argument in source.function.args.args]
    if rule.is_method:
        return arguments[0] if arguments else "self"
    return "state"


def _parsed(code: str) -> Any:
    return ast.parse(code).body[0]


def _expression(code: str) -> Any:
    return ast.parse(code, mode="eval").body


class _Rewriter(Arithmetic):
    def __init__(self, rule: Rule, source: Source, layout: Layout, problems: dict[str, str]) -> None:
        super().__init__(source, rule.function)
        self.rule, self.layout, self.problems = rule, layout, problems
        self.owner = _owner(rule, source)
        arguments = [argument.arg for argument in source.function.args.args]
        self.ctx = arguments[1 if rule.is_method else 0] if len(arguments) > rule.is_method else "ctx"
        self.aliases: dict[str, list[str]] = {}
        self.truths: set[int] = set()
        self.out = Rewritten(source.function)

    # What a name stands for.

    def find_aliases(self, function: ast.FunctionDef) -> None:
        """Find names for ``ctx.candle`` and the like, so that ``candle = ctx.candle`` may be written."""
        self.truths = asked_for_truth(function)
        bound: dict[str, int] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound[node.id] = bound.get(node.id, 0) + 1
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
                continue
            chain, name = self.names(node.value), node.targets[0].id
            if self.stands_for_a_view(chain) and bound[name] == 1:
                self.aliases[name] = chain

    def stands_for_a_view(self, chain: list[str]) -> bool:
        """Whether it is an object of the context, or an indicator, which have no form in compiled code."""
        if len(chain) != 2:
            return False
        if chain[0] == self.ctx:
            return chain[1] in EVENTS or chain[1] == "position"
        return chain[0] == self.owner and isinstance(self.layout.fields.get(chain[1]), Indicator)

    def names(self, node: ast.AST) -> list[str]:
        """A dotted name, aliases resolved; an indicator that is an argument belongs to the owner."""
        chain = names_of(node)
        if chain and chain[0] in self.aliases:
            return [*self.aliases[chain[0]], *chain[1:]]
        if chain and chain[0] in self.rule.indicators:
            return [self.owner or "state", *chain]
        return chain

    def is_signal(self, chain: list[str]) -> bool:
        """Whether the dotted name means `pairloom.Signal`."""
        return self.found(chain) is Signal

    # Statements.

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Rewrite one statement; an alias needs none."""
        made = self.visit(node)
        return [] if made is None else [made]

    def visit_Assign(self, node: ast.Assign) -> Any:
        """``self.x = value`` becomes a write of its word; an alias goes."""
        first = node.targets[0]
        if isinstance(first, ast.Name) and first.id in self.aliases:
            return located(node, ast.Pass())
        stores = [target for target in node.targets if self.is_field(target)]
        if stores and len(node.targets) > 1:
            raise self.source.error(node, "assign one field at a time")
        if stores:
            return self.store(node, first, self.visit(node.value))
        return super().visit_Assign(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """``self.x: float = value`` is ``self.x = value``."""
        if self.is_field(node.target) and node.value is not None:
            return self.store(node, node.target, self.visit(node.value))
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """``self.x += value`` reads, computes and writes."""
        if not self.is_field(node.target):
            return self.element(node) or super().visit_AugAssign(node)
        name = names_of(node.target)[1]
        if isinstance(self.layout.fields.get(name), Array):
            value = operation(self.field(node, name, ast.Load()), node.op, self.visit(node.value))
            target, checked = _expression(f"_pl_array_{name}[...]"), _expression(f"_pl_same_kind(_pl_array_{name}, 0)")
            target.ctx = ast.Store()
            checked.args[1] = value
            return located(node, ast.Assign([target], checked))
        value = operation(self.field(node, name, ast.Load()), node.op, self.visit(node.value))
        return self.store(node, node.target, located(node, value))

    def element(self, node: ast.AugAssign) -> Any:
        """``self.x[0] += value`` of an array of integers, which must not become what is no integer."""
        target: Any = node.target
        place = self.layout.fields.get(names_of(target.value)[-1]) if self.is_element(target) else None
        if not isinstance(place, Array) or place.kind != "i" or not is_plain(target):
            return None
        before: Any = copy.deepcopy(target)
        before.ctx = ast.Load()
        value = located(node, ast.BinOp(before, node.op, node.value))
        return self.visit_Assign(located(node, ast.Assign([target], value)))

    def is_element(self, target: ast.AST) -> bool:
        """Whether it is ``self.x[...]``."""
        return isinstance(target, ast.Subscript) and self.is_field(target.value)

    def is_field(self, target: ast.AST) -> bool:
        """Whether it is ``self.x``."""
        chain = names_of(target)
        return len(chain) == 2 and chain[0] == self.owner

    def store(self, node: ast.AST, target: ast.AST, value: ast.expr) -> Any:
        """Write a word, refusing what would silently become another type."""
        name = names_of(target)[1]
        place = self.layout.fields.get(name)
        if not isinstance(place, Word):
            if place is None:
                self.field(node, name, ast.Load())
            what = "an array: write self.x[:] = ..." if isinstance(place, Array) else "fixed after setup"
            raise self.source.error(node, f"{name} is {what}")
        memory = "_pl_f" if place.kind == "f" else "_pl_i"
        made = _parsed(f"{memory}[{place.at}] = _pl_to_{place.kind}(0)")
        made.value = self.given(value, f"_pl_to_{place.kind}")
        return located(node, made)

    def given(self, value: ast.expr, kept: str) -> ast.expr:
        """The value of a field; of two of which one is chosen each is looked at before they become one kind."""
        if isinstance(value, ast.IfExp):
            return ast.IfExp(value.test, self.given(value.body, kept), self.given(value.orelse, kept))
        return ast.Call(ast.Name(kept, ast.Load()), [value], [])

    # Expressions.

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Fields, indicators, the context, signals."""
        chain = self.names(node)
        if len(chain) >= 2 and chain[0] == self.owner:
            return self.own(node, chain)
        if len(chain) >= 2 and chain[0] == self.ctx:
            return self.context(node, chain)
        if len(chain) >= 2 and self.is_signal(chain[:-1]):
            if chain[-1] in SIGNALS:
                return located(node, _expression(f"_pl_signal({SIGNALS[chain[-1]]}, 0.0, 0.0)"))
            what = "read but not called" if chain[-1] in SIZED else "no signal"
            raise self.source.error(node, f"Signal.{chain[-1]} is {what}; there are {listing([*SIGNALS, *SIZED])}")
        return super().visit_Attribute(node)

    def visit_Name(self, node: ast.Name) -> Any:
        """``ctx`` and ``self`` alone, and names for views, have no form in compiled code."""
        if node.id in (self.ctx, self.owner) and (self.rule.is_method or node.id == self.ctx):
            raise self.source.error(node, f"{node.id} can be read from, but not handed on")
        if node.id in self.aliases or node.id in self.rule.indicators:
            chain = self.aliases.get(node.id) or [self.owner or "state", node.id]
            if chain[0] == self.ctx:
                return self.context(node, chain)
            return self.own(node, chain)
        return self.outside(node)

    def own(self, node: Any, chain: list[str]) -> Any:
        """``self.x``, ``self.indicator.value``, ``self.array.size``."""
        name = chain[1]
        place = self.layout.fields.get(name)
        if isinstance(place, Indicator):
            if len(chain) == 2:
                raise self.source.error(node, f"read {name}.value, {name}[-1] or one of its outputs")
            if len(chain) > 3:
                raise self.source.error(node, f"{'.'.join(chain)} is a number")
            if chain[2] == "ready":
                if place.may_lack:
                    raise self.source.error(
                        node,
                        f"{name} may be ready without a number, which compiled code cannot tell: write "
                        f"{name}.value == {name}.value, which is false where there is none",
                    )
                return located(node, _expression(f"(not _pl_isnan({self.slot(name, None, 0)}))"))
            return located(node, _expression(self.slot(name, None if chain[2] == "value" else chain[2], 0)))
        if isinstance(node.ctx, ast.Store):
            raise self.source.error(node, "assign one field at a time")
        if len(chain) > 2 and chain[-1] == node.attr:
            return self.generic_visit(node)
        return self.field(node, name, node.ctx)

    def field(self, node: ast.AST, name: str, _context: ast.expr_context) -> Any:
        """A field's value."""
        place = self.layout.fields.get(name)
        if isinstance(place, Word):
            code = {"f": "_pl_f[{}]", "i": "_pl_i[{}]", "b": "(_pl_i[{}] != 0)"}[place.kind]
            return located(node, _expression(code.format(place.at)))
        if isinstance(place, Array):
            self.out.arrays[name] = place
            return located(node, ast.Name(f"_pl_array_{name}", ast.Load()))
        if isinstance(place, Constant):
            return located(node, ast.Constant(place.value))
        if isinstance(place, Indicator):
            raise self.source.error(node, f"read {name}.value, {name}[-1] or one of its outputs")
        unset = "not set in setup; give it its first value there"
        if name.startswith("__") and not name.endswith("__"):
            unset = "a name of two underscores, which Python changes and compiled code does not: begin it with one"
        problem = self.problems.get(name, unset)
        raise self.source.error(node, f"{name} is {problem}")

    def slot(self, name: str, output: str | None, back: int) -> str:
        """The place of an indicator's value among those that are lent."""
        wanted = (name, output, back)
        if wanted not in self.out.slots:
            self.out.slots.append(wanted)
        return f"_pl_v[{self.out.slots.index(wanted)}]"

    def context(self, node: Any, chain: list[str]) -> Any:
        """``ctx.x`` and ``ctx.x.y``."""
        name, rest = chain[1], chain[2:]
        out = self.out
        if isinstance(node.ctx, ast.Store):
            raise self.source.error(node, f"what ctx shows cannot be changed: ctx.{'.'.join(chain[1:])}")
        if name in EVENTS:
            kind, fields = EVENTS[name]
            if len(rest) != 1 or rest[0] not in fields:
                raise self.source.error(
                    node, f"read one of {listing(fields)} of ctx.{name}; a name of your own for it may be bound once"
                )
            out.reads |= READS_EVENT
            return located(node, _expression(f"_pl_event(_pl_c, _pl_ci, {kind}, {EVENT + fields.index(rest[0])})"))
        if name in COLUMNS and not rest:
            out.windows.add(COLUMNS.index(name))
            return located(node, ast.Name(f"_pl_w{COLUMNS.index(name)}", ast.Load()))
        if name in COLUMNS:
            return self.generic_visit(node)
        if name == "position":
            return self.position(node, rest)
        if name in ("equity", "cash") and not rest:
            out.reads |= READS_ACCOUNT
            return located(node, _expression(f"_pl_c[{EQUITY if name == 'equity' else CASH}]"))
        if name == "ts" and not rest:
            return located(node, _expression(f"_pl_ci[{NOW}]"))
        if name == "orders" and not rest:
            out.reads |= READS_ORDERS
            self.check_truth(node, "ctx.orders", "len(ctx.orders) and its truth, as in if ctx.orders")
            return located(node, _expression(f"(_pl_ci[{ORDER_COUNT}] != 0)"))
        raise self.source.error(node, f"ctx.{'.'.join(chain[1:])} is not there in compiled code; there are {CTX_HAS}")

    def check_truth(self, node: ast.AST, name: str, has: str) -> None:
        """Refuse an object that is compared, computed with or handed on, where a bool would take its place."""
        if id(node) not in self.truths:
            raise self.source.error(node, f"{name} itself is not there in compiled code; there are {has}")

    def position(self, node: ast.AST, rest: list[str]) -> Any:
        """``ctx.position``: true unless flat, and its numbers."""
        self.out.reads |= READS_POSITION
        size = f"_pl_c[{POSITION}]"
        if not rest:
            has = f"its truth, as in if ctx.position, and of it {listing([*POSITIONS, 'side'])}"
            self.check_truth(node, "ctx.position", f"{has}; a name of your own for it may be bound once")
            return located(node, _expression(f"({size} != 0.0)"))
        if rest == ["side"]:
            return located(node, _expression(f"('long' if {size} > 0.0 else 'short' if {size} < 0.0 else 'flat')"))
        if len(rest) != 1 or rest[0] not in POSITIONS:
            raise self.source.error(node, f"of ctx.position there are {listing([*POSITIONS, 'side'])}")
        return located(node, _expression(f"_pl_c[{POSITIONS[rest[0]]}]"))

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """``self.indicator[-2]`` is the value before the current one."""
        chain = self.names(node.value)
        if len(chain) == 2 and chain[0] == self.owner and isinstance(self.layout.fields.get(chain[1]), Indicator):
            index = node.slice
            back = index.operand if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) else None
            if isinstance(back, ast.Constant) and isinstance(back.value, int) and back.value >= 1:
                return located(node, _expression(self.slot(chain[1], None, back.value - 1)))
            raise self.source.error(
                node, "an indicator is read back with a number: [-1] is the current value, [-2] the one before"
            )
        return self.generic_visit(node)

    # Calls.

    def visit_Call(self, node: ast.Call) -> Any:
        """Orders, crossings, signals with a size."""
        chain = self.names(node.func)
        if len(chain) == 2 and chain[0] == self.ctx:
            return self.order(node, chain[1])
        if len(chain) in (3, 4) and chain[0] == self.owner and chain[-1] in ("crossed_above", "crossed_below"):
            return self.crossing(node, chain)
        if len(chain) >= 2 and self.is_signal(chain[:-1]):
            return self.sized(node, chain[-1])
        if len(chain) == 2 and chain[0] == self.owner and chain[1] not in self.layout.fields:
            raise self.source.error(
                node, f"{chain[1]} is a method, which is not compiled; make it a function of the module"
            )
        return self.function(node, chain)

    def function(self, node: ast.Call, chain: list[str]) -> Any:
        """Functions of Python whose form in numba is another, or gives other results."""
        found = self.found(chain)
        draws = drawn(found)
        if draws is not None:
            raise self.source.error(node, f"{draws} cannot be called: {WAY_OUT}")
        if len(chain) == 2 and isinstance(found, FunctionType) and not is_library(found.__module__):
            way_out = f"from {chain[0]} import {chain[1]}"
            raise self.source.error(
                node, f"a function of another module is compiled under its own name: write {way_out}"
            )
        if len(node.args) == 1 and not node.keywords:
            inner = self.names(node.args[0])
            if found is len and inner == [self.ctx, "orders"]:
                self.out.reads |= READS_ORDERS
                return located(node, _expression(f"_pl_ci[{ORDER_COUNT}]"))
            is_line = len(inner) == 2 and inner[0] == self.owner
            if found is float and is_line and isinstance(self.layout.fields.get(inner[1]), Indicator):
                return located(node, _expression(self.slot(inner[1], None, 0)))
        self.generic_visit(node)
        return self.called(node, found)

    def crossing(self, node: ast.Call, chain: list[str]) -> Any:
        """``a.crossed_above(b)``, where b is an indicator, an output of one or a number."""
        if len(node.args) != 1 or node.keywords:
            raise self.source.error(node, f"{chain[-1]} takes one indicator or number")
        output = chain[2] if len(chain) == 4 else None
        call = _expression(f"_pl_{chain[-1]}({self.slot(chain[1], output, 1)}, {self.slot(chain[1], output, 0)}, 0, 0)")
        other = self.names(node.args[0])
        if len(other) in (2, 3) and other[0] == self.owner and isinstance(self.layout.fields.get(other[1]), Indicator):
            line = other[2] if len(other) == 3 and other[2] != "value" else None
            if len(other) == 2 or line:
                call.args[2:] = [_expression(self.slot(other[1], line, back)) for back in (1, 0)]
                return located(node, call)
        level = self.visit(node.args[0])
        call.args[2:] = [level, copy.deepcopy(level)]
        return located(node, call)

    def sized(self, node: ast.Call, name: str) -> Any:
        """``Signal.long(size=..., limit=...)``, which carries both to wherever it is returned."""
        if name not in SIZED:
            raise self.source.error(node, f"Signal.{name} cannot be called")
        given = dict(zip(("size",), node.args, strict=False)) | {key.arg: key.value for key in node.keywords}
        unknown = [key for key in given if key not in ("size", "limit") or (name == "target" and key == "limit")]
        if unknown or len(node.args) > 1:
            raise self.source.error(node, f"Signal.{name} takes size" + ("" if name == "target" else " and limit"))
        size, limit, unit = given.get("size"), given.get("limit"), 1
        if isinstance(size, ast.Dict):
            keys = [key.value for key in size.keys if isinstance(key, ast.Constant)]
            if len(keys) != 1 or len(size.keys) != 1 or keys[0] not in UNITS:
                raise self.source.error(node, "a size is a number, {'base': q}, {'quote': n} or {'equity': part}")
            unit, size = UNITS[str(keys[0])], size.values[0]
        call = _expression(f"_pl_sized({SIZED[name]}, {unit}, None, None)")
        for at, value in ((2, size), (3, limit)):
            if value is not None:
                call.args[at] = self.visit(value)
        if name == "target" or isinstance(given.get("size"), ast.Dict):
            # Without a number it is no signal at all.
            call.args[2] = ast.Call(ast.Name("_pl_needed", ast.Load()), [call.args[2]], [])
        return located(node, call)

    def order(self, node: ast.Call, name: str) -> Any:
        """``ctx.buy`` and its kin."""
        takes = {
            "buy": (("quantity",), ("limit", "reduce_only", "tif")),
            "sell": (("quantity",), ("limit", "reduce_only", "tif")),
            "replace": (("id",), ("quantity", "limit")),
            "cancel": (("id",), ()),
        }
        if name not in takes:
            raise self.source.error(node, f"ctx.{name} is not there in compiled code; there are {CTX_HAS}")
        positional, keyword = takes[name]
        given = dict(zip(positional, node.args, strict=False)) | {key.arg: key.value for key in node.keywords}
        unknown = [str(key) for key in given if key not in (*positional, *keyword)]
        if unknown or len(node.args) > len(positional):
            raise self.source.error(node, f"compiled, ctx.{name} takes {listing([*positional, *keyword])}")
        if "tif" in given:
            tif = given["tif"]
            if not isinstance(tif, ast.Constant) or tif.value not in TIFS:
                raise self.source.error(node, "compiled, tif is written out: 'GTC', 'IOC' or 'FOK'")
            given["tif"] = ast.Constant(TIFS[str(tif.value)])
        call = _expression(f"_pl_{name}(_pl_a)")
        defaults: dict[str, Any] = {"reduce_only": False, "tif": 0}
        for key in (*positional, *keyword):
            value = given.get(key)
            call.args.append(ast.Constant(defaults.get(key)) if value is None else self.visit(value))
        return located(node, call)
