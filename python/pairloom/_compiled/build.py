"""Compiling a rule for one layout of its state, and keeping what was compiled between runs.

What numba sees is a file of its own in the user's cache folder, named by everything the
code depends on: the source, the layout, the values it takes from its module, and the
versions. Line numbers stay those of the user's file, so that numba's errors name them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pairloom._compiled import rewrite as words
from pairloom._compiled import source as sources
from pairloom._compiled.along import usable
from pairloom._compiled.layout import Layout, pack
from pairloom._compiled.outside import fingerprint
from pairloom._compiled.rewrite import CTX_WORDS, Rewritten, fields_of, rewrite
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from pairloom._compiled.rule import Rule
    from pairloom._compiled.source import Source
    from pairloom.strategy import Strategy

__all__ = ["Built", "build", "held_by_class", "refuse_changes"]

# Two versions of these words must never share a compilation.
_OWN = (
    *("helpers.py", "signals.py", "maths.py", "exact.py", "libm.py", "arithmetic.py", "along.py"),
    *("refused.py", "rewrite.py", "build.py", "layout.py", "outside.py"),
)


@dataclass(frozen=True)
class Built:
    """A compiled rule."""

    address: int
    """Of a function with the interface of ``generate_signals`` in ``rust/strategy/src/abi.rs``, which without rows
    decides at what the context shows."""
    reads: int
    windows: bool
    slots: list[tuple[str, str | None, int]]
    layout: Layout
    keep: Any
    """The compiled function itself, whose memory the address is in."""
    of_class: dict[str, Any] = field(default_factory=dict)
    """What this one strategy has of its class and not of its own."""

    def state(self, values: dict[str, Any]) -> bytes:
        """The first bytes of the state."""
        return pack(self.layout, {**self.of_class, **values})


_built: dict[tuple[Any, CodeType, str, str], Built] = {}


def build(rule: Rule, strategy: Strategy, shared: Collection[str] = ()) -> Built:
    """Compile the rule for the state that ``strategy`` has after its setup; once per layout and what it reads outside.

    ``shared`` are names of arrays that other traders have, too.

    Raises ``ConfigError`` naming the line of what cannot be compiled, and the way out
    where numba is not installed.
    """
    source, names = _read(rule)
    found = {name: _value(strategy, name) for name in names}
    values = {name: value for name, value in found.items() if value is not _UNSET}
    # Every trader comes by here twice a run, and few have arrays.
    has_arrays = any(hasattr(value, "base") for value in values.values())
    others = _others(rule, strategy) | {id(values[name]) for name in shared if name in values} if has_arrays else ()
    layout, problems = Layout.of(values, others)
    outside = fingerprint(_outside(rule, source), source.attributes)
    key = (rule.function, rule.function.__code__, layout.key(), outside)
    if key not in _built:
        _built[key] = _compile(rule, source, layout, problems, strategy.window, outside)
    # A subclass may have another window.
    _check_window(source, strategy.window, reads_arrays=_built[key].windows)
    own = strategy.__dict__
    of_class = {name: value for name, value in values.items() if name not in own}
    return replace(_built[key], of_class=of_class) if of_class else _built[key]


def _check_window(source: Source, window: int, *, reads_arrays: bool) -> None:
    if reads_arrays and not window:
        raise source.error(source.function, "it reads the arrays of ctx; declare their length: window: int = 200")


def held_by_class(rule: Rule, strategy: Strategy) -> dict[str, Any]:
    """What the code reads of the class, since the instance has nothing of that name."""
    values = {name: _value(strategy, name) for name in _read(rule)[1] if name not in strategy.__dict__}
    return {name: value for name, value in values.items() if value is not _UNSET}


def refuse_changes(rule: Rule, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise ``ConfigError`` where a setup changes what all traders read of the class, each at another time."""
    source, _ = _read(rule)
    for name, value in after.items():
        # What nobody had set yet a setup may make for all, who then find the same.
        if before.get(name, value) is not value:
            node = next(
                each for each in ast.walk(source.function) if isinstance(each, ast.Attribute) and each.attr == name
            )
            raise source.error(
                node,
                f"{name} is changed in the class by setup, for all traders: keep it in self, as in self.{name} = ...",
            )


