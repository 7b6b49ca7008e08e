# The commands of a working day. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: web ## build for release and start a demonstration with the embedded store
	cargo build --release --locked --bin cxc
	exec $(TARGET_DIR)/release/cxc up --demo

.PHONY: test
test: ## install what the tests need, then run every check
	scripts/setup
	scripts/test

.PHONY: lint
lint: ## formatting, clippy, the licences and sources of dependencies
	scripts/lint

.PHONY: bench
bench: ## the measured promises, on a release build
	scripts/setup
	scripts/bench

.PHONY: openapi
openapi: ## write openapi.json from the code
	cargo build --locked --workspace --bins
	$(TARGET_DIR)/debug/cxc openapi > openapi.json.new
	mv openapi.json.new openapi.json

.PHONY: data
data: ## write the tables of regions and time zones again from their sources
	scripts/data/run

.PHONY: zones
zones: ## compare the zones of 100,000 numbers of every country with Python phonenumbers
	scripts/data/zones

.PHONY: web
web: ## build the web user interface
	@if [ ! -e web/package.json ]; then echo "there is no web/ yet: nothing to build"; \
	elif ! command -v npm >/dev/null; then echo "npm is missing: going on without the web user interface"; \
	else cd web && npm ci --no-audit --no-fund && npm run build; fi

.PHONY: advisories
advisories: ## dependencies against the public advisory database (needs the network)
	scripts/cargo-deny advisories

.PHONY: clean
clean: ## remove what was built and installed in this folder
	cargo clean
	rm -rf .venv .tmp openapi.json.new tests/peers/*/node_modules
