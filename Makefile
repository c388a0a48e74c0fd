# Starts from make and a Python >= 3.11; everything else is installed into .venv.
#
#   make demo    the tutorial: trains its net, draws its pictures, prints its prediction
#   make test    the tests
#   make check   style and types
#   make bench   the table in benchmarks/RESULTS.md (installs the peers: minutes, 4 GB)
#   make clean   removes .venv, the peers and what was drawn

SHELL  := /bin/bash
VENV   := .venv
PYTHON := $(VENV)/bin/python
# -qq hides pip's chatter and keeps its errors.
PIP    := $(PYTHON) -m pip --disable-pip-version-check install -qq

.PHONY: help demo test check bench clean
help:
	@sed -n 's/^#  *make/make/p' Makefile

demo: $(VENV)/.runtime
	@$(PYTHON) examples/tutorial.py

test: $(VENV)/.test
	@$(PYTHON) -m pytest -n 2

check: $(VENV)/.check
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

bench: $(VENV)/.runtime
	@$(PYTHON) benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) benchmarks/.envs examples/images .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough and can make environments; $PYTHON3 overrules.
$(VENV)/.made:
	@for python in $(PYTHON3) python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	        2>/dev/null && break; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo 'lamina needs Python 3.11 or newer with its venv module, and found none.' >&2; \
	    echo 'Install one (Debian, Ubuntu: apt install python3-venv)' \
	         'or name it: make $(MAKECMDGOALS) PYTHON3=/path/to/python3' >&2; \
	    exit 1; \
	fi; \
	if ! $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	    echo "Making $(VENV) with $$($$python --version) ..."; \
	    $$python -m venv --clear $(VENV); \
	fi
	@touch $@

# Each stamp is newer than what it was installed from, so a changed pyproject installs again.
$(VENV)/.runtime: pyproject.toml | $(VENV)/.made
	@echo 'Installing lamina and what it runs on ...'
	@$(PIP) -e '.[native]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.made
	@echo 'Installing lamina and what its tests need ...'
	@$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.check: pyproject.toml | $(VENV)/.made
	@echo 'Installing lamina and its checkers ...'
	@$(PIP) -e '.[native,check]'
	@touch $@ $(VENV)/.runtime
