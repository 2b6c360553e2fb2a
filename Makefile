# Everything starts here: `make run` on a machine with Python 3.11, make and nothing else.
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
VENV := .venv/bin
READY := .venv/ready
REQUIREMENTS := requirements.txt $(wildcard pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml sandbox/pyproject.toml)
PACKAGES := libs services sandbox tools
TESTS ?=

# A dozen processes start from the same files: what one has compiled, the others need not.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo test check format openapi asyncapi lock clean distclean anew

help: ## show what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## start the whole platform; Ctrl-C stops it (PORT=8001 moves it)
	@exec $(VENV)/python -m sandbox.runner

demo: $(READY) ## sign up, pay, and read a story as it is written, on the running platform or one of its own
	@exec $(VENV)/python -m sandbox.demo

test: $(READY) ## run all tests on servers of their own (TESTS=path runs some)
	@exec $(VENV)/pytest -n 3 --no-loadscope-reorder $(TESTS)

check: $(READY) ## format, lint, types, layers, declared dependencies
	@$(VENV)/python -m tools.check

format: $(READY) ## format, and mend what the linter can
	@$(VENV)/ruff format --quiet . && $(VENV)/ruff check --fix .

openapi: $(READY) ## write contracts/openapi/*.json from the code
	@$(VENV)/python -m tools.openapi

asyncapi: $(READY) ## write contracts/asyncapi.json from contracts/events
	@$(VENV)/python -m tools.asyncapi

lock: ## write requirements.txt anew from the pyproject.toml files
	@$(PYTHON) -m tools.bootstrap lock

clean: ## forget what runs left behind: data, secrets, ports, logs (.run)
	@if [ -e .run/platform.json ] && kill -0 "$$(cat .run/lock)" 2>/dev/null; then \
		echo "TrueCrime runs here (process $$(cat .run/lock)): stop it first."; exit 1; fi
	@if [ -L .run/postgres ]; then rm -rf "$$(readlink -f .run/postgres)"; fi
	@rm -rf .run

distclean: clean ## also remove .venv, .tools and all caches
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(REQUIREMENTS) tools/bootstrap.py tools/installers.py
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one with PYTHON=."; exit 1; }
	@$(PYTHON) -m tools.bootstrap

# Made anew where the checkout was moved or copied, its Python is gone, or another one is asked for.
ifneq ($(shell head -n 1 $(READY) 2>/dev/null),$(CURDIR))
$(READY): anew
else ifeq ($(wildcard .venv/bin/python),)
$(READY): anew
else ifneq ($(origin PYTHON),file)
$(READY): anew
endif
