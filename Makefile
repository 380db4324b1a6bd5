.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-full check bench clean node deps setup-tests

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install the programs that vmlab calls (asks first)
	@scripts/setup.sh

build: deps ## Build dist/vmlab.js
	@npm run --silent build

demo: setup build ## Build vmlab and watch it plan, apply and destroy a small lab
	@scripts/demo.sh

test: setup-tests check ## Check the sources and run the tests
	@npm run --silent test

test-full: setup-tests check ## The same, with the long tests
	@npm run --silent test:full

check: deps ## Types, lint, format, unused code, shell scripts
	@npm run --silent check
	@if command -v shellcheck >/dev/null; then \
	  { echo .ci/run; find scripts engine providers roles examples -name '*.sh' 2>/dev/null; } | xargs shellcheck; \
	else echo 'check: shellcheck is not installed (make setup-tests), shell scripts were not checked'; fi

bench: setup-tests build ## Measure
	@npm run --silent bench

clean: ## Remove what the build made
	@rm -rf dist generated coverage node_modules/.cache

setup-tests: node
	@scripts/setup.sh --tests

deps: node
	@if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then \
	  npm ci && touch node_modules/.package-lock.json; fi

node:
	@command -v node >/dev/null && command -v npm >/dev/null || \
	  { echo 'vmlab needs Node.js 20.19 or newer with npm; none was found. See https://nodejs.org' >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' || \
	  { echo "vmlab needs Node.js 20.19 or newer; this is $$(node --version). See https://nodejs.org" >&2; exit 1; }
