# Every verb sets up what it needs. Needs only Python 3.11+, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --require-hashes

.PHONY: help setup demo test unit lint format typecheck build lock bench clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready  ## create .venv with pinned packages; afterwards .venv/bin/headgate works

$(UV):
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "uv>=0.9,<1"

$(VENV)/.ready: $(UV) tests/requirements.txt local/requirements.txt pyproject.toml
	@$(INSTALL) --python $(BIN)/python -r tests/requirements.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@test -x $(VENV)/emulator/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/emulator
	@$(INSTALL) --python $(VENV)/emulator/bin/python -r local/requirements.txt
	@touch $@

$(VENV)/sam/.ready: $(UV) .ci/requirements-sam.txt
	@test -x $(VENV)/sam/bin/python || $(UV) venv --quiet --python $(BIN)/python $(VENV)/sam
	@$(INSTALL) --python $(VENV)/sam/bin/python -r .ci/requirements-sam.txt
	@touch $@

lock:  ## compile the pinned requirements (hashes, no index addresses)
	@$(PYTHON) .ci/lock.py
