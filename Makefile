# Set-up, checks and tests of w2s. `make help` lists the targets; everything runs in .venv, made by dev/setup.sh.
.DEFAULT_GOAL := help
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
STORE ?= store
SEED ?= 1
N ?= 200
export PYTHON TORCH_INDEX
# Many containers set it; then each of the hundreds of processes of a run and its tests compiles its modules again.
unexport PYTHONDONTWRITEBYTECODE

PYTEST := .venv/bin/python -m pytest
# Targets name folders, because a marker would have every worker collect all of the tests, for ten seconds.
# Two workers; a file's tests stay together, because they share servers and fixtures of module scope.
TWO_AT_ONCE := -n 2 --dist loadfile
# In the order of tests/conftest.py; without it, xdist starts with the files that have most tests.
IN_ORDER := --no-loadscope-reorder

# Runs two targets at once: pyright needs only one core, and the tests often wait.
BESIDE := $(MAKE) --no-print-directory -j 2

.PHONY: help setup quickstart check lint types format fast unit s3 ray cluster chaos bench models test stores without-ray-and-stores debian browser

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: .venv/ready ## install the pinned packages into .venv (about 2 minutes, 4 GB)

.venv/ready: docker/requirements-cpu.txt pyproject.toml dev/setup.sh dev/imports.py
	@dev/setup.sh

quickstart: .venv/ready ## run the whole method on tiny models and print its results (about 4 minutes)
	.venv/bin/w2s run quickstart --store $(STORE)

check: lint types ## lint, format check and types (40 s)

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/ready
	.venv/bin/pyright

format: .venv/ready ## format the code and fix what ruff can fix
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

fast: lint ## check, and the unit tests that are not slow beside it (70 s)
	@$(BESIDE) types unit

unit: .venv/ready
	$(PYTEST) tests/unit -m "not slow" $(TWO_AT_ONCE)

s3: .venv/ready ## tests of the store on a folder and on two S3 servers
	$(PYTEST) -m s3 $(TWO_AT_ONCE) $(IN_ORDER)

ray: .venv/ready ## tests with real Ray, engines and training
	$(PYTEST) tests/ray tests/chaos $(TWO_AT_ONCE) $(IN_ORDER) --durations=10

cluster: .venv/ready debian ## three ssh hosts of namespaces, from check to down; as root, else skipped (5 minutes)
	$(PYTEST) tests/cluster -s

# What the hosts run; installed where we may, else their tests are skipped and say what is missing.
debian:
	@dev/debian.sh ip:iproute2 rsync:rsync ssh:openssh-client /usr/sbin/sshd:openssh-server

# A browser looks at the report's page; without one these tests are skipped.
browser:
	@dev/debian.sh chromium:chromium

# BEFORE=FOLDER, a checkout of another commit, adds its quickstart to the table of goals.
bench: .venv/ready ## the benchmarks of tests/benchmarks; at the end the goals of speed in one table (an hour)
	set -e; for name in answers data report selection startup store "goals $(BEFORE)"; do \
		.venv/bin/python -m tests.benchmarks.$$name; done

models: .venv/ready ## docs/models.md: a tiny model of each architecture through the method (an hour)
	.venv/bin/python -m tests.ray.models

# CHAOS="--folder DIR" continues the campaign in DIR; tests/chaos/README.md explains the faults.
chaos: .venv/ready ## inject N faults into real jobs, starting from SEED (hours for N=200)
	.venv/bin/python -m tests.chaos --seed $(SEED) --faults $(N) $(CHAOS)

# The tests with Ray come last. Starting Ray, an engine or workers keeps one core busy, so that two files fit beside
# each other. The hosts of the last keep two cores busy by themselves.
test: lint ## everything: check and all tests (26 to 30 minutes on two cores, 5 less where not root)
	@$(MAKE) --no-print-directory -j 3 types stores without-ray-and-stores
	@$(MAKE) --no-print-directory ray
	@$(MAKE) --no-print-directory cluster

# The stores' tests mostly wait, so they are a third process, as are trainings in 4 bits, which need another folder of
# packages; what both print comes in one piece.
stores: .venv/qlora
	@printed=$$($(PYTEST) tests/s3 --durations=10 2>&1 && $(IN_4_BITS) 2>&1); failed=$$?; echo "$$printed"; exit $$failed

IN_4_BITS := PYTHONPATH=.venv/qlora $(PYTEST) tests/unit/training/test_quantized.py

# Beside the environment, because PEFT imports bitsandbytes in every training wherever it is installed.
.venv/qlora: .venv/ready docker/requirements-gpu.txt
	@.venv/bin/pip install -qq --disable-pip-version-check --no-deps --upgrade --target $@ \
		"$$(grep ^bitsandbytes== docker/requirements-gpu.txt)" && touch $@

without-ray-and-stores: .venv/ready browser
	$(PYTEST) $(addprefix --ignore=tests/, s3 ray chaos cluster) $(TWO_AT_ONCE) $(IN_ORDER) --durations=10
