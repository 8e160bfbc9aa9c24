# The front door. Everything that a target needs, it makes: `make up` on an empty machine is enough.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# The first Python of the machine for which an expression over `sys` holds.
python_where = $(shell for p in $(PYTHON) python3.12 python3.11 python3.13 python3 "$$HOME"/.pyenv/versions/3.1[123]*/bin/python; do \
	"$$p" -c 'import sys, venv; sys.exit(not ($(1)))' 2>/dev/null && echo "$$p" && break; done)
PYTHON := $(call python_where,(3, 11) <= sys.version_info[:2] <= (3, 13) and __import__("ensurepip"))
# pandas 2.1, which Superset 6.1 needs, has no wheel for Python 3.13.
SUPERSET_PYTHON := $(call python_where,(3, 11) <= sys.version_info[:2] <= (3, 12))
UV := .uv/bin/uv
# Into an environment, exactly what a lock names, and the project itself.
into_venv = export VIRTUAL_ENV=$(1); $(UV) pip sync --quiet --compile-bytecode --require-hashes $(2) && \
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
export UV_PYTHON_INSTALL_DIR := .uv/python
BIN := .venv/bin
# What builds, duckdb or spark: `make up ENGINE=spark`. Without it, what .env says.
ENGINE ?=
ENGINE_VENV := $(if $(filter spark,$(ENGINE)),.venv-spark,.venv)
# Tests of Spark skip where there is no Java.
SPARK_TESTED := $(if $(shell command -v java),.venv-spark/.installed)
DOCS_PORT ?= 8081
# What `make image` gives to buildah, such as `--build-arg BASE=…` (docs/installation.md).
IMAGE_FLAGS ?=

##@ Run

.PHONY: up
up: space .venv/.installed $(ENGINE_VENV)/.installed .venv-superset/.installed .env ## Set everything up, load, build, check, publish and show; prints the addresses. ENGINE=spark builds on a cluster
	@$(if $(ENGINE),CYBERIMPACT_ENGINE=$(ENGINE)) $(ENGINE_VENV)/bin/cyberimpact up

.PHONY: cluster
cluster: .venv-spark/.installed .env ## Start a Spark master, two workers and a driver on this machine
	@CYBERIMPACT_ENGINE=spark .venv-spark/bin/cyberimpact cluster

.PHONY: down
down: ## Stop what `make up` and `make cluster` have started
	@[ ! -x $(BIN)/cyberimpact ] || $(BIN)/cyberimpact down

##@ Develop

.PHONY: install
install: space .venv/.developer .venv-superset/.installed .env ## Make both environments from the locks, with the developers' tools, and .env

.PHONY: dev
dev: install ## Run Dagster with code reloading, the pages, and Superset for its login, until Ctrl-C
	@$(BIN)/cyberimpact dev

.PHONY: test
test: install chromium ## Pass the tests that take seconds each; FILES=tests/analytics runs a part
	@$(BIN)/pytest $(FILES)

.PHONY: test-long
test-long: install chromium $(SPARK_TESTED) ## Pass the tests that start servers or build whole homes
	@$(BIN)/pytest -m "long and not proof" $(FILES)

.PHONY: proof
proof: install chromium $(SPARK_TESTED) ## The long counts: repeated kills, every fault, KPIs computed a second time
	@$(BIN)/pytest -m proof -n 1

.PHONY: snapshot
snapshot: install ## Rewrite the graph's snapshot after a change that is meant
	@$(BIN)/python -m tests.graph.snapshot

.PHONY: lint
lint: install ## Format, style, types, SQL, YAML, import boundaries and Dagster's definitions
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/ty check
	@$(BIN)/lint-imports
	@$(BIN)/dg check defs
	@$(BIN)/yamllint --strict .
	@$(BIN)/sqlfluff lint --disable-progress-bar dbt_project

.PHONY: docs
docs: install ## Describe every model, column and test, and show it on 127.0.0.1:$(DOCS_PORT) until Ctrl-C
	@$(BIN)/cyberimpact dbt docs generate --static
	@$(BIN)/cyberimpact dbt docs serve --no-browser --host 127.0.0.1 --port $(DOCS_PORT)