# Reading a source takes milliseconds, and every trader comes by here twice a run. A function may be given other code.
_sources: WeakKeyDictionary[Rule, tuple[CodeType, Source, set[str]]] = WeakKeyDictionary()


def _read(rule: Rule) -> tuple[Source, set[str]]:
    code = rule.function.__code__
    found = _sources.get(rule)
    if found is None or found[0] is not code:
        source = sources.read(rule)
        if not sources.is_what_runs(source, rule.function):
            raise sources.changed(rule)
        found = _sources[rule] = code, source, fields_of(rule, source)
    return found[1:]


_UNSET = object()


def _value(strategy: Strategy, name: str) -> Any:
    """What ``self.x`` is, where it can be known; what would be computed or called comes as what computes it."""
    cls = type(strategy)
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _UNSET)
    if name in strategy.__dict__ and not hasattr(type(found), "__set__"):
        return strategy.__dict__[name]
    return _UNSET if callable(found) else found


def _others(rule: Rule, strategy: Strategy) -> set[int]:
    """The objects that others may have, too: those of the class, of the parameters and of the module."""
    cls = type(strategy)
    given = getattr(strategy, "_Strategy__given", {})
    held = [*(vars(base) for base in cls.__mro__), given, rule.function.__globals__]
    return {id(value) for values in held for value in values.values()}


def _compile(rule: Rule, source: Source, layout: Layout, problems: dict[str, str], window: int, outside: str) -> Built:
    try:
        import numba
    except ImportError as error:
        raise ConfigError(
            f"{rule.name} is compiled, which needs numba: pip install 'pairloom[numba]', or write "
            '@pairloom.compiled(fallback="python") to run it as ordinary Python without it',
            code="config.compiled",
        ) from error
    made = rewrite(rule, source, layout, problems)
    _check_window(source, window, reads_arrays=bool(made.windows))
    module = ast.Module([made.function, *ast.parse(_entry(made, layout)).body], [])
    ast.fix_missing_locations(module)
    namespace = _namespace(rule, source)
    path = _kept(rule, ast.unparse(module), outside)
    own = _module(path, namespace)
    try:
        code = compile(module, str(path), "exec")
    except (SyntaxError, ValueError, TypeError) as error:
        line = getattr(error, "lineno", None) or source.function
        raise source.error(line, f"it has no compiled form: {error}; leave it uncompiled") from error
    exec(code, own)
    own["_pl_decide"] = numba.njit(boundscheck=True, fastmath=False, forceinline=True)(own["_pl_decide"])
    entry = _entry_compiled(source, own["_pl_entry"])
    return Built(int(entry.address or 0), made.reads, bool(made.windows), made.slots, layout, entry)


def _entry_compiled(source: Source, entry: Any) -> Any:
    import numba

    pointer, word = numba.types.voidptr, numba.int64
    signature = numba.int32(pointer, pointer, word, pointer, pointer)
    try:
        return numba.cfunc(signature, cache=True)(entry)
    except Exception:  # noqa: S110 (what was kept may be unreadable, and so may the folder: then it is compiled anew)
        pass
    try:
        return numba.cfunc(signature)(entry)
    except Exception as error:  # numba's errors have no common parent, and some of them are plain ones
        raise _told(source, error) from error


def _module(path: Path, namespace: dict[str, Any]) -> dict[str, Any]:
    """A module for the code: what numba has kept looks for its own by name."""
    module = ModuleType(f"_pairloom_compiled_{path.stem}")
    module.__file__ = str(path)
    module.__dict__.update(namespace)
    sys.modules[module.__name__] = module
    return module.__dict__


