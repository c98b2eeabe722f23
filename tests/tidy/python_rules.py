"""The tidy rules for the Python package: its sources, and the names it shows when imported."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from tidy.sources import Offence, Source

FUNCTION_LINES = 70

# Files that may read the time, and what for. The engine's own times come from the compiled module.
MAY_READ_THE_TIME: dict[str, str] = {
    "python/pairloom/_sweep/remote.py": "how long a batch took, which says how large the next one may be",
    "python/pairloom/_sweep/run.py": "how long all runs of a sweep took together",
    "python/pairloom/_progress.py": "how often the bar is drawn",
    "python/pairloom/demo/watch.py": "how often the live table is drawn",
    "python/pairloom/cli/kill.py": "when the signal was sent, and how long the journal is waited for",
    "python/pairloom/cli/risk.py": "from when on the risk process lays out the sessions of its limits",
    "python/pairloom/engine.py": "load_s: reading the data happens before there is a run",
}

CLOCK_CALLS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "monotonic_ns"),
    ("time", "perf_counter"),
    ("time", "perf_counter_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}

Rule = Callable[[Source], list[Offence]]


def time_in_named_files(source: Source) -> list[Offence]:
    """The time is read where the table above says, and nowhere else."""
    if source.path in MAY_READ_THE_TIME:
        return []
    offences = []
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Attribute) and (_last_name(node.value), node.attr) in CLOCK_CALLS:
            offences.append(Offence(source.path, node.lineno, f"`{node.attr}` reads the time; see python_rules.py"))
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names = [alias.name for alias in node.names if ("time", alias.name) in CLOCK_CALLS]
            offences += [Offence(source.path, node.lineno, f"`{name}` reads the time") for name in names]
    return offences


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def short_functions(source: Source) -> list[Offence]:
    """A function is what a reader can hold in mind at once; its docstring does not count."""
    offences = []
    for node in ast.walk(ast.parse(source.text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.end_lineno is None:
            continue
        lines = node.end_lineno - node.lineno + 1
        first = node.body[0]
        if ast.get_docstring(node) is not None and first.end_lineno is not None:
            lines -= first.end_lineno - first.lineno + 1
        if lines > FUNCTION_LINES:
            message = f"`{node.name}` has {lines} lines, more than {FUNCTION_LINES}: split it by meaning"
            offences.append(Offence(source.path, node.lineno, message))
    return offences


# What `import pairloom` may not load: each of these is slow to import and not always needed.
HEAVY = {"numpy", "pandas", "polars", "pyarrow", "asyncio", "concurrent", "multiprocessing"}


def heavy_imports_inside_functions(source: Source) -> list[Offence]:
    """`import pairloom` stays quick: heavy modules are imported by the function that uses them."""
    offences = []
    for node in _top_level_statements(ast.parse(source.text)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules = [node.module]
        for module in modules:
            if module.split(".")[0] in HEAVY:
                message = f"import {module} inside the function that uses it, or under TYPE_CHECKING"
                offences.append(Offence(source.path, node.lineno, message))
    return offences


def _top_level_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """What runs at import: the module's body and its branches, without functions and what only types see."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.dump(node.test):
                pending += node.body
            pending += node.orelse
        elif isinstance(node, ast.Try):
            pending += [*node.body, *node.orelse, *node.finalbody]
            pending += [statement for handler in node.handlers for statement in handler.body]
        elif isinstance(node, (ast.With, ast.ClassDef)):
            pending += node.body


def undocumented(module: ModuleType) -> list[str]:
    """The public names of a module, and the public members of its classes, that say nothing about themselves."""
    missing = [] if module.__doc__ else [module.__name__]
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, ModuleType):
            missing += undocumented(thing) if hasattr(thing, "__all__") else []
        elif inspect.isclass(thing):
            missing += _undocumented_members(f"{module.__name__}.{name}", thing)
        elif callable(thing) and not (inspect.getdoc(thing) or "").strip():
            missing.append(f"{module.__name__}.{name}")
    return missing


def _undocumented_members(path: str, cls: type) -> list[str]:
    missing = [] if (cls.__doc__ or "").strip() else [path]
    for name, member in vars(cls).items():
        if name.startswith("_") or not _wants_a_docstring(member):
            continue
        # A hook that is overridden is described where it is defined first.
        if not (inspect.getdoc(getattr(cls, name, member)) or inspect.getdoc(member) or "").strip():
            missing.append(f"{path}.{name}")
    return missing


def _wants_a_docstring(member: Any) -> bool:
    return (
        inspect.isroutine(member)
        or isinstance(member, (property, classmethod, staticmethod))
        or inspect.isgetsetdescriptor(member)
    )


RULES: tuple[Rule, ...] = (time_in_named_files, short_functions, heavy_imports_inside_functions)