.PHONY: wheel
wheel: .venv/.installed ## Put into dist/ what an installation needs: the wheel of the last commit, the locks, the script, the documentation
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && git clone --quiet . "$$scratch" && \
	printf '[egg_info]\ntag_build = +g%s\n' "$$(git rev-parse --short=12 HEAD)" > "$$scratch/setup.cfg" && rm -rf dist && \
	$(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir "$$PWD/dist" "$$scratch" && \
	cp -r "$$scratch"/{requirements/{uv,platform,superset}.lock,deploy/install.sh,CHANGELOG.md,README.md,docs,deploy} dist && ls -1 dist

.PHONY: image
image: wheel sbom ## Build the images of deploy/compose.yaml, and list in sbom/ what Debian puts into them; IMAGE_FLAGS is for buildah
	@for target in proxy database platform; do \
		image=localhost/cyberimpact-$$target; \
		buildah build --format docker --file deploy/Containerfile --target $$target --tag $$image $(IMAGE_FLAGS) . >&2 && \
		podman run --rm --network none --entrypoint dpkg-query $$image --show > sbom/$$target.debian.txt && echo $$image || exit 1; \
	done

.PHONY: lock
lock: $(UV) ## Compile the locks anew from pyproject.toml and superset/server/requirements.in
	@compile="$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate"; \
	$$compile pyproject.toml --group build --group sandbox --group traces -o requirements/platform.lock && \
	$$compile pyproject.toml --group build --group dev -c requirements/platform.lock -o requirements/dev.lock && \
	$$compile pyproject.toml --group build --group sandbox --group traces --group spark -c requirements/platform.lock -o requirements/spark.lock && \
	$$compile superset/server/requirements.in -o requirements/superset.lock

.PHONY: sbom
sbom: install ## Write what each lock installs, with versions and licences, into sbom/ (CycloneDX)
	@mkdir -p sbom; for lock in platform spark superset; do \
		scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
		$(UV) venv --quiet --python python3.11 "$$scratch/$$lock" && \
		VIRTUAL_ENV="$$scratch/$$lock" $(UV) pip sync --quiet --require-hashes requirements/$$lock.lock && \
		$(BIN)/cyclonedx-py environment --output-reproducible --output-file sbom/$$lock.cdx.json "$$scratch/$$lock/bin/python" && \
		rm -rf "$$scratch" && echo "sbom/$$lock.cdx.json" || exit 1; \
	done

.PHONY: outdated
outdated: $(UV) ## Once a month: compile the locks anew in a scratch folder, print what changed, test with them
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && git clone --quiet . "$$scratch" && \
	rm "$$scratch"/requirements/{platform,dev,spark,superset}.lock && $(MAKE) --no-print-directory -C "$$scratch" lock && \
	for lock in platform dev spark superset; do \
		echo "$$lock.lock:"; diff <(grep -o '^[^ ;]*==[^ ;]*' requirements/$$lock.lock) <(grep -o '^[^ ;]*==[^ ;]*' "$$scratch/requirements/$$lock.lock"); \
	done; $(MAKE) --no-print-directory -C "$$scratch" test

.PHONY: clean
clean: down ## Remove the environments and what tools have cached; data in CYBERIMPACT_HOME and .env stay
	@rm -rf .uv .venv .venv-spark .venv-superset .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What the targets above stand on.

.PHONY: space
space:
	@[ -e .venv-superset/.installed ] || [ "$$(df -Pk . | awk 'NR == 2 {print $$4}')" -gt 5000000 ] || \
	{ echo "The environments need 5 GB, and $$(df -Ph . | awk 'NR == 2 {print $$4}') are free on this disk: free some space." >&2; exit 1; }

$(UV): requirements/uv.lock
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11, 3.12 or 3.13 with venv is needed: sudo apt-get install python3-venv, or set PYTHON=/path/to/python." >&2; exit 1; }
	@echo "uv: installing into .uv" >&2
	@$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock && touch $@

# Who has installed the developers' tools keeps them.
.venv/.installed: $(UV) requirements/platform.lock pyproject.toml
	@echo "The platform's environment: installing into .venv" >&2
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv --without-pip .venv
	@$(call into_venv,.venv,requirements/$(if $(wildcard .venv/.developer),dev,platform).lock)
	@touch $@

.venv/.developer: .venv/.installed requirements/dev.lock
	@echo "The developers' tools: installing into .venv" >&2
	@$(call into_venv,.venv,requirements/dev.lock)
	@touch $@

# The platform's environment, and Spark in it.
.venv-spark/.installed: $(UV) requirements/spark.lock pyproject.toml
	@command -v java >/dev/null || { echo "Spark needs Java 17 or 21: sudo apt-get install openjdk-17-jre-headless, on Debian 13 openjdk-21-jre-headless." >&2; exit 1; }
	@echo "The platform's environment with Spark: installing into .venv-spark" >&2
	@[ -x .venv-spark/bin/python ] || $(PYTHON) -m venv --without-pip .venv-spark
	@$(call into_venv,.venv-spark,requirements/spark.lock)
	@touch $@

.venv-superset/.installed: $(UV) requirements/superset.lock
	@echo "Superset's environment: installing into .venv-superset" >&2
	@[ -x .venv-superset/bin/python ] || [ -n "$(SUPERSET_PYTHON)" ] || { \
		echo "Superset needs Python 3.11 or 3.12 and this machine has neither: fetching 3.12 from the internet" >&2; \
		$(UV) python install --quiet 3.12; } || { \
		echo "Python 3.12 could not be fetched. Install it (or 3.11), or set SUPERSET_PYTHON=/path/to/python3.12." >&2; exit 1; }
	@[ -x .venv-superset/bin/python ] || "$(or $(SUPERSET_PYTHON),$$($(UV) python find 3.12))" -m venv --without-pip .venv-superset
	@VIRTUAL_ENV=.venv-superset $(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/superset.lock
	@touch $@

.env: .env.example .venv/.installed
	@$(BIN)/python -m cli.dotenv
	@touch $@

.PHONY: chromium
chromium:
	@{ command -v chromium || command -v chromium-browser; } >/dev/null && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $$(cat requirements/debian.txt) >/dev/null; \
	else echo "The browser tests need Chromium, and those of Superset's metadata Postgres: sudo apt-get install $$(cat requirements/debian.txt)" >&2; exit 1; fi