def _entry(made: Rewritten, layout: Layout) -> str:
    """The function that the engine calls; it lets no exception out, and prints none.

    ``rows`` is the address of what changes from row to row, or zero for the one event that
    the context shows already. Of many rows it ends behind the first at which the rule asks
    for something.
    """
    from pairloom._compiled import signals

    column = "_pl_readonly(_pl_carray(_pl_pointer(ci[{}]), (ci[21],), _pl_float64))"
    windows = [column.format(16 + at) if at in made.windows else "None" for at in range(5)]
    columns, shown = _rows(made)
    return f"""
def _pl_entry(state, ctx, rows, answer, taken):
    c = _pl_carray(ctx, ({CTX_WORDS},), _pl_float64)
    ci = _pl_carray(ctx, ({CTX_WORDS},), _pl_int64)
    a = _pl_carray(answer, (11,), _pl_int64)
    v = _pl_carray(_pl_pointer(ci[14]), (ci[15],), _pl_float64)
    f = _pl_carray(state, ({layout.words},), _pl_float64)
    i = _pl_carray(state, ({layout.words},), _pl_int64)
    t = _pl_carray(taken, (1,), _pl_int64)
    cr, cir, vr = _pl_readonly(c), _pl_readonly(ci), _pl_readonly(v)
    w0, w1, w2, w3, w4 = {", ".join(windows)}
    many = rows != 0
    r = _pl_carray(_pl_pointer(rows), ({words.ROWS_WORDS},), _pl_int64)
    count = r[{words.COUNT}] if many else 1
    held = r[0] >> 32 if many else 0
    {columns}
    row = 0
    while row < count:
        if many:
            {shown}
        row += 1
        failed = False
        word, size, limit = 0, 0.0, 0.0
        try:
            word, size, limit = _pl_answer(_pl_decide(cr, cir, a, vr, f, i, w0, w1, w2, w3, w4))
        except Exception:
            failed = True
        if failed:
            t[0] = row
            return 1
        code = word & 255
        if word & {signals.SAYS_MORE} == 0:
            a[1] = 0
            met = code == 0 or (code == 1 and held == 1) or (code == 2 and held == -1) or (code == 3 and held == 0)
            if many and met and a[7] == 0:
                continue
        else:
            a[1] = ((word >> {signals.UNIT}) & 255) | ((1 << 32) if word & {signals.LIMIT} else 0)
            a[2], a[3] = _pl_words(size), _pl_words(limit)
        a[0] = (a[0] & 0xFFFFFFFF) | (code << 32)
        t[0] = row
        return 0
    t[0] = count
    return 0
"""


def _rows(made: Rewritten) -> tuple[str, str]:
    """What lies in columns over many rows, and how the context shows one of them: two blocks of lines."""
    address = "_pl_pointer({} if many else 0), (count,), _pl_{}"
    columns = ["opens = _pl_carray(" + address.format(f"r[{words.OPENING_TS}]", "int64") + ")"]
    columns += ["knowns = _pl_carray(" + address.format(f"r[{words.TS}]", "int64") + ")"]
    columns += [f"is_known, interval = (r[{words.TS}] != 0, r[{words.INTERVAL}]) if many else (False, 0)"]
    shown = [f"ci[{words.NOW}] = knowns[row] if is_known else opens[row] + interval"]
    if made.reads & words.READS_EVENT:
        for at in range(5):
            columns += [f"e{at} = _pl_carray(" + address.format(f"r[{words.COLUMNS_AT + at}]", "float64") + ")"]
            columns += [f"h{at} = r[{words.COLUMNS_AT + at}] != 0 if many else False"]
            shown += [f"c[{words.EVENT + at}] = e{at}[row] if h{at} else _pl_nan"]
    if made.reads & words.READS_POSITION:
        columns += ["last = _pl_carray(" + address.format(f"r[{words.LAST}]", "float64") + ")"]
        columns += [f"is_held = r[{words.LAST}] != 0 if many else False"]
        shown += ["if is_held:", f"    c[{words.PNL}] = c[{words.POSITION}] * (last[row] - c[{words.ENTRY}])"]
    if made.slots:
        columns += [f"sf = _pl_carray(_pl_pointer(r[{words.SLOTS}] if many else 0), (2 * ci[15],), _pl_float64)"]
        columns += [f"si = _pl_carray(_pl_pointer(r[{words.SLOTS}] if many else 0), (2 * ci[15],), _pl_int64)"]
    for at in range(len(made.slots)):
        columns += [f"later{at} = _pl_carray(" + address.format(f"si[{2 * at + 1}]", "float64") + ")"]
        shown += [f"v[{at}] = later{at}[row - 1] if row > 0 else sf[{2 * at}]"]
    return "\n    ".join(columns), "\n            ".join(shown)


