"""The tidy rules for every text of the repository: words, lengths, links, the one version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from tidy.sources import Offence, Source

FILE_LINES = 500

# Files that may be longer, with the reason.
LONG_FILES: dict[str, str] = {}

# Spelt in two pieces, so that this file does not accuse itself.
LEFTOVERS = re.compile(
    r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b"
    r"|\b(?:to" + r"do|unimplem" + r"ented|d" + r"bg)!\s*\(|\bNotImplemented" + r"Error\b"
)
MACHINE_PATHS = re.compile(r"(?<![\w.<-])/(?:wo" + r"rk|ro" + r"ot|home/\w+)/")

Rule = Callable[[Source], list[Offence]]


def no_leftovers(source: Source) -> list[Offence]:
    """What is not built yet has no name yet: a promise in the code is a stub."""
    return _lines_with(source, LEFTOVERS, "finish it, or take the promise away")


def no_machine_paths(source: Source) -> list[Offence]:
    """A path that exists on one machine only helps nobody else."""
    return _lines_with(source, MACHINE_PATHS, "names a path of one machine")


def _lines_with(source: Source, pattern: re.Pattern[str], message: str) -> list[Offence]:
    return [
        Offence(source.path, number, f"{message}: `{hit[0]}`")
        for number, line in enumerate(source.text.splitlines(), 1)
        if (hit := pattern.search(line))
    ]


def short_files(source: Source) -> list[Offence]:
    """A file has one subject; past this length it usually has two."""
    lines = source.text.count("\n")
    if source.is_test or source.path in LONG_FILES or lines <= FILE_LINES:
        return []
    return [Offence(source.path, 1, f"has {lines} lines, more than {FILE_LINES}: split it by meaning")]


_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def broken_links(source: Source, root: Path) -> list[Offence]:
    """A relative link in a document leads to a file that is there, and to a heading that is in it."""
    prose = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), source.text)
    offences = []
    for link in _LINK.finditer(prose):
        target = unquote(link[1])
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (root / source.path).parent / file if file else root / source.path
        line = source.line_of(link.start())
        if not place.exists():
            offences.append(Offence(source.path, line, f"links to {target}, which does not exist"))
        elif anchor and place.suffix == ".md" and anchor not in headings(place.read_text(encoding="utf-8")):
            offences.append(Offence(source.path, line, f"links to {target}, but there is no such heading"))
    return offences


_MAKE = re.compile(r"^\s*make ([a-z][a-z-]*)(.*)$|`make ([a-z][a-z-]*)([^`\n]*)`", re.MULTILINE)
_RULE = re.compile(r"^([^\s:#]+):(?!=)([^\n#]*)", re.MULTILINE)
# What the environment's own interpreter can test with: the package as it is now, and pytest.
INSTALLED = "$(STAMPS)/test-tools"


def wrong_targets(source: Source, makefile: str) -> list[Offence]:
    """What a document says of `make` is there, and what it runs after it from `.venv` has been put there."""
    needs = {target: set(needed.split()) for target, needed in _RULE.findall(makefile)}
    # In prose a line may begin with the word, so that lines count in fenced text alone.
    fenced = [range(*fence.span()) for fence in _FENCE.finditer(source.text)]
    offences = []
    for hit in _MAKE.finditer(source.text):
        if hit[1] and not any(hit.start() in fence for fence in fenced):
            continue
        target, rest, line = hit[1] or hit[3], hit[2] or hit[4] or "", source.line_of(hit.start())
        if target not in needs:
            offences.append(Offence(source.path, line, f"the Makefile has no target {target}"))
        elif ".venv/" in rest and INSTALLED not in _all_needs(target, needs):
            offences.append(Offence(source.path, line, f"make {target} puts nothing into .venv that could run"))
    return offences


def _all_needs(target: str, needs: dict[str, set[str]]) -> set[str]:
    found, waiting = set[str](), {target}
    while waiting:
        found |= waiting
        waiting = {each for one in waiting for each in needs.get(one, ())} - found
    return found


def headings(text: str) -> set[str]:
    """The anchors a Markdown page offers, made from its headings as code hosts make them."""
    anchors: set[str] = set()
    for title in re.findall(r"^#+\s+(.*?)\s*#*$", _FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower())
        anchor = plain.replace(" ", "-")
        count = 0
        while (numbered := anchor if count == 0 else f"{anchor}-{count}") in anchors:
            count += 1
        anchors.add(numbered)
    return anchors


def second_versions(manifests: list[Source], version: str) -> list[Offence]:
    """The version stands in the workspace's Cargo.toml; everybody else asks there."""
    offences = []
    for manifest in manifests:
        for number, line in enumerate(manifest.text.splitlines(), 1):
            is_the_source = manifest.path == "Cargo.toml"
            if not is_the_source and re.match(rf'\s*(?:__)?version(?:__)?\s*=\s*"{re.escape(version)}"', line):
                offences.append(Offence(manifest.path, number, "repeats the version; take it from the workspace"))
    return offences


def workspace_version(cargo_toml: str) -> str:
    """The version under [workspace.package]."""
    section = re.search(r"^\[workspace\.package\]$(.*?)(?=^\[|\Z)", cargo_toml, re.MULTILINE | re.DOTALL)
    found = re.search(r'^version\s*=\s*"([^"]+)"', section[1], re.MULTILINE) if section else None
    if found is None:
        raise AssertionError("Cargo.toml has no version under [workspace.package]")
    return found[1]


RULES: tuple[Rule, ...] = (no_leftovers, no_machine_paths)
