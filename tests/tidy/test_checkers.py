"""Each tidy rule finds an offence planted for it, and lets pass what it should: a rule that cannot fail is no rule."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from tidy import layers, python_rules, rust_rules, text_rules
from tidy.sources import Offence, Source, rust_code, rust_without_tests

CORE_FILE = "rust/core/src/risk/gate.rs"
LONG_RUST = "fn long() {\n" + "    step();\n" * 70 + "}\n"
LONG_PYTHON = "def long():\n" + "    step()\n" * 70


def lines(offences: list[Offence]) -> list[int]:
    return [offence.line for offence in offences]


@pytest.mark.parametrize(
    ("rule", "path", "text", "expected"),
    [
        (rust_rules.limits_in_one_file, CORE_FILE, "\nconst MAX_ORDERS: usize = 7;\n", [2]),
        (rust_rules.limits_in_one_file, CORE_FILE, "pub const LONGEST_WAIT: Duration = Duration::ZERO;\n", [1]),
        (rust_rules.limits_in_one_file, CORE_FILE, 'const MIN_NOTIONAL: &str = "min_notional";\n', []),
        (rust_rules.limits_in_one_file, CORE_FILE, "let (a, b) = flume::bounded(1024);\n", [1]),
        (
            rust_rules.limits_in_one_file,
            CORE_FILE,
            "let (a, b) = flume::bounded::<u8>(2 * limits::INBOX);\n",
            [1],
        ),
        (rust_rules.limits_in_one_file, CORE_FILE, "let (a, b) = flume::bounded(limits::INBOX);\n", []),
        (rust_rules.limits_in_one_file, rust_rules.LIMITS, "pub const MAX_ORDERS: usize = 7;\n", []),
        (rust_rules.time_in_one_file, CORE_FILE, "let t = std::time::Instant::now();\n", [1]),
        (rust_rules.time_in_one_file, CORE_FILE, "let t = SystemTime :: now();\n", [1]),
        (rust_rules.time_in_one_file, CORE_FILE, "// Instant::now() is for clock.rs\n", []),
        (rust_rules.time_in_one_file, rust_rules.CLOCK, "let t = Instant::now();\n", []),
        (rust_rules.pyo3_in_one_crate, CORE_FILE, "use pyo3::prelude::*;\n", [1]),
        (rust_rules.pyo3_in_one_crate, "rust/python/src/lib.rs", "use pyo3::prelude::*;\n", []),
        (rust_rules.unsafe_with_a_reason, CORE_FILE, "// SAFETY: never.\nunsafe { f() }\n", [2]),
        (rust_rules.unsafe_with_a_reason, "rust/python/src/a.rs", "\nunsafe { f() }\n", [2]),
        (rust_rules.unsafe_with_a_reason, "rust/strategy/src/a.rs", "\nunsafe { f() }\n", [2]),
        (
            rust_rules.unsafe_with_a_reason,
            "rust/strategy/src/a.rs",
            'unsafe extern "C" fn f() {\n}\nunsafe fn g() {}\n',
            [],
        ),
        (rust_rules.unsafe_with_a_reason, CORE_FILE, "unsafe fn g() {}\n", [1]),
        (
            rust_rules.unsafe_with_a_reason,
            "rust/python/src/a.rs",
            "// SAFETY: it is ours.\nunsafe { f() }\n",
            [],
        ),
        (
            rust_rules.unsafe_with_a_reason,
            "rust/python/src/a.rs",
            "// SAFETY: ours.\nlet x =\n    unsafe { f() };\n",
            [],
        ),
        (rust_rules.bounded_channels, CORE_FILE, "let (a, b) = flume::unbounded();\n", [1]),
        (
            rust_rules.bounded_channels,
            CORE_FILE,
            "let (a, b) = tokio::sync::mpsc::unbounded_channel();\n",
            [1],
        ),
        (rust_rules.bounded_channels, CORE_FILE, "let (a, b) = std::sync::mpsc::channel::<u8>();\n", [1]),
        (rust_rules.bounded_channels, CORE_FILE, "let (a, b) = flume::bounded(limits::INBOX);\n", []),
        (rust_rules.no_panics, CORE_FILE, "let a = b\n    .unwrap();\n", [2]),
        (rust_rules.no_panics, CORE_FILE, 'let a = b.expect("it is there");\n', [1]),
        (rust_rules.no_panics, CORE_FILE, 'panic!("no");\n', [1]),
        (rust_rules.no_panics, CORE_FILE, "let a = b.unwrap_or_default();\n", []),
        (rust_rules.no_panics, CORE_FILE, "#[cfg(test)]\nmod tests {\n    fn t() { a.unwrap(); }\n}\n", []),
        (rust_rules.no_panics, CORE_FILE, "#[cfg(test)]\nmod tests { }\nfn f() { a.unwrap(); }\n", [3]),
        (rust_rules.no_panics, "rust/core/tests/flow.rs", "a.unwrap();\n", []),
        (rust_rules.short_functions, CORE_FILE, LONG_RUST, [1]),
        (rust_rules.short_functions, CORE_FILE, LONG_RUST.replace("    step();\n", "", 2), []),
        (python_rules.short_functions, "python/pairloom/a.py", LONG_PYTHON, [1]),
        (
            python_rules.short_functions,
            "python/pairloom/a.py",
            LONG_PYTHON.replace("    step()\n", "", 1),
            [],
        ),
        (python_rules.time_in_named_files, "python/pairloom/a.py", "import time\nt = time.time()\n", [2]),
        (python_rules.time_in_named_files, "python/pairloom/a.py", "from time import perf_counter\n", [1]),
        (
            python_rules.time_in_named_files,
            "python/pairloom/a.py",
            "import datetime\nt = datetime.datetime.now()\n",
            [2],
        ),
        (python_rules.time_in_named_files, "python/pairloom/a.py", "import time\ntime.sleep\n", []),
        (python_rules.heavy_imports_inside_functions, "python/pairloom/a.py", "import numpy as np\n", [1]),
        (
            python_rules.heavy_imports_inside_functions,
            "python/pairloom/a.py",
            "try:\n    import pandas\nfinally:\n    pass\n",
            [2],
        ),
        (
            python_rules.heavy_imports_inside_functions,
            "python/pairloom/a.py",
            "def f():\n    import numpy\n",
            [],
        ),
        (
            python_rules.heavy_imports_inside_functions,
            "python/pairloom/a.py",
            "if TYPE_CHECKING:\n    import numpy\n",
            [],
        ),
        (text_rules.no_leftovers, "a.rs", "// TO" + "DO: later\n", [1]),
        (text_rules.no_leftovers, "a.rs", "\nto" + "do!()\n", [2]),
        (text_rules.no_leftovers, "a.py", "raise NotImplemented" + "Error\n", [1]),
        (text_rules.no_machine_paths, "a.md", "see `/wo" + "rk/data`\n", [1]),
        (text_rules.no_machine_paths, "a.md", "see the/wo" + "rk/of others\n", []),
        (text_rules.short_files, "python/pairloom/a.py", "x = 1\n" * 501, [1]),
        (text_rules.short_files, "python/pairloom/a.py", "x = 1\n" * 500, []),
    ],
)
def test_a_rule_finds_the_planted_offence_and_no_other(
    rule: rust_rules.Rule, path: str, text: str, expected: list[int]
) -> None:
    assert lines(rule(Source(path, text))) == expected


def test_every_rule_has_a_planted_offence() -> None:
    marks = list(test_a_rule_finds_the_planted_offence_and_no_other.pytestmark)  # type: ignore[attr-defined]
    cases = marks[0].args[1]
    planted = {rule for rule, _, _, expected in cases if expected}
    assert planted >= {*rust_rules.RULES, *python_rules.RULES, *text_rules.RULES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use crate::order::Order;\n", [("risk", "order")]),
        (
            "use crate::{domain::Pair, order::{self, Order}, limits};\n",
            [("risk", "domain"), ("risk", "order")],
        ),
        ("fn f(x: &crate::venue::Venue) {}\n", [("risk", "venue")]),
        ("use super::super::order::Order;\n", [("risk", "order")]),
        ("use super::checks::Cash;\n", []),
        ("// use crate::order::Order;\n", []),
        ('const A: &str = "crate::order::Order";\n', []),
        ("#[cfg(test)]\nmod tests {\n    use crate::order::Order;\n}\n", []),
    ],
)
def test_an_arrow_is_seen_however_it_is_written(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(layers.edges([Source(CORE_FILE, text)])) == expected


def test_an_arrow_that_is_not_in_the_table_is_an_offence() -> None:
    source = Source(CORE_FILE, "\nuse crate::order::Order;\n")
    assert lines(layers.forbidden([source], {"risk": {}})) == [2]
    assert layers.forbidden([source], {"risk": {"order": "it judges orders"}}) == []


def test_the_joiner_may_use_everybody_and_its_neighbours_may_not() -> None:
    text = "use crate::order::Order;\n"
    assert layers.forbidden([Source(layers.JOINER, text)], {}) == []
    assert len(layers.forbidden([Source("rust/core/src/engine/settings.rs", text)], {})) == 1


def test_an_arrow_nobody_draws_is_reported() -> None:
    table = {"risk": {"order": "it judges orders", "venue": "it does not"}}
    assert layers.unused([Source(CORE_FILE, "use crate::order::Order;\n")], table) == ["risk -> venue"]


def test_two_folders_that_use_each_other_are_reported() -> None:
    table = {"risk": {"order": "it judges orders"}, "order": {"risk": "no", "domain": "sides"}}
    assert layers.mutual(table) == {("risk", "order")}


def test_a_new_folder_is_reported() -> None:
    assert lines(layers.unknown_folders([Source("rust/core/src/helpers/mod.rs", "")])) == [1]
    assert layers.unknown_folders([Source("rust/core/src/clock.rs", "")]) == []


def test_the_order_of_lib_is_read_as_declared() -> None:
    assert layers.lib_order("pub mod market;\n// pub mod risk;\npub mod domain;\npub mod limits;\n") == [
        "market",
        "domain",
    ]


def test_literals_and_comments_are_blanked_and_lines_kept() -> None:
    text = 'let a = "x \\" y"; // z\n/* a /* b */ c */ let b = \'q\'; fn f<\'a>(x: &\'a str) {}\nlet r = r#"raw " "#;\n'
    code = rust_code(text)
    assert len(code) == len(text)
    assert [line.split() for line in code.splitlines()] == [
        ["let", "a", "=", ";"],
        ["let", "b", "=", ";", "fn", "f<'a>(x:", "&'a", "str)", "{}"],
        ["let", "r", "=", ";"],
    ]


def test_only_test_items_are_taken_out() -> None:
    code = "#[test]\nfn t() { a(); }\nfn f() { b(); }\n#[cfg(not(test))]\nfn g() { c(); }\n"
    kept = rust_without_tests(code)
    assert "a()" not in kept
    assert "b()" in kept
    assert "c()" in kept


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading: one\n\n```\n# no heading\n```\n", encoding="utf-8")
    text = (
        "[a](there.md) [b](missing.md)\n[c](https://example.org/x) [d](there.md#a-heading-one)\n"
        "[e](there.md#no-heading)\n```\n[f](missing.md)\n```\n"
    )
    assert lines(text_rules.broken_links(Source("page.md", text), tmp_path)) == [1, 3]


def test_a_target_that_is_not_there_or_installs_nothing_is_found() -> None:
    stamp = text_rules.INSTALLED
    makefile = f"X := 1\ninstall: {stamp} ## all\nwheel: a\n{stamp}: a\n\tpip install .\na:\n\ttrue\n"
    text = (
        "`make wheel` and `make whel`\nmake sense of this\n```\nmake wheel     # and `make instal`\n"
        "make wheel && .venv/bin/python -m pytest\nmake install && .venv/bin/python -m pytest\nmake al\n```\n"
    )
    assert lines(text_rules.wrong_targets(Source("page.md", text), makefile)) == [1, 5, 7]


def test_a_second_version_is_found() -> None:
    cargo = '[workspace.package]\nversion = "1.2.3"\n\n[workspace.dependencies]\nversion = "9"\n'
    version = text_rules.workspace_version(cargo)
    assert version == "1.2.3"
    manifests = [Source("Cargo.toml", cargo), Source("pyproject.toml", 'name = "x"\nversion = "1.2.3"\n')]
    assert lines(text_rules.second_versions(manifests, version)) == [2]
    assert lines(text_rules.second_versions([Source("a.py", '__version__ = "1.2.3"\n')], version)) == [1]


def test_a_name_without_a_docstring_is_found() -> None:
    module = ModuleType("sample", "Says what it is.")

    class Documented:
        """Says what it is."""

        def silent(self) -> None: ...

        @property
        def quiet(self) -> int:
            return 1

    def loud() -> None:
        """Says what it does."""

    def mute() -> None: ...

    module.__dict__.update(__all__=["Documented", "loud", "mute"], Documented=Documented, loud=loud, mute=mute)
    assert python_rules.undocumented(module) == [
        "sample.Documented.silent",
        "sample.Documented.quiet",
        "sample.mute",
    ]
