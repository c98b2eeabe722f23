"""The text of what is compiled, and errors that name its lines."""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from pairloom._compiled.outside import code_text
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from pairloom._compiled.rule import Rule

__all__ = ["Source", "changed", "is_what_runs", "read"]


@dataclass(frozen=True)
class Source:
    """A function as it stands in its file; line numbers are those of the file."""

    name: str
    file: str
    lines: list[str]
    first: int
    function: ast.FunctionDef

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that it uses."""
        return frozenset(node.id for node in ast.walk(self.function) if isinstance(node, ast.Name))

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The names of what it reads of objects."""
        return frozenset(node.attr for node in ast.walk(self.function) if isinstance(node, ast.Attribute))

    def error(self, node: ast.AST | int, problem: str) -> ConfigError:
        """Name the file, the line and its text."""
        line = node if isinstance(node, int) else getattr(node, "lineno", self.first)
        at = line - self.first
        text = f": {self.lines[at].strip()}" if 0 <= at < len(self.lines) else ""
        return ConfigError(f"{self.file}, line {line}: {self.name}: {problem}{text}", code="config.compiled")


def read(rule: Rule) -> Source:
    """Read the source of a rule; raises ``ConfigError`` where there is none to read, or none of what runs."""
    function = rule.function
    if hasattr(function, "__wrapped__"):
        raise _decorated(rule)
    try:
        # Of its code, since of a function the lines of one that it wraps would be given.
        lines, first = inspect.getsourcelines(function.__code__)
    except (OSError, SyntaxError, TypeError, tokenize.TokenError):
        if os.path.isfile(function.__code__.co_filename):
            raise changed(rule) from None
        raise ConfigError(
            f"{rule.name}: its source cannot be read; write it in a file or a notebook cell", code="config.compiled"
        ) from None
    first = max(first, 1)
    found = _parsed(lines, first)
    source = Source(
        rule.name,
        inspect.getsourcefile(function) or "?",
        [line.rstrip("\n") for line in lines],
        first,
        found,  # type: ignore[arg-type]  # What is no plain def is refused below, where its line can be named.
    )
    if not isinstance(found, ast.FunctionDef):
        if function.__code__.co_name == "<lambda>" or isinstance(found, ast.AsyncFunctionDef):
            raise source.error(first, "only a function written with def can be compiled")
        raise changed(rule)
    return source


def changed(rule: Rule) -> ConfigError:
    """What is said where the file has something else than what was imported."""
    code = rule.function.__code__
    return ConfigError(
        f"{code.co_filename}, line {code.co_firstlineno}: {rule.name}: its file has changed since it was imported, or "
        "what was imported was made of another source, and what the file has would be compiled; import it again, as a "
        "new process does, or leave it uncompiled",
        code="config.compiled",
    )


def is_what_runs(source: Source, function: FunctionType) -> bool:
    """Whether the source that was read is the function's."""
    runs = function.__code__
    # The whole file, since what Python makes of a function depends on the class and the imports around it, too.
    text = "".join(linecache.getlines(source.file, function.__globals__))
    asserts = not _is_rewritten(runs)
    return source.first == runs.co_firstlineno and any(
        code.co_name == runs.co_name and code.co_firstlineno == runs.co_firstlineno and _is_same(code, runs)
        for code in _compiled(text, runs.co_flags & _FUTURES, asserts)
    )


@lru_cache(maxsize=8)
def _compiled(text: str, flags: int, asserts: bool) -> list[CodeType]:
    """All code of a file, with or without its assertions."""
    try:
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        module: ast.Module = compile(text, "?", "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        if not asserts:
            module = _WithoutAsserts().visit(module)
        return [*_codes(compile(module, "?", "exec", flags, dont_inherit=True))]
    except (SyntaxError, ValueError):
        # It is being written, or has nothing to do with what runs.
        return []


class _WithoutAsserts(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        return ast.copy_location(ast.Pass(), node)


# What a module may ask of its compiler, such as annotations that are texts.
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


def _is_same(written: CodeType, runs: CodeType) -> bool:
    if not _is_rewritten(runs):
        return code_text(written) == code_text(runs)
    # The assertions are other ones. All else must be there.
    constants = set(map(repr, runs.co_consts))
    return (
        {*written.co_names} <= {*runs.co_names}
        and {*written.co_varnames} <= {*runs.co_varnames}
        and all(repr(each) in constants for each in written.co_consts if isinstance(each, int | float | str))
    )


def _is_rewritten(code: CodeType) -> bool:
    """Whether pytest wrote its assertions anew: no source has such names."""
    return any(name.startswith("@") for name in (*code.co_names, *code.co_varnames))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _decorated(rule: Rule) -> ConfigError:
    """What is said of a function that a decorator put in the place of another."""
    code, said = rule.function.__code__, ""
    try:
        code = inspect.unwrap(rule.function).__code__
        said = f": {inspect.getsourcelines(code)[0][0].strip()}"
    except (AttributeError, OSError, TypeError, ValueError):
        # What was wrapped is no function, or its source is not there: the line of its code must do.
        pass
    return ConfigError(
        f"{code.co_filename}, line {code.co_firstlineno}: {rule.name}: what its decorator does with it cannot be "
        f"compiled; take the decorator off, or leave it uncompiled{said}",
        code="config.compiled",
    )


def _parsed(lines: list[str], first: int) -> ast.stmt:
    """The first statement, at its lines in the file; something else than a function where there is none."""
    text = "".join(lines)
    if text[:1].isspace():
        # Taking the indentation away would change texts that go over several lines.
        text, first = f"if True:\n{text}", first - 1
    try:
        tree = ast.parse(text)
    except SyntaxError:
        # A lambda, whose line is no statement of its own, or the middle of something.
        tree = ast.parse("None")
    ast.increment_lineno(tree, first - 1)
    (statement, *_) = tree.body
    return statement.body[0] if isinstance(statement, ast.If) else statement
