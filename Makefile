# make run: everything on a fresh machine, ending in the results table of the bundled test set.
# make test: the same installation, then all tests. make check: formatting, lint, types. make bench: speed, as ratios, and calibration.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test check bench clean

run: $(VENV)/.installed
	$(BIN)/evalharness run

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "slow or not slow"

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/inputs_bench.py
	$(BIN)/python tests/bench/comet_bench.py
	$(BIN)/python tests/bench/stats_bench.py
	$(BIN)/python tests/bench/calibration_bench.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

# torch first and pinned, so that a CPU build can serve where one is offered; the packages that need it take any build.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	touch $@
