PYTHON ?= python3
VENV ?= .venv
ARGS ?=

DJANGO42 := .venv-django42

BIN := $(VENV)/bin
PLUGIN := $(VENV)/.plugin
TOOLS := $(VENV)/.tools
PROOF := $(VENV)/.proof
DRIVERS := $(VENV)/.drivers
DRIVERS42 := $(DJANGO42)/.drivers
INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL)
OURS := flake8_djq tests

export DJQ_DJANGO42_PYTHON ?= $(CURDIR)/$(DJANGO42)/bin/python

# A driver that cannot be installed costs the tests of its database, and is tried again the next time. mysqlclient has to
# be compiled where there is no wheel.
define install_drivers
	@missing=""; \
	for driver in postgresql mariadb; do \
		$(1)/bin/python $(INSTALL) --editable ".[$$driver]" > $(1)/$$driver.log 2>&1 || missing="$$missing $$driver"; \
	done; \
	if [ -z "$$missing" ]; then touch $(1)/.drivers; else \
		echo "!!!!!!!!"; \
		for driver in $$missing; do \
			echo "!!!!!!!! LEFT OUT: $$driver, its driver cannot be installed; $(1)/$$driver.log says why"; \
		done; \
		echo "!!!!!!!! That of mariadb needs the packages libmariadb-dev and pkg-config, or brew's mariadb-connector-c"; \
		echo "!!!!!!!!"; \
	fi
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint format readme ecosystem snapshot settings fixes bench proof clean

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
	@$(PIP) --editable '.[test,lint,proof]'
	@touch $@

$(PROOF): $(PLUGIN)
	@echo "installing Django and matplotlib into $(VENV)"
	@$(PIP) --editable '.[proof]'
	@touch $@

$(DRIVERS): $(PLUGIN)
	@echo "installing the drivers of PostgreSQL and MariaDB into $(VENV)"
	$(call install_drivers,$(VENV))

$(DRIVERS42): $(PLUGIN)
	@$(DJANGO42)/bin/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(DJANGO42)
	@echo "installing Django 4.2 and the drivers into $(DJANGO42)"
	@$(DJANGO42)/bin/python $(INSTALL) 'Django>=4.2,<4.3'
	$(call install_drivers,$(DJANGO42))

demo: $(PLUGIN) ## lint the fixture project and a real one, and show what is found
	@$(BIN)/python -m tests.ecosystem.demo

test: $(TOOLS) $(DRIVERS) $(DRIVERS42) ## run all tests, on every database that is there
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

settings: $(PLUGIN) ## compare DEBUG and database of real projects' settings with what was read by hand
	@$(BIN)/python -m tests.ecosystem.settings $(ARGS)

fixes: $(PLUGIN) ## apply all fixes to copies of ten real projects and check what they change (ARGS="--diffs FOLDER")
	$(BIN)/python -m tests.ecosystem.fixes $(ARGS)

bench: $(PLUGIN) ## measure flake8 with the plugin against flake8 without (ARGS="--lines 20000" for a sample)
	$(BIN)/python -m tests.benchmarks.overhead $(ARGS)

proof: $(PROOF) $(DRIVERS) ## measure memory and time on each database and write docs/proof (ARGS="--rows 20000" for a sample)
	$(BIN)/python -m tests.proof.table $(ARGS)

clean: ## remove what the commands above have made
	rm -rf $(VENV) $(DJANGO42) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find flake8_djq tests fixtures -name __pycache__ -type d -prune -exec rm -rf {} +
