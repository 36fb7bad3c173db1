# What a newcomer types. `make` alone says what there is.

# The first Python on the PATH that is new enough; `make PYTHON=… demo` chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt

# Hundreds of processes are started here, each of which would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo check test test-long test-restricted bench bench-peers format clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## watch a model drift, alarm and be retrained: a minute, nothing to install
	@$(BIN)/driftmeter demo

check: $(VENV)/.dev ## format, lint, types, layers, generated files up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m monitor.spec.schema --check
	$(BIN)/python -m dashboards.generate --check
	$(BIN)/python -m k8s.generate --check

test: $(VENV)/.dev ## every test; what could not be tested is said at the end
	$(BIN)/pytest -n auto --dist loadgroup

# One after the other: they measure memory and time, and each takes up to ten minutes.
test-long: $(VENV)/.dev ## what takes minutes each: hundreds of kills, faults that last
	$(BIN)/pytest -m long

# As pods run: user 65534, no capabilities, a read-only root, one folder to write to. To be run as root.
test-restricted: $(VENV)/.dev ## the tests with as few rights as pods have
	folder=$$(mktemp -d /var/tmp/driftmeter-XXXXXX) && chmod 755 $$folder && \
		unshare --mount bash tests/support/restricted.sh $$folder $(abspath $(BIN))/python \
		-m pytest -n auto --dist loadgroup -p no:cacheprovider; \
		ended=$$?; rm -rf $$folder; exit $$ended

# What benchmarks/README.md describes; both say first how long each will take.
# QUICK=0 measures what the figures in docs/ were measured with.
QUICK := 1
BENCH = $(BIN)/python -m benchmarks.all $(if $(filter-out 0,$(QUICK)),--quick)

bench: $(VENV)/.dev ## measure speed and quality: tables here, JSON in out/; QUICK=0 takes hours
	$(BENCH)

bench-peers: $(VENV)/.dev ## the same beside Evidently, NannyML and alibi-detect; installs them
	$(BIN)/python -m benchmarks.peers install
	$(BENCH) --peers

format: $(VENV)/.dev ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove what was built and cached, the virtual environment too
	rm -rf $(VENV) out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache driftmeter-data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what is installed, so that later runs start at once.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Driftmeter into $(VENV); this is done once, in a minute or two."
	$(INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/.demo $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Driftmeter needs Python 3.11 or newer." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
