# The only front door: everything a person or a machine does here goes through one of these targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fast chaos manipulate bench bench-sync bench-office bench-audit bench-field sim lint audit-deps clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready
FUZZ_READY := $(VENV)/.fuzz-ready
POUCHDB := bench/sync_pouchdb
POUCHDB_READY := $(POUCHDB)/node_modules/.ready
OIDC := tests/oidc/provider
OIDC_READY := $(OIDC)/node_modules/.ready
# What looks at the field app in the browser: its types, and that nothing is younger than Chrome 100.
TOOLS := tests/browser/tools
TOOLS_READY := $(TOOLS)/node_modules/.ready
AREA ?=
ARGS ?=
# Whole files to a worker, in their order, so that what a file shares is made once. With ARGS=-n0 there is one, as a debugger wants.
WORKERS ?= 2
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# A fresh machine has its Python; fetching another one would reach beyond the package registry.
export UV_PYTHON_DOWNLOADS ?= never
# A warning about hard links on another file system helps nobody here.
export UV_LINK_MODE ?= copy
# Where the system keeps certificates, an office's own authority is among them; uv would trust only those it carries.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= 1
endif
export PYTHONDONTWRITEBYTECODE ?= 1

help: ## this list
	@echo "ecoklit: make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## /  \1 /p' Makefile | awk '{ name = $$1; $$1 = ""; printf "  %-12s%s\n", name, $$0 }'

setup: $(READY) ## make .venv with the ecoklit command in it

$(READY): pyproject.toml uv.lock
	@uv="$$(.ci/find-uv)" && $$uv sync --frozen --inexact --quiet
	@touch $@

$(BENCH_READY): $(READY)
	@uv="$$(.ci/find-uv)" && $$uv sync --frozen --inexact --quiet --group bench
	@touch $@

# The fuzzer has wheels for Linux on x86_64 only; elsewhere chaos says that its part was not run.
$(FUZZ_READY): $(READY)
	@uv="$$(.ci/find-uv)" && if $$uv sync --frozen --inexact --quiet --group fuzz; then touch $@; \
	else echo "The fuzzer could not be installed: the part fuzz of make chaos will not run." >&2; fi

# What is compared with, and nothing of the product. Its scripts are not run: the one native part ships ready-made.
$(POUCHDB_READY): $(POUCHDB)/package.json $(POUCHDB)/package-lock.json
	@command -v npm >/dev/null || { echo "bench-sync compares with PouchDB-server, which needs Node.js and npm: install them (Debian: apt-get install npm)." >&2; exit 1; }
	@cd $(POUCHDB) && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# A real OpenID Connect provider, for the tests alone; where there is no Node.js they say so and are skipped.
$(OIDC_READY): $(OIDC)/package.json $(OIDC)/package-lock.json
	@if command -v npm >/dev/null && (cd $(OIDC) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null); \
	then touch $@; else echo "npm did not install tests/oidc/provider: those tests will be skipped." >&2; fi

$(TOOLS_READY): $(TOOLS)/package.json $(TOOLS)/package-lock.json
	@if command -v npm >/dev/null && (cd $(TOOLS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null); \
	then touch $@; else echo "npm did not install $(TOOLS): the field app's types and baseline will not be looked at." >&2; fi

demo: $(READY) ## the main job on made-up voters of Mimika; AREA=94.04 for the whole regency
	@$(BIN)/ecoklit demo $(if $(AREA),--area $(AREA)) $(ARGS)

test: $(READY) $(OIDC_READY) ## every test, against a real nats-server and a real PostgreSQL
	$(BIN)/pytest $(SHARED) $(ARGS)

fast: $(READY) ## the tests that need no server
	ECOKLIT_LAWS=quick $(BIN)/pytest $(SHARED) tests/unit tests/laws tests/vectors $(ARGS)

chaos: $(FUZZ_READY) ## real processes killed, frozen, filled and cut off; ARGS="--only kill --seed 7" for one part
	$(BIN)/python -m ecoklit.testing.chaos $(ARGS)

manipulate: $(READY) ## a thousand seeded manipulations of an exported journal and of a roll, each found by the audit; SEEDS=1000
	$(BIN)/python tests/chaos/manipulate.py $(or $(SEEDS),1000)

sim: $(READY) ## made-up worlds, each from one number; SEEDS=1000, ARGS="--seed 7" for one, ARGS=--canaries
	$(BIN)/python -m ecoklit.testing.simulator $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

lint: $(READY) $(TOOLS_READY) ## format, lint, types and the direction of imports; the field app's types and baseline
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -e $(TOOLS_READY) ]; then echo "npm run lint ($(TOOLS))"; npm --prefix $(TOOLS) run --silent lint; \
	elif [ -n "$$ECOKLIT_BROWSER" ]; then echo "ECOKLIT_BROWSER says that the field app must be looked at: install Node.js and npm." >&2; exit 1; \
	else echo "The field app was not looked at, which needs Node.js and npm (Debian: apt-get install npm)." >&2; fi

check: lint test ## all that a change must pass

bench: $(BENCH_READY) ## figures, as a table and in bench/out/main.json
	$(BIN)/python bench/main.py $(ARGS)

bench-sync: $(BENCH_READY) $(POUCHDB_READY) ## figures of the sync service beside others, and in bench/out/sync.json
	$(BIN)/python bench/sync.py $(ARGS)

bench-office: $(BENCH_READY) ## figures of the office's lists among a million voters, and in bench/out/office.json
	$(BIN)/python bench/office.py $(ARGS)

bench-audit: $(READY) ## figures of auditing: a whole journal, the transparency log over ten million entries, and in bench/out/audit.json
	$(BIN)/python bench/audit.py $(ARGS)

bench-field: $(READY) ## figures of the phone in the browser, its processor slowed six times, and in bench/out/field.json
	$(BIN)/python bench/field.py $(ARGS)

# Strict: a part that nobody could say anything about counts as a weakness, so that no network is no clean bill.
audit-deps: ## known weaknesses of the parts in uv.lock; asks PyPI's advisories, which takes a network
	@uv="$$(.ci/find-uv)" && list="$$(mktemp)" && trap 'rm -f "$$list"' EXIT && \
	$$uv export --quiet --frozen --all-extras --no-emit-project --format requirements-txt -o "$$list" >/dev/null && \
	$$uv tool run --quiet --from 'pip-audit>=2.9,<3' pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r "$$list" || \
	{ echo "audit-deps: a part has a known weakness, or the advisories could not be asked about all of them: see above." >&2; exit 1; }

clean: ## remove what the targets made, but no data
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/out $(POUCHDB)/node_modules $(OIDC)/node_modules $(TOOLS)/node_modules
