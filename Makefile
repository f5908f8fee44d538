# The one launcher: people, tests, CI and schedules use these targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# make's own abspath would take a path with a space for two
override EVATLAS_HOME := $(shell home="$(or $(EVATLAS_HOME),data)"; case "$$home" in (/*) echo "$$home" ;; (*) echo "$$PWD/$$home" ;; esac)
export EVATLAS_HOME
export DAGSTER_HOME := $(EVATLAS_HOME)/dagster
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export PYTHONPATH := $(CURDIR)
# Compiled bytecode halves start-up; some machines switch it off for everybody.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3.11
PY := .venv/bin/python
READY := .venv/.ready
READY_DEV := .venv/.ready-dev

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# With another file than the locks nothing is installed anew; an environment that has the development packages keeps them.
ENVIRONMENT = $$(command -v $(PYTHON) || command -v python3) deploy/environment.py

$(READY): requirements.lock
	@$(ENVIRONMENT)

$(READY_DEV): requirements-dev.lock
	@$(ENVIRONMENT) --dev

setup: $(READY) ## the virtual environment of the programs, from the hashed lock
	@:

setup-dev: $(READY_DEV) ## the same with what tests and lint need
	@:

refresh: $(READY) ## land, build, check, publish the bundled data (FORCE=1 builds even when nothing is new; REPLACE=1 takes files that were held since they share little with those they replace)
	@$(if $(REPLACE),EVATLAS_REPLACE="$(REPLACE)") $(PY) -m orchestration.commands.refresh $(if $(FORCE),--force)

ui: $(READY) ## Dagster's UI on 127.0.0.1:3000 (PORT=...)
	@$(PY) -m orchestration.commands.ui --port $(or $(PORT),3000)

panel: $(READY) ## all tables from your own plant panel: make panel PANEL=dir OUT=dir
	@$(PY) -m orchestration.commands.panel --panel "$(PANEL)" --out "$(OUT)"

as-of: $(READY) ## the indicators as known on a day (DATE=2026-11-26) or as published (VERSION=...): make as-of DATE=... OUT=file.csv
	@$(PY) -m orchestration.commands.as_of $(if $(VERSION),--version "$(VERSION)",--date "$(DATE)") --out "$(OUT)"

verify: $(READY) ## build the published version again from its raw inputs, elsewhere, and compare every byte
	@$(PY) -m orchestration.commands.verify

check-inputs: $(READY) ## judge files as the inbox would: make check-inputs DIR=dir [KIND=firms]
	@$(PY) -m sources.inbox.check_inputs --dir "$(DIR)" --kind "$(or $(KIND),firms)"

withdraw: $(READY) ## take a file that was supplied out of the next version: make withdraw FILE=name WHY="..."
	@$(PY) -m sources.inbox.withdraw --file "$(FILE)" --why "$(WHY)"

lint: $(READY_DEV) ## ruff (with the import law), sqlfluff, mypy on all that is ours
	@$(PY) -m ruff check .
	@$(PY) -m sqlfluff lint dbt_project/models --processes 2 -q
	@$(PY) -m mypy ingest sources orchestration atlas deploy dbt_project/python/evatlas_science

# A file's tests run in one process (they share what its fixtures made), in the order of tests/conftest.py; all share one published home.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$(( n > 4 ? 4 : n )))
PYTEST = $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(READY_DEV) ## the whole suite (installs Debian's Chromium, R and faketime where they are missing and may)
	@tests/install_tools.sh
	@$(PYTEST)

test-fast: $(READY_DEV) ## what needs no refresh, no browser and no R: within a minute
	@EVATLAS_TEST_FAST=1 $(PYTEST) -m "not (refresh or browser or r or long)"

coverage: $(READY_DEV) ## the whole suite with the lines that it runs, children too; fails under the floor (pyproject.toml)
	@rm -rf .coverage .coverage.*
	@$(PY) -m coverage run -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
	@$(PY) -m coverage combine -q
	@$(PY) -m coverage report --skip-covered

bench: $(READY_DEV) ## ratios of the main job against its floor
	@$(PY) -m bench.refresh

UV ?= .venv/bin/uv
COMPILE = $(UV) pip compile --quiet --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links \
  --python-version 3.11 --custom-compile-command "make lock"

lock: ## write the three locks anew from pyproject.toml, keeping the versions that they have (UPGRADE=1: the newest ones)
	$(COMPILE) pyproject.toml --python-platform linux $(if $(UPGRADE),--upgrade) -o requirements.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements.lock --python-platform linux $(if $(UPGRADE),--upgrade) -o requirements-dev.lock
	echo "uv==$$($(UV) --version | cut -d' ' -f2)" | $(COMPILE) - -o requirements-setup.lock

clean: ## remove the state of this checkout's own home (never another EVATLAS_HOME)
	rm -rf data dbt_project/target

.PHONY: help setup setup-dev refresh ui panel as-of verify check-inputs withdraw lint test test-fast coverage bench lock clean
