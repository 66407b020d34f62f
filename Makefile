# `make help` tells what there is. Every target sets up what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Not `import`ed by chance from the working directory of whoever calls make.
export PYTHONPATH :=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Set in many containers: every process that tests start would then compile all of our modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo serve worker test check fix bench soak migration pin changelog test-tools bench-tools suite suite-sqlite suite-postgres

# Installs the Debian packages in the shell's array `missing`, or says which they are.
define install_missing
if [ $${#missing[@]} -gt 0 ]; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $${missing[*]}"; \
		apt-get update -qq </dev/null; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" </dev/null >/dev/null; \
	else \
		echo "Programs are missing. Install them, then try again:" >&2; \
		echo "  apt-get install $${missing[*]}" >&2; \
		exit 1; \
	fi; \
fi
endef

help: ## tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## build .venv from the locked requirements, development tools included

# Built beside and stamped last: an interrupted installation is repeated, a finished one is skipped.
$(STAMP): requirements-dev.txt pyproject.toml
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2; exit 1; fi
	@missing=(); "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv); \
	$(install_missing)
	@[ -x $(BIN)/python ] && $(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); "$(PYTHON)" -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

demo: setup ## start a demo with a pretend WeChat on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m app demo

serve: setup ## start the server (settings: environment or .env)
	@exec $(BIN)/python -m app serve

worker: setup ## start a worker that does the jobs (needed beside `serve` on PostgreSQL)
	@exec $(BIN)/python -m app worker

test: setup test-tools ## check, then the whole suite on SQLite + embedded Redis and on PostgreSQL + Redis
	@timeout --foreground --kill-after=20 75m $(MAKE) check suite

# Side by side, because each waits a good deal for its servers; what a run says is printed when it is over.
suite:
	@echo "both pairs run side by side; each is told of when it is done"
	@$(MAKE) -j2 -k --output-sync=target suite-sqlite suite-postgres

# The files of a test live in memory where the machine lets us.
suite-sqlite suite-postgres: export PYTEST_DEBUG_TEMPROOT := $(shell [ -w /dev/shm ] && echo /dev/shm || echo /tmp)

suite-sqlite:
	@echo "== SQLite + embedded Redis" && FANPIAO_TEST_PAIR=sqlite $(BIN)/python -m pytest -q $(PYTEST)

suite-postgres:
	@echo "== PostgreSQL + Redis" && FANPIAO_TEST_PAIR=postgres $(BIN)/python -m pytest -q $(PYTEST)

# The programs that tests start: found by what they are, not by which package brought them.
test-tools:
	@missing=(); \
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql); \
	command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing+=(redis-server); \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium); \
	compgen -G '/usr/share/fonts/*/*/wqy-microhei*' >/dev/null || compgen -G '/usr/share/fonts/*/*/*CJK*' >/dev/null \
		|| missing+=(fonts-wqy-microhei); \
	$(install_missing)

bench-tools:
	@missing=(); command -v wrk >/dev/null || missing+=(wrk); \
	$(install_missing)

check: setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup ## format the code and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup test-tools bench-tools ## measure, every figure as a ratio to a baseline of the same run; figures="import kind"
	@exec $(BIN)/python -m tests.bench $(figures)

soak: setup test-tools ## the long versions: chaos, state machines with fresh seeds
	@FANPIAO_TEST_PAIR=sqlite $(BIN)/python -m pytest -q -m soak --timeout=7200 $(PYTEST) || [ $$? = 5 ]
	@FANPIAO_TEST_PAIR=postgres $(BIN)/python -m pytest -q -m soak --timeout=7200 $(PYTEST) || [ $$? = 5 ]

migration: setup ## write a migration for changed models: make migration name=add_colour
	@[ -n "$(name)" ] || { echo "give it a name: make migration name=add_colour" >&2; exit 1; }
	@exec $(BIN)/python -m models.drafting $(name)

# Hashes, and no addresses of where packages come from: whoever installs has a source of their own.
PIN := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --no-header pyproject.toml
pin: setup ## lock the newest versions that pyproject.toml allows: make pin
	$(PIN) --upgrade -o requirements.txt
	$(PIN) --upgrade --extra dev -c requirements.txt -o requirements-dev.txt

changelog: setup ## gather docs/changes into CHANGELOG.md: make changelog version=0.2.0
	@[ -n "$(version)" ] || { echo "give it a version: make changelog version=0.2.0" >&2; exit 1; }
	@exec $(BIN)/towncrier build --yes --version $(version)
