# Everything happens in a virtual environment inside the checkout; nothing outside it is touched.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.dev-ready
WARM := $(VENV)/.warm
# What pip does, a line for each package: an installation that says nothing looks like none.
TOLD = awk '/^Collecting/ { print "  " $$2; fflush() } \
	/^Installing collected/ { print "Unpacking them, a minute or so ..."; fflush() }'
PYTEST_OPTIONS ?= -n 2 --dist loadfile

.PHONY: run test check format data pictures wheelhouse closed-network clean

run: $(WARM)
	$(BIN)/gridmap app

test: $(DEV_READY) $(WARM)
	@bash .ci/browser
	@bash .ci/postgresql
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/house.py
	$(BIN)/python .ci/reference.py --check

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python .ci/reference.py

# The demo city as it is shipped; make it anew when its generator changes.
data: $(READY)
	rm -rf data/demo
	$(BIN)/gridmap demo data/demo

# The documents' pictures, when a page or a map has changed; look at each before it is committed.
pictures: $(DEV_READY) $(WARM)
	@bash .ci/browser
	$(BIN)/python docs/pictures.py

# Everything that a machine without a network needs, in one folder. For Windows machines:
# make wheelhouse PLATFORM=win_amd64
wheelhouse: $(READY)
	rm -rf wheelhouse build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir wheelhouse .
	@echo "Collecting a hundred packages, a minute or two ..."
	$(BIN)/python packaging/collect.py wheelhouse $(PLATFORM)
	cp packaging/install.sh packaging/install.ps1 wheelhouse/
	@echo "Copy the folder wheelhouse to the closed network and run install.sh or install.ps1 there."

# The folder tried as it is meant: no route, no index, an empty home. A few minutes.
closed-network: $(DEV_READY) wheelhouse
	$(BIN)/python -m pytest -n 0 tests/test_closed_network.py

clean:
	rm -rf $(VENV) build dist wheelhouse .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Install Python 3.11 first, or name yours: make PYTHON=python3 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(READY): $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing gridmap and a hundred packages, 370 MB; two or three minutes ..."
	@$(BIN)/python -u -m pip install --constraint constraints.txt --editable . | $(TOLD)
	@touch $@

# What computes is compiled once here, so that no first page and no first proposal waits for it.
$(WARM): $(READY)
	$(BIN)/gridmap warm
	@touch $@

$(DEV_READY): $(READY)
	@echo "Installing what the tests need, a minute or so ..."
	@$(BIN)/python -u -m pip install --constraint constraints.txt --editable '.[dev]' | $(TOLD)
	@touch $@
