# make demo and make test are all a newcomer needs; each installs what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CI ?=
# A file's tests stay on one worker: its servers are started once. (loadgroup does nothing with pytest 9.2 and
# xdist 3.8: the groups are dropped without a word.) Many tests wait for servers, so more workers than cores.
PARALLEL := -n 4 --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help env servers captures test-servers demo test coverage check fmt bench soak generate clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(VENV)/.installed  ## the Python environment in .venv

# Where there is a Rust compiler, an environment without the native part is a mistake and no choice.
ifndef OBSKIT_NATIVE
OBSKIT_NATIVE := $(if $(shell cargo --version 2>/dev/null),required,optional)
endif
export OBSKIT_NATIVE

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard native/*.* native/src/*.rs)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing obskit and its tools into $(VENV) (about a minute the first time)"
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

servers: env  ## obtain the real servers (first time: about 10 minutes and 1 GB; afterwards nothing)
	@$(BIN)/python tests/servers/get.py

demo: env servers  ## the whole way: servers, a sample service, provision, verify
	@$(BIN)/python examples/demo.py

captures: env servers  ## the pictures of the README, from real runs (about four minutes)
	@$(BIN)/python examples/captures.py

test-servers: env  ## what the tests need beyond that: databases, exporters, the newest servers
	@$(BIN)/python tests/servers/get.py --exporters --newest

test: env test-servers  ## everything: unit, contract, cli and integration tests against real servers
	@$(BIN)/python -m pytest $(PARALLEL) -q tests

coverage: env test-servers  ## the same, with the lines that no test reaches (twice as long)
	@$(BIN)/python -m pytest $(PARALLEL) -q --cov=obskit --cov-report=term tests

check: env  ## ruff, mypy strict, import contracts, generated files current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH=$(BIN):$$PATH $(BIN)/lint-imports --no-timeout 2>/dev/null || PATH=$(BIN):$$PATH $(BIN)/lint-imports
	@$(BIN)/python -m tests.generated --check
	@if cargo clippy --version >/dev/null 2>&1; then cd native && cargo fmt --check && cargo clippy -q --locked -- -D warnings; \
	else echo "no clippy on this machine: native/ is not checked"; fi

generate: env  ## write all generated files
	@$(BIN)/python -m tests.generated --write

fmt: env  ## format and fix what ruff can
	@$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format -q .

bench: env  ## the figures of BENCHMARKS.md, as ratios in one run
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,bench]'
	@$(BIN)/python -m benchmarks

soak: env servers  ## the long runs
	@$(BIN)/python -m pytest -m soak -p no:cacheprovider tests

clean:  ## remove the environment and caches (not the servers' cache)
	rm -rf $(VENV) native/target obskit/*.so .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
