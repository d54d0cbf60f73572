# Every verb sets up what it needs. Needs only Python 3.11+, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --require-hashes

.PHONY: help setup demo test unit real runners kills simulate selection-cases lint format typecheck build template-lint lock bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

setup: $(VENV)/.ready  ## create .venv with pinned packages; afterwards .venv/bin/headgate works

$(UV):
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "uv>=0.9,<1"

$(VENV)/.ready: $(UV) tests/requirements.txt local/requirements.txt tests/dbt-1.10.txt pyproject.toml
	@$(INSTALL) --python $(BIN)/python -r tests/requirements.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@test -x $(VENV)/emulator/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/emulator
	@$(INSTALL) --python $(VENV)/emulator/bin/python -r local/requirements.txt
	@test -x $(VENV)/dbt-1.10/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/dbt-1.10
	@$(INSTALL) --python $(VENV)/dbt-1.10/bin/python -r tests/dbt-1.10.txt
	@touch $@

$(VENV)/sam/.ready: $(UV) .ci/requirements-sam.txt
	@test -x $(VENV)/sam/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/sam
	@$(INSTALL) --python $(VENV)/sam/bin/python -r .ci/requirements-sam.txt
	@touch $@

# SAM looks for `uv` (the layer's Makefile) on the PATH; a left-over __pycache__ would change a function's digest.
SAM := env PATH="$(CURDIR)/$(VENV)/sam/bin:$(PATH)" SAM_CLI_TELEMETRY=0 sam

build: $(VENV)/sam/.ready  ## the functions and the layer, ready to deploy, in .aws-sam/build
	@find functions -type d -name __pycache__ -prune -exec rm -rf {} +
	@$(SAM) build

template-lint: $(VENV)/sam/.ready  ## cfn-lint and sam validate on template.yaml
	@$(VENV)/sam/bin/cfn-lint template.yaml
	@$(SAM) validate --lint --region us-east-1

lock:  ## compile the pinned requirements (hashes, no index addresses)
	@$(PYTHON) .ci/lock.py

demo: setup  ## the whole path on this machine: webhook, dbt over two runners, a failure, its alert
	@$(BIN)/python -m headgate_local.demo

# Three parts at once: one computes, the others mostly wait for databases and processes. GNU make 4 keeps their output apart.
AT_ONCE := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) --jobs=3

test: setup  ## unit, contract, template, simulation, integration and end-to-end tests
	@$(MAKE) --no-print-directory $(AT_ONCE) unit real runners

# Comparisons with dbt's own answers, and handlers without a server, compute and wait for nobody.
COMPUTING := tests/integration/test_*_equals_dbt.py tests/integration/test_openapi.py tests/integration/test_permissions.py

# Runners that are killed, frozen and kept waiting, on a Postgres of their own.
RUNNERS := tests/integration/test_run*_*.py

unit: setup  ## the part that computes: without servers, with the comparisons with dbt's own answers
	@$(BIN)/python -m pytest -q tests/unit tests/template tests/contract tests/simulation $(COMPUTING)

real: setup  ## the part with real dbt, Postgres and the emulator
	@$(BIN)/python -m pytest -q tests/integration $(foreach those,$(COMPUTING) $(RUNNERS),--ignore-glob='$(those)')

runners: setup  ## the part with real runners that are killed, frozen and kept waiting, and with the whole local stack
	@$(BIN)/python -m pytest -q $(RUNNERS) tests/e2e

kills: setup  ## real runners killed at 20 random moments each by SIGKILL and SIGTERM; make test does a few
	@HEADGATE_KILLS=20 $(BIN)/python -m pytest -q tests/integration/test_kills.py

simulate: setup  ## 10,000 simulated histories of the control path; SEED=123 shows one of them
	@$(BIN)/python -m tests.simulation

$(VENV)/dbt-1.12/bin/dbt: $(VENV)/.ready
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python $(VENV)/dbt-1.12
	@$(UV) pip install --quiet --python $(VENV)/dbt-1.12/bin/python --override tests/selection_cases/without.txt \
		dbt-core==1.12.6 dbt-postgres==1.11.0

selection-cases: setup $(VENV)/dbt-1.12/bin/dbt  ## ask real dbt again what 1,400 selections select (5 minutes)
	@DBT_1_12=$(CURDIR)/$(VENV)/dbt-1.12/bin/python $(BIN)/python -m tests.selection_cases.regenerate

lint: setup  ## ruff, mypy, cfn-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/cfn-lint template.yaml

format: setup  ## let ruff mend what it can
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

$(VENV)/dagster/.ready: $(UV) benchmarks/requirements-dagster.txt
	@test -x $(VENV)/dagster/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/dagster
	@$(INSTALL) --python $(VENV)/dagster/bin/python -r benchmarks/requirements-dagster.txt
	@touch $@

bench: setup $(VENV)/dagster/.ready  ## the numbers in docs/benchmarks.md, as Markdown tables
	@$(BIN)/python -m benchmarks

clean:  ## stop the local stack and remove everything that was made here
	@test ! -x $(BIN)/headgate || $(BIN)/headgate local down
	@rm -rf $(VENV) .headgate .aws-sam build
