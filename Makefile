# Without a role to build, "make build" is about vmlab itself.
ifneq ($(origin ROLE),command line)
VMLAB_OWN_BUILD := yes
endif
VMLAB := node dist/vmlab.js
VMLAB_NEEDS := dist/vmlab.js
include scripts/vmlab.mk

.PHONY: setup demo test test-full check bench clean node deps setup-tests

##@ vmlab itself

setup: ## Install what vmlab calls (asks first)
	@scripts/setup.sh

ifdef VMLAB_OWN_BUILD
build: deps ## Build dist/vmlab.js
	@npm run --silent build
endif

# What is built already is kept as it is, so the time of vmlab.js says nothing without the touch.
dist/vmlab.js: $(shell find cli engine providers roles schemas scripts/build.mjs package.json -type f) | deps
	@npm run --silent build && touch $@

demo: setup build ## See it make and destroy a small lab
	@scripts/demo.sh

test: setup-tests check ## Check the sources and run the tests
	@npm run --silent test

test-full: setup-tests check ## The same, with the long tests
	@npm run --silent test:full

check: deps ## Types, lint, unused code, shell scripts
	@npm run --silent check
	@if command -v shellcheck >/dev/null; then \
	  { echo .ci/run; find scripts engine providers roles examples cli -name '*.sh' -o -name '*.bash'; } | xargs shellcheck; \
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
