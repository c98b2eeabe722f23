"""Reads the repository's own sources for the tidy rules: which files there are, and Rust without its noise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What a build or an editor leaves in a working copy is nobody's source.
SKIPPED_FOLDERS = {
    ".git",
    ".hypothesis",
    ".make",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "dist",
    "node_modules",
    "target",
}


@dataclass(frozen=True)
class Source:
    """One file, by the path a reader would name it by (relative, with forward slashes)."""

    path: str
    text: str

    @property
    def is_test(self) -> bool:
        """Test code may unwrap, read clocks and be long: it is not what runs at a user's."""
        parts = self.path.split("/")
        return (
            parts[0] == "tests"
            or "tests" in parts[:-1]
            or "benches" in parts[:-1]
            or parts[-1] in {"tests.rs", "test_support.rs"}
            or parts[-1].startswith("tests_")
            or parts[-1].endswith("_tests.rs")
        )

    def line_of(self, offset: int) -> int:
        """The line number, from 1, of a place in the text."""
        return self.text.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Offence:
    """One place where a rule is broken, and what to do about it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def walk(suffixes: tuple[str, ...], under: str = "") -> list[Source]:
    """Every file of these endings below a folder of the repository, in a fixed order."""
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(_files(ROOT / under))
        if path.name.endswith(suffixes)
    ]


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name not in SKIPPED_FOLDERS:
                yield from _files(entry)
        else:
            yield entry


_RUST_NOISE = re.compile(
    r"""
      (?P<line>//[^\n]*)
    | (?P<block>/\*)
    | (?P<raw>\b(?:b|c)?r(?P<hashes>\#*)")
    | (?P<string>(?:\b[bc])?"(?:[^"\\]|\\.)*")
    | (?P<char>(?:\bb)?'(?:[^'\\\n]|\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.))')
    """,
    re.VERBOSE | re.DOTALL,
)


def rust_code(text: str) -> str:
    """Rust with comments and the insides of literals blanked out; every line and column stays where it was."""
    out: list[str] = []
    position = 0
    while found := _RUST_NOISE.search(text, position):
        end = found.end()
        if found["block"]:
            end = _end_of_block_comment(text, found.start())
        elif found["raw"]:
            closing = '"' + found["hashes"]
            at = text.find(closing, end)
            end = len(text) if at < 0 else at + len(closing)
        out.append(text[position : found.start()])
        out.append(_blank(text[found.start() : end]))
        position = end
    out.append(text[position:])
    return "".join(out)


def _end_of_block_comment(text: str, start: int) -> int:
    depth = 0
    for token in re.finditer(r"/\*|\*/", text[start:]):
        depth += 1 if token[0] == "/*" else -1
        if depth == 0:
            return start + token.end()
    return len(text)


def _blank(piece: str) -> str:
    return re.sub(r"[^\n]", " ", piece)


_TEST_ATTRIBUTE = re.compile(r"#\[cfg\((?:test|(?:any|all)\([^\]]*\btest\b[^\]]*\))\)\]|#\[(?:tokio::)?test\b[^\]]*\]")


def rust_without_tests(code: str) -> str:
    """Blanks every item marked as test code; `code` comes from `rust_code`."""
    position = 0
    while found := _TEST_ATTRIBUTE.search(code, position):
        if "not(test" in found[0]:
            position = found.end()
            continue
        end = end_of_item(code, found.end())
        code = code[: found.start()] + _blank(code[found.start() : end]) + code[end:]
        position = end
    return code


def end_of_item(code: str, start: int) -> int:
    """Where the item that begins at `start` ends: after its body's closing brace, or its semicolon."""
    depth = 0
    for at in range(start, len(code)):
        sign = code[at]
        if sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == ";" and depth == 0:
            return at + 1
        elif sign == "{" and depth == 0:
            return end_of_braces(code, at)
    return len(code)


def end_of_braces(code: str, start: int) -> int:
    """Where the brace that opens at `start` is closed."""
    depth = 0
    for at in range(start, len(code)):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return len(code)
