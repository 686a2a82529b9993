# Everything a fresh machine needs: Python 3.11 or newer and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# An activated environment or a foreign Python path must not leak in.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv/.installed-bench
UV_VERSION := 0.13.9
UV := .venv-uv/bin/uv
COMPILE = UV_PYTHON_DOWNLOADS=never $(UV) pip compile --quiet --universal --generate-hashes --extra otel \
	--no-header --no-annotate --python-version 3.11 $(UPGRADE)

# True if $$python is at least 3.11 and can make a virtual environment.
USABLE = "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /|/' \
		| while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

.PHONY: install
install: $(STAMP) ## make .venv and install everything into it (done by the others when needed)

$(STAMP): requirements/dev.txt pyproject.toml
	@if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		for python in $(PYTHON) python3.13 python3.12 python3.11 python3 none; do \
			if [ "$$python" = none ]; then \
				echo "No usable Python found: version 3.11 or newer, with its venv module, is needed." >&2; \
				echo "Install one (on Debian and Ubuntu also python3-venv), or name it:" >&2; \
				echo "  make install PYTHON=/path/to/python3" >&2; \
				exit 1; \
			fi; \
			if $(USABLE); then break; fi; \
		done; \
		echo "Making .venv with $$("$$python" --version)"; \
		"$$python" -m venv --clear .venv || exit 1; \
	fi
	@echo "Installing the packages of requirements/dev.txt into .venv (a minute, the first time)"
	@$(BIN)/python -m pip install -qq --require-hashes --requirement requirements/dev.txt
	@echo "Installing leadgen itself, editable"
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: install ## find the phones of a sample, everything embedded
	@$(BIN)/leadgen demo

.PHONY: test
test: test-core test-rest ## run all tests but those of the limiters

.PHONY: test-core
test-core: install ## the tests of the core, which must cover it to 95 %
	$(BIN)/coverage run -m pytest tests/unit
	$(BIN)/coverage report

.PHONY: test-rest
test-rest: install ## the tests of adapters, workflows and programs, with real servers
	$(BIN)/python -m pytest --ignore=tests/unit --ignore=tests/adapters/rate_limits

.PHONY: test-limits
test-limits: install ## the tests of the limiters, which wait for real seconds
	$(BIN)/python -m pytest tests/adapters/rate_limits

.PHONY: test-slow
test-slow: install ## the tests that take minutes: all 10,000 sequences of the limiters
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=1800

.PHONY: check
check: install ## format, lint, types, layers, architecture; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/architecture

.PHONY: format
format: install ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: install ## measure leads/s, files, memory and latency; shorter with BENCH=--quick
	@$(BIN)/python -m tests.benchmarks.throughput $(BENCH)

.PHONY: bench-limits
bench-limits: $(BENCH_STAMP) ## measure the rate limiters beside their peers, in 90 seconds
	@$(BIN)/python -m tests.benchmarks.limits

.PHONY: bench-http
bench-http: install ## load the HTTP service with 200 clients for a minute, beside a bare handler
	@$(BIN)/python -m tests.benchmarks.http_load $(BENCH)

.PHONY: fuzz-api
fuzz-api: install ## try the whole OpenAPI document with Schemathesis, more than 2,000 cases
	@$(BIN)/python -m tests.http.fuzz
.PHONY: bench-ordering
bench-ordering: install ## what the learned order costs in 24 markets whose truth is known, in two minutes
	@$(BIN)/python -m tests.benchmarks.ordering

.PHONY: bench-races
bench-races: install ## what hedged and parallel searches cost and take over real processes, beside the formulas
	@$(BIN)/python -m tests.benchmarks.races

.PHONY: bench-breaker
bench-breaker: install ## how soon a silent fall of a hit rate is noticed, and the false alarms, in 4 minutes
	@$(BIN)/python -m tests.benchmarks.breaker

$(BENCH_STAMP): $(STAMP) requirements/bench.txt
	@echo "Installing the packages of requirements/bench.txt into .venv"
	@$(BIN)/python -m pip install -qq --require-hashes --requirement requirements/bench.txt
	@touch $@

.PHONY: chaos
chaos: install ## kill and cut real processes for two minutes; other faults with FAULTS="redis points"
	@$(BIN)/python -m tests.chaos $(FAULTS)

.PHONY: chaos-full
chaos-full: install ## the whole fault plan, which takes hours
	@$(BIN)/python -m tests.chaos --full

.PHONY: chaos-mutants
chaos-mutants: install ## plant a fault at a time; the tests must catch every one
	@$(BIN)/python -m tests.chaos.mutants

.PHONY: picture
picture: install ## draw docs/demo.svg anew
	$(BIN)/leadgen demo --svg docs/demo.svg

.PHONY: requirements
requirements: $(UV) ## compile requirements/*.txt; all to their newest with UPGRADE=--upgrade
	@echo "Compiling requirements/runtime.txt, requirements/dev.txt and requirements/bench.txt"
	@$(COMPILE) --group build --output-file requirements/runtime.txt pyproject.toml
	@$(COMPILE) --group dev --output-file requirements/dev.txt pyproject.toml
	@$(COMPILE) --group bench --output-file requirements/bench.txt pyproject.toml

# uv compiles, nothing else; a folder of its own keeps it out of what it compiles.
$(UV): | install
	@echo "Installing uv into .venv-uv"
	@$(BIN)/python -m venv --clear .venv-uv
	@.venv-uv/bin/python -m pip install -qq uv==$(UV_VERSION)

.PHONY: clean
clean: ## remove the environments, the caches and what was built; keeps .leadgen
	rm -rf .venv .venv-uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.* htmlcov build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
