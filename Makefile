# A checkout needs Python 3.11 or later, Git and make; all else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin

.NOTPARALLEL:
.PHONY: help demo test check crash bench docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

demo: .venv/.stamp ## a small project, a few experiments, the table
	@$(BIN)/gitexp demo

# Every gitexp process leaves a file of coverage data: in memory, where there is some to spare.
test: .venv/.stamp-dev ## the whole suite, with coverage
	@$(BIN)/python -m benchmarks.peers || echo 'DVC is not there: the tests that need it are left out' >&2
	@data=$$(mktemp -d "$$(test -w /dev/shm && echo /dev/shm || echo .)/coverage.XXXXXX"); \
	COVERAGE_FILE=$$data/data $(BIN)/coverage run -m pytest -n auto; status=$$?; rm -rf $$data; exit $$status

check: .venv/.stamp-dev ## style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

crash: .venv/.stamp-dev ## tries to make it lose something; writes into docs/reliability.md
	$(BIN)/python -m tests.crash

bench: .venv/.stamp-dev ## the speed goals, measured
	$(BIN)/python -m benchmarks

docs: .venv/.stamp-docs ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## removes all that this file makes, .venv too
	rm -rf .venv .bench site dist .coverage .coverage.* .hypothesis .*_cache

# The demo must not wait for the developer's tools: the core comes first, the rest on top of it.
.venv/.stamp: pyproject.toml gitexp/version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'gitexp needs Python 3.11 or later: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/.stamp-dev .venv/.stamp-docs: .venv/.stamp-%: .venv/.stamp
	@$(BIN)/pip install --quiet --editable '.[$*]'
	@touch $@
