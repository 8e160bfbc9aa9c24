# The front door. Everything that a target needs, it makes: `make up` on an empty machine is enough.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := $(shell for p in $(PYTHON) python3.12 python3.11 python3 "$$HOME"/.pyenv/versions/3.1[12]*/bin/python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; done)
UV := .uv/bin/uv
BIN := .venv/bin
DOCS_PORT ?= 8081

##@ Run

.PHONY: up
up: install ## Set everything up, load, build, check, publish and show; prints the addresses
	@$(BIN)/cyberimpact up

.PHONY: down
down: ## Stop what `make up` has started
	@[ ! -x $(BIN)/cyberimpact ] || $(BIN)/cyberimpact down

##@ Develop

.PHONY: install
install: space .venv/.installed .venv-superset/.installed .env ## Make both environments from the locks, and .env

.PHONY: dev
dev: install ## Run Dagster alone with code reloading
	@$(BIN)/cyberimpact dev

.PHONY: test
test: install chromium ## Pass every test
	@$(BIN)/pytest

.PHONY: proof
proof: install chromium ## The long counts: repeated kills, every fault, every KPI computed a second time
	@$(BIN)/pytest -m proof -n 1

.PHONY: snapshot
snapshot: install ## Rewrite the graph's snapshot after a change that is meant
	@$(BIN)/python -m tests.graph.snapshot

.PHONY: lint
lint: install ## Format, style, types, SQL, YAML and import boundaries
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/ty check
	@$(BIN)/lint-imports
	@$(BIN)/yamllint --strict .
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project

.PHONY: docs
docs: install ## Describe every model, column and test, and show it on 127.0.0.1:$(DOCS_PORT) until Ctrl-C
	@$(BIN)/cyberimpact dbt docs generate --static
	@$(BIN)/cyberimpact dbt docs serve --no-browser --host 127.0.0.1 --port $(DOCS_PORT)

.PHONY: lock
lock: $(UV) ## Compile the locks anew from pyproject.toml and superset/server/requirements.in
	@compile="$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate"; \
	$$compile pyproject.toml --group build -o requirements/platform.lock && \
	$$compile pyproject.toml --group build --group dev -c requirements/platform.lock -o requirements/dev.lock && \
	$$compile superset/server/requirements.in -o requirements/superset.lock

.PHONY: clean
clean: down ## Remove the environments and what tools have cached; data in CYBERIMPACT_HOME and .env stay
	@rm -rf .uv .venv .venv-superset .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What the targets above stand on.

.PHONY: space
space:
	@[ -e .venv-superset/.installed ] || [ "$$(df -Pk . | awk 'NR == 2 {print $$4}')" -gt 5000000 ] || \
	{ echo "The environments need 5 GB, and $$(df -Ph . | awk 'NR == 2 {print $$4}') are free on this disk: free some space." >&2; exit 1; }

$(UV): requirements/uv.lock
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or 3.12 with venv is needed: sudo apt-get install python3.12-venv (or python3.11-venv), or set PYTHON=/path/to/python." >&2; exit 1; }
	@echo "uv: installing into .uv" >&2
	@$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock && touch $@

.venv/.installed: $(UV) requirements/dev.lock pyproject.toml
	@echo "The platform's environment: installing into .venv" >&2
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv --without-pip .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/dev.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv-superset/.installed: $(UV) requirements/superset.lock
	@echo "Superset's environment: installing into .venv-superset" >&2
	@[ -x .venv-superset/bin/python ] || $(PYTHON) -m venv --without-pip .venv-superset
	@VIRTUAL_ENV=.venv-superset $(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/superset.lock
	@touch $@

.env: .env.example .venv/.installed
	@$(BIN)/python -m orchestration.dotenv
	@touch $@

.PHONY: chromium
chromium:
	@{ command -v chromium || command -v chromium-browser; } >/dev/null && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $$(cat requirements/debian.txt) >/dev/null; \
	else echo "The browser tests need Chromium, and those of Superset's metadata Postgres: sudo apt-get install $$(cat requirements/debian.txt)" >&2; exit 1; fi
