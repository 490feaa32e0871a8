# make run: everything on a fresh machine, ending in the results table of the bundled test set.
# make test: the same installation, then all tests. make check: formatting, lint, types, the page's front-end where npm is.
# make page: builds the front-end of report.html. make bench: speed, as ratios, and calibration.
# make wheels: the sdist and a wheel for each of PLATFORMS, all compiled here, into dist.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
WEB := evalharness/report/page/web
# What zig compiles for, and the tag of the wheel: glibc 2.17 or later, musl 1.2, macOS 11 or later, Windows.
PLATFORMS := x86_64-linux-gnu.2.17=manylinux_2_17_x86_64.manylinux2014_x86_64 \
	aarch64-linux-gnu.2.17=manylinux_2_17_aarch64.manylinux2014_aarch64 \
	x86_64-linux-musl=musllinux_1_2_x86_64 aarch64-linux-musl=musllinux_1_2_aarch64 \
	x86_64-macos.11.0=macosx_11_0_x86_64 aarch64-macos.11.0=macosx_11_0_arm64 x86_64-windows-gnu=win_amd64

.PHONY: run test check check-page page bench wheels clean

run: $(VENV)/.installed
	$(BIN)/evalharness run

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "slow or not slow"

check: $(VENV)/.installed-dev check-page
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# What is shipped must be what its sources give: it is built anew into a folder of its own and compared.
check-page:
	@if ! command -v npm >/dev/null; then echo "make check: npm is not installed; $(WEB) was not checked"; else \
		$(MAKE) --no-print-directory $(WEB)/node_modules/.installed && cd $(WEB) && npm run check && \
		made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && cp -R dist "$$made/shipped" && npm run build && \
		{ diff -r "$$made/shipped" dist || { rm -rf dist; cp -R "$$made/shipped" dist; \
		echo "make check: $(WEB)/dist is not what its sources give; run make page and commit it" >&2; exit 1; }; }; fi

page: $(WEB)/node_modules/.installed
	cd $(WEB) && npm run build

$(WEB)/node_modules/.installed: $(WEB)/package.json $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund
	touch $@

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/memory_bench.py
	$(BIN)/python tests/bench/inputs_bench.py
	$(BIN)/python tests/bench/comet_bench.py
	$(BIN)/python tests/bench/stats_bench.py
	$(BIN)/python tests/bench/calibration_bench.py
	$(BIN)/python tests/bench/page_bench.py

# In the unpacked sdist, so that the library of this checkout stays this machine's. zig is large and only needed here.
wheels: $(VENV)/.installed-dev
	$(PIP) ziglang==0.17.1
	rm -rf dist && $(BIN)/python -m hatchling build -t sdist -d dist
	@tree=$$(mktemp -d) && trap 'rm -rf "$$tree"' EXIT && tar -xzf dist/*.tar.gz -C "$$tree" --strip-components=1 && \
	cd "$$tree" && for platform in $(PLATFORMS); do \
		CC="$(abspath $(BIN))/python -m ziglang cc -target $${platform%%=*}" EVALHARNESS_PLATFORM_TAG=$${platform#*=} \
		$(abspath $(BIN))/python -m hatchling build -t wheel -d $(CURDIR)/dist || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache $(WEB)/node_modules

# torch first and pinned, so that a CPU build can serve where one is offered; the packages that need it take any build.
$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard evalharness/metrics/compiled/*.[ch]) \
		evalharness/metrics/compiled/build.py
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	touch $@
