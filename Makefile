# Everything starts here; each target sets up .venv by itself when it is missing or its locked set has changed.
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST := $(BIN)/python -m pytest -n auto

.PHONY: help setup setup-dev demo run test test-long check bench lock docs clean

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.run-time ## make .venv with what the program needs (.venv/bin/communication-agent)

setup-dev: $(VENV)/.development

# What is said here goes to stderr: `make demo ARGS="--once --json"` prints one document and nothing else.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …" >&2; exit 1; }
	@echo "Making $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV) >&2

$(VENV)/.run-time: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the program needs …" >&2
	@$(PIP) --require-hashes -r requirements.txt >&2
	@$(PIP) --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)/.development: requirements-dev.txt requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need …" >&2
	@$(PIP) --require-hashes -r requirements-dev.txt >&2
	@$(PIP) --no-deps --no-build-isolation --editable . >&2
	@touch $@ $(VENV)/.run-time

demo: setup ## try it all on this machine: sample dealers, today's messages, the console; nothing leaves it (ARGS=--once)
	@$(BIN)/communication-agent demo $(ARGS)

run: setup ## run the service with the settings of .env and the environment
	@$(BIN)/communication-agent run $(ARGS)

test: setup-dev ## the fast tests: under three minutes
	$(PYTEST) -m "not long" $(ARGS)

test-long: setup-dev ## the tests that take minutes: kills, many cases, the browser matrix
	$(PYTEST) -m long $(ARGS)

check: setup-dev ## format, lint, types, imports
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: setup-dev ## measure what we claim
	$(BIN)/python -m bench $(ARGS)

docs: setup-dev ## write the pages that are generated from code
	$(BIN)/python -m communication_agent.docs docs

lock: setup-dev ## resolve the dependencies again and lock them with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --output-file requirements.txt pyproject.toml requirements-build.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev --output-file requirements-dev.txt pyproject.toml requirements-build.in

clean: ## remove .venv and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
