"""The repository keeps its own rules. Each rule's ability to fail is shown in test_checkers.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

import pairloom
from tidy import layers, python_rules, rust_rules, text_rules
from tidy.sources import ROOT, Offence, Source, walk

RUST = walk((".rs",), "rust")
CORE = [source for source in RUST if source.path.startswith(layers.CORE)]
PACKAGE = walk((".py",), "python/pairloom")
DOCUMENTS = walk((".md",))
TEXTS = walk((".rs", ".py", ".pyi", ".toml", ".md", ".json", "Makefile", ".yml", ".yaml", "run", "check_sdist"))


def assert_clean(offences: Iterable[object]) -> None:
    found = [str(offence) for offence in offences]
    assert not found, "\n" + "\n".join(found)


def test_there_is_something_to_check() -> None:
    """A rule over no files would always hold."""
    assert len(CORE) > len(layers.STAGES)
    assert len(PACKAGE) > 5
    assert any(source.path == "Makefile" for source in TEXTS)
    assert {source.path for source in DOCUMENTS} >= {
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    }


@pytest.mark.parametrize("rule", rust_rules.RULES, ids=lambda rule: rule.__name__)
def test_rust(rule: Callable[[Source], list[Offence]]) -> None:
    assert_clean(offence for source in RUST for offence in rule(source))


@pytest.mark.parametrize("rule", python_rules.RULES, ids=lambda rule: rule.__name__)
def test_python(rule: Callable[[Source], list[Offence]]) -> None:
    assert_clean(offence for source in PACKAGE for offence in rule(source))


@pytest.mark.parametrize("rule", text_rules.RULES, ids=lambda rule: rule.__name__)
def test_words(rule: Callable[[Source], list[Offence]]) -> None:
    assert_clean(offence for source in TEXTS for offence in rule(source))


def test_files_have_one_subject() -> None:
    assert_clean(offence for source in [*RUST, *PACKAGE] for offence in text_rules.short_files(source))


def test_folders_use_only_what_the_table_allows() -> None:
    assert_clean(layers.forbidden(CORE, layers.ALLOWED))


def test_the_table_has_no_arrow_that_nobody_draws() -> None:
    assert_clean(layers.unused(CORE, layers.ALLOWED))


def test_no_two_folders_use_each_other_but_those_named() -> None:
    assert layers.mutual(layers.ALLOWED) == layers.MUTUAL


def test_every_file_is_in_a_stage() -> None:
    assert_clean(layers.unknown_folders(CORE))


def test_lib_lists_the_stages_in_the_order_of_the_data() -> None:
    lib = (ROOT / layers.CORE / "lib.rs").read_text(encoding="utf-8")
    assert layers.lib_order(lib) == list(layers.STAGES)


def test_only_the_binding_depends_on_pyo3() -> None:
    manifests = [source for source in walk(("Cargo.toml",), "rust") if not source.path.startswith(rust_rules.BINDING)]
    assert manifests
    assert_clean(source.path for source in manifests if "pyo3" in source.text)


def test_links_in_documents_lead_somewhere() -> None:
    assert_clean(offence for source in DOCUMENTS for offence in text_rules.broken_links(source, ROOT))


def test_documents_make_what_the_makefile_has() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert_clean(offence for source in DOCUMENTS for offence in text_rules.wrong_targets(source, makefile))


def test_there_is_one_version() -> None:
    version = text_rules.workspace_version((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    assert pairloom.__version__ == version, "the installed package is not the one of this source: run make"
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    manifests = [*walk((".toml",)), *walk((".py",), "python")]
    assert_clean(text_rules.second_versions(manifests, version))


def test_every_public_name_says_what_it_is() -> None:
    assert_clean(python_rules.undocumented(pairloom))
