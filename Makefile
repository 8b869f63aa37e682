# Targets: setup, quickstart, test, chaos. Everything is installed into .venv from the pinned lock file.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
STORE ?= store
LOCK := docker/requirements-cpu.txt

SEED ?= 1
N ?= 200

.PHONY: setup quickstart test check chaos

setup: .venv/ready

.venv/ready: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || (echo "w2s needs Python 3.11: set PYTHON=/path/to/python3.11" >&2; exit 2)
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --no-deps -r $(LOCK)
	.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

quickstart: .venv/ready
	.venv/bin/w2s run quickstart --store $(STORE)

check: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright

test: check
	.venv/bin/python -m pytest

# Faults by the hundred against real jobs, hours at most: tests/chaos/README.md. CHAOS="--folder chaos" goes on where an earlier call stopped.
chaos: .venv/ready
	.venv/bin/python -m tests.chaos --seed $(SEED) --faults $(N) $(CHAOS)
