# Every target does all of its own set-up; nothing is built twice, because each step leaves a stamp.
# Needed on the machine: Rust (stable), CPython 3.10 or later with its headers, a C compiler.

PYTHON ?= python3
VENV := .venv
# Makefile rules name the interpreter of the environment itself, so nobody has to activate it.
BIN := $(VENV)/bin
STAMPS := .make

# PyO3 is told one interpreter for every cargo call: a changing one would rebuild it each time.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGING := pyproject.toml Cargo.toml Cargo.lock README.md LICENSE-MIT LICENSE-APACHE
RUST := $(shell find rust -name '*.rs' -o -name 'Cargo.toml')
EXAMPLE := $(shell find examples/rust_strategy rust/strategy -name '*.rs' -o -name '*.toml')
PACKAGE := $(shell find python -name '*.py' -o -name '*.pyi' -o -name 'py.typed' -o -name '*.json')

# The workspace without the extension module, whose tests are the Python ones: a test binary of it would need
# to link an interpreter.
RUST_TESTED := --workspace --exclude pairloom-python --features pairloom-core/watchdog
CARGO_TEST = $(if $(shell cargo nextest --version 2>/dev/null),cargo nextest run --no-tests=pass,cargo test --lib --bins --tests)

.DEFAULT_GOAL := help
.PHONY: help demo test rust-test lint types py-test bench wheel install sdist check-sdist check-plugin check-free-threaded clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: $(STAMPS)/installed ## build, install into .venv, and run the live demo
	$(BIN)/pairloom demo

# One recipe, in the order "cheapest to fail first"; pytest is the last, so its closing line is the last line.
test: ## everything that proves it
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory rust-test
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory py-test

lint: $(STAMPS)/test-tools ## rustfmt, ruff and clippy, warnings are errors
	cargo fmt --all --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cargo clippy --locked --workspace --all-targets -- -D warnings

rust-test: $(STAMPS)/venv ## the Rust tests
	$(CARGO_TEST) --locked $(RUST_TESTED)
	cargo test --locked --quiet --doc $(RUST_TESTED)

types: $(STAMPS)/test-tools ## mypy --strict, and stubtest of the compiled module
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest pairloom._native

py-test: $(STAMPS)/test-tools ## pytest: unit, flow, properties, tidy
	$(BIN)/python -m pytest

bench: $(STAMPS)/example-strategies ## the figures of speed, as one table and bench.json
	$(BIN)/python tests/benchmarks/run.py --json bench.json

wheel: $(STAMPS)/wheel ## the wheel, in dist/

install: $(STAMPS)/test-tools ## the wheel and what the tests need, into .venv

sdist: $(STAMPS)/sdist ## the source archive, in dist/

check-sdist: $(STAMPS)/sdist ## install the source archive into a fresh environment and use it
	scripts/check_sdist dist/*.tar.gz

check-plugin: $(STAMPS)/wheel ## build the example strategies as their own wheel and trade them in a fresh environment
	scripts/check_plugin dist/*.whl

# FREE_THREADED names the interpreter; without it the script looks for one.
check-free-threaded: ## classes on all cores of a CPython without a global lock: its own build, the strategies' tests, scaling
	scripts/check_free_threaded $(FREE_THREADED)

clean: ## remove all that a build made
	rm -rf $(VENV) $(STAMPS) dist target bench.json
	find python tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) is older than 3.10; name another: make PYTHON=python3.11 …" >&2; exit 1; }
	@cargo --version >/dev/null || { echo "cargo was not found; Rust comes from https://rustup.rs" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'maturin>=1.9.4,<2'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/wheel: $(STAMPS)/venv $(PACKAGING) $(RUST) $(PACKAGE)
	rm -rf dist/*.whl
	$(BIN)/maturin build --release --locked --interpreter $(BIN)/python --out dist
	@touch $@

$(STAMPS)/sdist: $(STAMPS)/venv $(PACKAGING) $(RUST) $(PACKAGE)
	rm -rf dist/*.tar.gz
	$(BIN)/maturin sdist --out dist
	@touch $@

# The same version may be built many times, so pip is told to replace it; what it needs is fetched once, below.
$(STAMPS)/installed: $(STAMPS)/wheel
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	$(BIN)/python -m pip install --quiet dist/*.whl
	@touch $@

# A project of its own, so it has a target folder of its own; only the measurements need it in this environment.
$(STAMPS)/example-strategies: $(STAMPS)/test-tools $(EXAMPLE)
	rm -rf target/example-wheels
	$(BIN)/maturin build --release --manifest-path examples/rust_strategy/Cargo.toml --target-dir target/example \
	  --interpreter $(BIN)/python --out target/example-wheels
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps target/example-wheels/*.whl
	@touch $@

$(STAMPS)/test-tools: $(STAMPS)/installed
	$(BIN)/python -m pip install --quiet "$$(ls dist/*.whl)[test]"
	@touch $@
