PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
PLUGIN := $(VENV)/.plugin
TOOLS := $(VENV)/.tools
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
OURS := flake8_djq tests

.DEFAULT_GOAL := help
.PHONY: help demo test lint format readme ecosystem snapshot bench clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Each does its own set-up in $(VENV), once. PYTHON=... names another Python (3.10 or later); ARGS=... is passed on."

$(PLUGIN): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or later is needed: make PYTHON=..."; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing flake8-djq into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(TOOLS): $(PLUGIN)
	@echo "installing what the tests and checks need into $(VENV)"
	@$(PIP) --editable '.[test,lint]'
	@touch $@

demo: $(PLUGIN) ## lint the fixture project and a real one, and show what is found
	@$(BIN)/python -m tests.ecosystem.demo

test: $(TOOLS) ## run all tests
	$(BIN)/python -m pytest -n auto $(ARGS)

lint: $(TOOLS) ## ruff, mypy --strict, and flake8 with the plugin itself
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/flake8 $(OURS)

format: $(TOOLS) ## put the code into ruff's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

readme: $(PLUGIN) ## write the tables of rules and options into README.md again
	$(BIN)/python -m tests.test_readme

ecosystem: $(PLUGIN) ## download and lint ten real projects, compare with the snapshot
	$(BIN)/python -m tests.ecosystem.ecosystem $(ARGS)

snapshot: $(PLUGIN) ## the same, and write the snapshot again
	$(BIN)/python -m tests.ecosystem.ecosystem --update $(ARGS)

bench: $(PLUGIN) ## measure flake8 with the plugin against flake8 without (ARGS="--lines 20000" for a sample)
	$(BIN)/python -m tests.benchmarks.overhead $(ARGS)

clean: ## remove what the commands above have made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find flake8_djq tests fixtures -name __pycache__ -type d -prune -exec rm -rf {} +