def _outside(rule: Rule, source: Source) -> dict[str, Any]:
    """Of its own module and its closure what the code names."""
    function = rule.function
    closed = {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    }
    seen = {**function.__globals__, **closed}
    own = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    return {name: seen[name] for name in source.names - own if name in seen}


def _namespace(rule: Rule, source: Source) -> dict[str, Any]:
    """What the code sees by name: helpers, and what is outside."""
    from pairloom._compiled.helpers import HELPERS

    return {**{name: usable(value) for name, value in _outside(rule, source).items()}, **HELPERS}


def _kept(rule: Rule, code: str, outside: str) -> Path:
    """The file of this code in the cache, written if it is not there."""
    import numba
    import numpy as np

    import pairloom

    own = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _OWN]
    versions = [pairloom.__version__, numba.__version__, np.__version__, sys.version]
    name = hashlib.sha256("\n".join([code, outside, *versions, *own]).encode()).hexdigest()[:24]
    folder = _folder()
    path = folder / f"{rule.function.__name__}_{name}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8", suffix=".tmp") as file:
            file.write(f"# Compiled by Pairloom from {rule.name}; the folder may be deleted at any time.\n{code}\n")
        os.replace(file.name, path)
    return path


def _folder() -> Path:
    """A folder of the user's own that can be written to."""
    root = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(root) if root else Path.home() / ".cache") / "pairloom" / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return folder
    except OSError:
        # Nothing can be kept, so the next run compiles again.
        return Path(tempfile.mkdtemp(prefix="pairloom-"))


def _told(source: Source, error: Exception) -> ConfigError:
    """Numba's error as a sentence that names the user's line."""
    import re

    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = text.replace("TypingError: ", "")
    last = source.first + len(source.lines)
    lines = [int(found) for found in re.findall(r"\((\d+)\)|line (\d+)", text) for found in found if found]
    lines = [line for line in lines if source.first <= line < last]
    said = [
        line.strip(" >-")
        for line in text.splitlines()
        if line.strip() and not re.match(r"\s*(File|During:|\[\d\]|Failed in|Enter|- Resolution|<source)", line)
    ]
    telling = r"field|returns|cannot|Cannot|not supported|[Uu]nsupported|Unknown|Untyped"
    reasons = [line for line in said if re.search(telling, line)]
    reason = (reasons or said or [type(error).__name__])[-1 if reasons else 0]
    if "which is no Signal" in reason:
        # It is the function as a whole that returns this; a single return is to blame for it.
        lines = [node.lineno for node in ast.walk(source.function) if isinstance(node, ast.Return) and node.value]
        lines = lines if len(lines) == 1 else []
    if "scipy" in text.lower():
        products: list[Any] = [node for node in ast.walk(source.function) if _is_product(node)]
        lines = [node.lineno for node in products[:1]] or lines
        reason = "a product of arrays needs SciPy there: pip install scipy, or write it as a sum in a loop"
    if "readonly array" in reason:
        reason = (
            "an array of ctx, of the class, of the parameters, of the module or of a cache is not this trader's "
            "alone and cannot be changed; change a copy, which setup makes, as in self.x = self.x.copy()"
        )
    return source.error(lines[-1] if lines else source.first, f"numba cannot compile it: {reason.rstrip('.:')}")


def _is_product(node: Any) -> bool:
    """Whether it is ``a @ b``, ``np.dot(a, b)`` or the like."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.MatMult)
    return isinstance(node, ast.Attribute) and node.attr in ("dot", "vdot", "matmul", "linalg")
