"""The text of what is compiled, and errors that name its lines."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from pairloom._compiled.rule import Rule

__all__ = ["Source", "read"]


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
    """Read the source of a rule; raises ``ConfigError`` where there is none to read."""
    try:
        lines, first = inspect.getsourcelines(rule.function)
    except (OSError, TypeError):
        raise ConfigError(
            f"{rule.name}: its source cannot be read; write it in a file or a notebook cell", code="config.compiled"
        ) from None
    first = max(first, 1)
    try:
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except SyntaxError:
        # A lambda, whose line is no statement of its own.
        tree = ast.parse("None")
    ast.increment_lineno(tree, first - 1)
    source = Source(
        rule.name,
        inspect.getsourcefile(rule.function) or "?",
        [line.rstrip("\n") for line in lines],
        first,
        _only(tree),
    )
    if not isinstance(source.function, ast.FunctionDef):
        raise source.error(first, "only a function written with def can be compiled")
    return source


def _only(tree: ast.Module) -> ast.FunctionDef:
    # What is not a plain def is refused by the caller, which can name the line.
    return tree.body[0]  # type: ignore[return-value]
