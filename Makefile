# Everything happens in .venv, made at first use and made anew when the dependencies change.
# Arguments go on to the command: make demo ARGS='--no-serve --logdir "/some/where"'

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore
PINNED := --constraint constraints.txt --build-constraint constraints.txt
GROUPS := --group test --group page --group lint --group types

# Three files at a time, in the order of tests/conftest.py, which keep two cores busy: much of a test is waiting for a
# process it started. Each of the three loads all that any test imports. PARALLEL= runs one after the other.
PARALLEL ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Tests start Python again and again, which without bytecode that is kept would compile every module each time.
unexport PYTHONDONTWRITEBYTECODE

# These processes share the cores: threads that spin while they wait for work take them from the others.
test test-all: export OMP_WAIT_POLICY := passive
test test-all: export OPENBLAS_THREAD_TIMEOUT := 4

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint types bench wheel pins chromium page

help:
	@echo "make demo      train, extract, log and open TensorBoard (ARGS=\"…\" are passed on)"
	@echo "make test      the tests; make test-all adds the long ones, and every framework that tests know of"
	@echo "make lint      ruff and biome; make types: mypy and tsc, strict"
	@echo "make page      the dashboard's page, after a change in frontend/"
	@echo "make bench     speed beside the peers, as tables and in benchmarks/results/"
	@echo "make wheel     the package, in dist/"
	@echo "make pins      the newest versions that the ranges allow, in constraints.txt"

demo: .venv/ready
	@$(BIN)/embedding-lab demo $(ARGS)

test: page chromium
	@$(BIN)/python hatch_build.py test
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-all: page chromium .venv/ready-with-frameworks
	@$(BIN)/python hatch_build.py test
	@$(BIN)/python -m pytest --long $(PARALLEL) $(ARGS)

lint: .venv/ready-to-develop
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python hatch_build.py lint

types: .venv/ready-to-develop
	@$(BIN)/mypy
	@$(BIN)/python hatch_build.py types

# The dashboard's page, built anew when frontend/ has changed.
page: .venv/ready-to-develop
	@$(BIN)/python hatch_build.py

bench: .venv/ready-to-develop
	@set -e; for each in benchmarks/*.py; do $(BIN)/python "$$each" $(ARGS); done

wheel: page
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

# Named here: what an editable install builds with, and what Windows adds.
pins:
	@mkdir -p build && $(PYTHON) -m venv --clear build/pins
	@build/pins/bin/python $(INSTALL) --upgrade pip setuptools editables colorama
	@build/pins/bin/python $(INSTALL) --editable ".[tensorflow]" $(GROUPS) --group frameworks
	@sed '/^[^#]/d' constraints.txt > build/constraints.txt
	@build/pins/bin/python -m pip freeze --all --exclude-editable | tr 'A-Z_' 'a-z-' | LC_ALL=C sort -t= -k1,1 >> build/constraints.txt
	@mv build/constraints.txt constraints.txt

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "TensorFlow needs Python 3.11 to 3.13, and this is %s. Name another: make PYTHON=python3.13 …" % sys.version.split()[0])'
	@echo "Installing into .venv, once (TensorFlow is large: one or two minutes) …"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python $(INSTALL) --constraint constraints.txt --upgrade pip
	@$(BIN)/python $(INSTALL) $(PINNED) --editable ".[tensorflow]"
	@touch $@

.venv/ready-to-develop: .venv/ready
	@echo "Installing what tests, lint and types need …"
	@$(BIN)/python $(INSTALL) $(PINNED) $(GROUPS)
	@touch $@

.venv/ready-with-frameworks: .venv/ready-to-develop
	@echo "Installing every framework that tests know of (gigabytes) …"
	@$(BIN)/python $(INSTALL) $(PINNED) --group frameworks
	@touch $@

# The browser tests need a real one; where it cannot be had they say so and the rest runs.
chromium:
	@.ci/install-chromium
