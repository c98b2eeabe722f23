"""The tidy rules for Rust sources. Each takes one file and returns where it breaks the rule."""

from __future__ import annotations

import re
from collections.abc import Callable

from tidy.sources import Offence, Source, end_of_item, rust_code, rust_without_tests

LIMITS = "rust/core/src/limits.rs"
CLOCK = "rust/core/src/clock.rs"
BINDING = "rust/python/"
PLUGIN = "rust/strategy/"
# Where other people's code meets ours: Python, and strategies that are built apart.
BORDERS = (BINDING, PLUGIN, "rust/core/src/strategy/plugin/", "rust/core/tests/runs/plugin.rs")
FUNCTION_LINES = 70

# Named like limits, but facts about a representation: nobody could change them alone.
NOT_LIMITS: dict[tuple[str, str], str] = {
    ("rust/core/src/market/scale.rs", "MAX_DIGITS"): "part of what the price scale is defined to be",
    ("rust/core/src/market/scale.rs", "UNITS_LIMIT"): "what an i64 holds with a bit to spare",
    ("rust/core/src/market/scale.rs", "QUICK_LIMIT"): "how far an f64 is exact enough for the quick path",
    ("rust/core/src/indicator/kind.rs", "MAX_OUTPUTS"): "the width of a row of outputs, which the kinds decide",
}

Rule = Callable[[Source], list[Offence]]


def _search(source: Source, pattern: str, message: str) -> list[Offence]:
    code = rust_without_tests(rust_code(source.text))
    return [Offence(source.path, source.line_of(hit.start()), message) for hit in re.finditer(pattern, code)]


def limits_in_one_file(source: Source) -> list[Offence]:
    """A limit someone may want to know or change is found in limits.rs, beside the others it relates to."""
    if source.path == LIMITS or source.is_test:
        return []
    offences = [
        Offence(source.path, line, f"`{name}` is a numeric limit, which belongs in limits.rs")
        for name, line in _named_limits(source)
        if (source.path, name) not in NOT_LIMITS
    ]
    code = rust_without_tests(rust_code(source.text))
    for call in re.finditer(
        r"\b(?:flume::bounded|sync_channel|mpsc::channel|broadcast::channel)\s*(?:::\s*<[^;]*?>)?\s*\(", code
    ):
        argument = code[call.end() : _end_of_argument(code, call.end())].strip()
        if re.search(r"\d", re.sub(r"\w*[A-Za-z_]\w*", "", argument)):
            line = source.line_of(call.start())
            offences.append(Offence(source.path, line, f"a channel's size `{argument}` must be named in limits.rs"))
    return offences


def _named_limits(source: Source) -> list[tuple[str, int]]:
    code = rust_without_tests(rust_code(source.text))
    name = r"(?:MAX|MIN|MOST|LONGEST)_\w+|\w+_(?:MAX|MIN|CAPACITY|LIMIT|DEPTH|BATCH|TIMEOUT\w*)"
    number = r"(?:[iu](?:8|16|32|64|128|size)|f64|(?:\w+::)*Duration|Nanos)"
    found = re.finditer(rf"\bconst\s+({name})\s*:\s*{number}\b", code)
    return [(hit[1], source.line_of(hit.start())) for hit in found]


def _end_of_argument(code: str, at: int) -> int:
    depth = 1
    while at < len(code) and depth:
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return at - 1


def time_in_one_file(source: Source) -> list[Offence]:
    """Only clock.rs reads the time; everybody else is told it, or a replay would not repeat."""
    if source.path == CLOCK or source.is_test:
        return []
    return _search(source, r"\b(?:Instant|SystemTime)\s*::\s*now\b", "time is read in clock.rs only")


def pyo3_in_one_crate(source: Source) -> list[Offence]:
    """The core knows nothing of Python: only rust/python names pyo3, and the macro that makes an author's module."""
    if source.path.startswith((BINDING, PLUGIN)):
        return []
    return _search(source, r"\bpyo3\w*", "pyo3 is named in rust/python only")


def unsafe_with_a_reason(source: Source) -> list[Offence]:
    """`unsafe` stands at the two foreign borders only, and each says just above why it is sound."""
    code = rust_code(source.text)
    lines = source.text.splitlines()
    offences = []
    for hit in re.finditer(r"\bunsafe\b(?!\s*_)(?!_)", code):
        line = source.line_of(hit.start())
        if not source.path.startswith(BORDERS):
            offences.append(
                Offence(source.path, line, "`unsafe` is allowed at the borders only: " + ", ".join(BORDERS))
            )
        elif re.match(r"unsafe\s+(?:extern\s+)?fn\b", code[hit.start() :]):
            # A function that is unsafe to call says so to its callers; what it does itself stands in blocks.
            continue
        elif not _comment_above(lines, line, "SAFETY"):
            offences.append(Offence(source.path, line, "a SAFETY comment just above must say why this is sound"))
    return offences


def _comment_above(lines: list[str], line: int, word: str) -> bool:
    """Whether the comment that ends just above this line, or the line itself, has the word."""
    if word in lines[line - 1]:
        return True
    at = line - 2
    # An attribute, or the first lines of the statement the word is a part of, may stand between.
    while at >= 0 and (lines[at].lstrip().startswith("#[") or lines[at].rstrip().endswith(("=", "(", "{ "))):
        at -= 1
    while at >= 0 and lines[at].lstrip().startswith("//"):
        if word in lines[at]:
            return True
        at -= 1
    return False


def bounded_channels(source: Source) -> list[Offence]:
    """Every channel is bounded, with a named policy for when it is full."""
    pattern = r"\b(?:flume\s*::\s*unbounded|unbounded_channel)\b|\bmpsc\s*::\s*channel\s*(?:::\s*<[^;]*?>)?\s*\(\s*\)"
    return _search(source, pattern, "channels are bounded")


def no_panics(source: Source) -> list[Offence]:
    """What can fail at run time is returned as an error; a panic would take a trader's neighbours along."""
    if source.is_test:
        return []
    pattern = r"\.\s*unwrap\s*\(\s*\)|\.\s*expect\s*\(|\b(?:panic|todo|unimplemented|dbg)!\s*[(\[{]"
    return _search(source, pattern, "no unwrap, expect or panic outside tests: return an error")


def short_functions(source: Source) -> list[Offence]:
    """A function is what a reader can hold in mind at once."""
    if source.is_test:
        return []
    code = rust_without_tests(rust_code(source.text))
    offences = []
    for hit in re.finditer(r"\bfn\s+(\w+)", code):
        end = end_of_item(code, hit.end())
        lines = code.count("\n", hit.start(), end) + 1
        if lines > FUNCTION_LINES:
            message = f"`{hit[1]}` has {lines} lines, more than {FUNCTION_LINES}: split it by meaning"
            offences.append(Offence(source.path, source.line_of(hit.start()), message))
    return offences


RULES: tuple[Rule, ...] = (
    limits_in_one_file,
    time_in_one_file,
    pyo3_in_one_crate,
    unsafe_with_a_reason,
    bounded_channels,
    no_panics,
    short_functions,
)
