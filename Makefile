# A checkout needs Python 3.11 or later, Git and make; all else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin

# Where this is set, each of the thousands of processes of the tests would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# The versions that pip takes, for gitexp and for what builds it: pip before 25.3 reads the first of the
# two for both, later ones read the second for what builds.
LOCKED := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt

# Tests wait for processes as much as they work: half as many again as there are CPUs.
WORKERS := $(shell echo $$(( ($$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) * 3 + 1) / 2 )))

.NOTPARALLEL:
.PHONY: help demo test coverage quick check crash bench docs lock test-newest clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: .venv/.stamp ## a small project, a few experiments, the table
	@$(BIN)/gitexp demo

test: .venv/.stamp-dev ## the whole suite
	-@$(BIN)/python -m benchmarks.peers
	@$(BIN)/python -m pytest -n $(WORKERS) || { status=$$?; test $$status -eq 1 || exit $$status; $(BIN)/python -m tests.again; }

# To measure takes as long again as half of the tests, and says the same from day to day: CI does it beside
# them. Many a gitexp process leaves a file of coverage data: in memory, where there is some to spare.
coverage: .venv/.stamp-dev ## the whole suite, and which lines it reaches
	-@$(BIN)/python -m benchmarks.peers
	@data=$$(mktemp -d "$$(test -w /dev/shm && echo /dev/shm || echo .)/coverage.XXXXXX"); \
	COVERAGE_FILE=$$data/data $(BIN)/coverage run -m pytest -n $(WORKERS); status=$$?; rm -rf $$data; exit $$status

quick: .venv/.stamp-dev ## the tests to run while working: unit, verbs and cli, without the slow fifth
	@$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow" --hypothesis-profile=quick tests/unit tests/verbs tests/cli

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

# A version in these files stays as long as it fits, unless UPGRADE says otherwise. What builds gitexp is
# locked, too; hatchling asks for editables only while it builds.
CHOOSE := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
  --no-annotate --custom-compile-command 'make lock' $(UPGRADE)

lock: .venv-lock/bin/uv ## chooses the versions in the constraints files
	@$(PYTHON) -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); \
	  print("editables", *project["build-system"]["requires"], sep="\n")' | \
	  $(CHOOSE) --extra dev --extra docs --extra gs --extra azure --output-file constraints.txt pyproject.toml - >/dev/null
	@for peer in $$($(PYTHON) -m benchmarks.peers --names); do \
	  $(PYTHON) -m benchmarks.peers --packages $$peer | \
	  $(CHOOSE) --output-file constraints-$$peer.txt - >/dev/null || exit 1; \
	done

# The tests that show what dependencies do; TESTS=tests runs them all.
TESTS := tests/unit tests/cli tests/verbs/repo/test_git.py tests/verbs/datasets/test_data_commands.py \
  tests/outside/test_dependencies.py tests/outside/test_remotes.py tests/outside/test_share_servers.py \
  tests/outside/test_guide.py
OLDEST := .venv-lock/bin/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 pyproject.toml

# google-re2 is what pathspec works with where it is installed. In the second environment, what tools of the
# developer's ask for must not hide the lower bounds of gitexp's own.
test-newest: .venv-lock/bin/uv ## tests with the newest and with the oldest dependencies
	@.venv-lock/bin/uv venv --quiet --clear --python $(PYTHON) .venv-newest
	@.venv-lock/bin/uv pip install --quiet --python .venv-newest --editable '.[dev,gs,azure]' google-re2
	@.venv-lock/bin/uv venv --quiet --clear --python 3.11 .venv-oldest
	@$(OLDEST) --extra dev --extra gs --extra azure | .venv-lock/bin/uv pip install --quiet --python .venv-oldest -r -
	@$(OLDEST) --extra s3 --extra gs --extra azure --extra ssh --extra http | \
	  .venv-lock/bin/uv pip install --quiet --python .venv-oldest --no-deps -r - --editable .
	@for which in 'mlflow-newest mlflow' 'mlflow-oldest mlflow==3.1.*'; do set -- $$which; \
	  .venv-lock/bin/uv venv --quiet --clear --python $(PYTHON) .venv-$$1; \
	  .venv-lock/bin/uv pip install --quiet --python .venv-$$1 "$$2" scikit-learn lightgbm 'graphene>=3' pytest coverage \
	    --editable .; \
	done
	@status=0; for which in newest oldest; do \
	  echo "with the $$which versions:"; .venv-$$which/bin/python -m pytest -q -n auto $(TESTS) || status=1; \
	  TEST_MLFLOW_PYTHON=$$PWD/.venv-mlflow-$$which/bin/python .venv-newest/bin/python -m pytest -q \
	    tests/extras/mlflow/test_clients.py || status=1; \
	done; exit $$status

.venv-lock/bin/uv:
	@$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet uv

clean: ## removes all that this file makes, .venv too
	rm -rf .venv .venv-lock .venv-newest .venv-oldest .venv-mlflow-newest .venv-mlflow-oldest .bench site dist .coverage .coverage.* .hypothesis .*_cache

# The demo must not wait for the developer's tools: the core comes first, the rest on top of it.
.venv/.stamp: pyproject.toml gitexp/version.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'gitexp needs Python 3.11 or later: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(LOCKED) $(BIN)/pip install --quiet --editable .
	@touch $@

.venv/.stamp-dev .venv/.stamp-docs: .venv/.stamp-%: .venv/.stamp
	@$(LOCKED) $(BIN)/pip install --quiet uv
	@$(BIN)/python -m benchmarks.installing constraints.txt --editable '.[$*]'
	@touch $@
