# Everything happens in a virtual environment inside the checkout; nothing outside it is touched.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# Any Python from 3.11 to 3.13; `make run PYTHON=...` names another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		2>/dev/null && { command -v "$$name"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.dev-ready
WARM := $(VENV)/.warm
# Python keeps the bytecode that it compiles, even where the shell says otherwise: hundreds of
# processes start in the tests, and without it each compiles 3,500 modules anew (10 s of processor).
unexport PYTHONDONTWRITEBYTECODE
# Three at once on two cores: browser walks and readers of their own processes wait much.
PYTEST_OPTIONS ?= -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: run test services fast minimum fuzz check format mutate simulate data docs pictures wheelhouse closed-network clean

# The page opens at once; the numba kernels are compiled meanwhile.
run: $(READY)
	$(BIN)/gridmap app

test: $(DEV_READY) $(WARM) services
	@echo "Running every test, fifteen to twenty-five minutes on two cores ('make fast' takes three) ..."
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

# What the tests need beside Python: a browser and a database.
services:
	@bash .ci/browser
	@bash .ci/postgresql

# What to run while working: no browser, no database, no real data, nothing slow.
FAST := -m "not browser and not postgresql and not real_data and not slow" --ignore tests/browser
fast: $(DEV_READY) $(WARM)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) $(FAST)

# The fast tests with each library at the lower bound that pyproject.toml promises; deprecations
# are the newest versions' business.
MINIMUM := build/minimum
minimum:
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python -m pip install --quiet uv
	$(MINIMUM)/bin/uv pip compile --quiet --resolution lowest-direct --extra app --extra report \
		--extra cluster --extra postgresql pyproject.toml -o $(MINIMUM)/libraries.txt
	$(MINIMUM)/bin/uv pip install --quiet --python $(MINIMUM)/bin/python -r $(MINIMUM)/libraries.txt \
		esda hypothesis libpysal networkx openpyxl pymupdf pytest pytest-xdist pyyaml simpy
	PYTHONPATH=. $(MINIMUM)/bin/python -m pytest $(PYTEST_OPTIONS) $(FAST) -W ignore::DeprecationWarning \
		-W ignore::PendingDeprecationWarning -W ignore::FutureWarning

# Ten times the mutations that the tests try and other examples of Hypothesis: make fuzz SEED=7 COUNT=20000
COUNT ?= 3000
SEED ?= 2
fuzz: $(DEV_READY)
	GRIDMAP_FUZZ=$(COUNT) GRIDMAP_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest $(PYTEST_OPTIONS) tests/test_io_fuzz.py
	GRIDMAP_FUZZ=$(COUNT) $(BIN)/python -m pytest $(PYTEST_OPTIONS) -m hypothesis --hypothesis-seed=$(SEED)

check: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/house.py
	$(BIN)/python .ci/reference.py --check

# False alarms and power of the statistics on made-up cities (an hour), or one row of the table in
# docs/measures.md: make simulate ONLY="Friday nights" DRAWS=50
DRAWS ?= 200
simulate: $(DEV_READY) $(WARM)
	$(BIN)/python -m benchmarks.simulate --draws $(DRAWS) --only "$(ONLY)"

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python .ci/reference.py

# Thresholds changed one by one, to see whether a test notices (hours): make mutate AREA=travel,
# or one module: make mutate AREA=measure MODULE=gridmap/measure/counted.py TESTS=tests/test_measure_counted.py
mutate: $(DEV_READY)
	$(BIN)/python .ci/mutate.py $(AREA) $(MODULE) $(if $(TESTS),--tests $(TESTS))

# The demo city as it is shipped; make it anew when its generator changes.
data: $(READY)
	rm -rf data/demo
	$(BIN)/gridmap demo data/demo

# The documents' pictures, when a page or a map has changed; look at each before it is committed.
pictures: $(DEV_READY) $(WARM)
	@bash .ci/browser
	$(BIN)/python docs/pictures.py

# The documentation as a site, without a network: build/docs/index.html.
docs: $(DEV_READY)
	@bash packaging/install-packages.sh $(BIN) '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "Open build/docs/index.html"

# Everything that a machine without a network needs, in one folder. For Windows machines:
# make wheelhouse PLATFORM=win_amd64; for another Python than this one's: VERSION=3.13
wheelhouse: $(READY)
	rm -rf wheelhouse build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir wheelhouse .
	@echo "Collecting a hundred packages, a minute or two ..."
	$(BIN)/python packaging/collect.py wheelhouse "$(PLATFORM)" $(VERSION)
	cp packaging/install.sh packaging/install.ps1 wheelhouse/
	@echo "Copy the folder wheelhouse to the closed network and run install.sh or install.ps1 there."

# The folder tried as it is meant: no route, no index, an empty home. A few minutes.
closed-network: $(DEV_READY) wheelhouse
	$(BIN)/python -m pytest -n 0 tests/test_closed_network.py

clean:
	rm -rf $(VENV) build dist wheelhouse .mypy_cache .ruff_cache .house_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Install Python 3.11, 3.12 or 3.13 first, or name yours: make run PYTHON=/path/to/python"; exit 2; }
	@# What a Python without ensurepip (Debian's, before python3-venv) leaves would pass for finished.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(READY): $(VENV)/bin/python pyproject.toml constraints.txt
	@bash packaging/install-packages.sh $(BIN) '.[app,report]'
	@touch $@

# Tests wait for no compiler.
$(WARM): $(READY)
	$(BIN)/gridmap warm
	@touch $@

$(DEV_READY): $(READY)
	@bash packaging/install-packages.sh $(BIN) '.[dev]'
	@touch $@
