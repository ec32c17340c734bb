# `make demo` and `make test` need nothing but Python 3.10-3.12 and a C++ compiler.
# Variables: PYTHON (python3), VENV (.venv), TORCH ('torch==2.9.0', say), TORCH_INDEX (an index of torch builds),
# LOCK (exact versions with hashes: requirements/locks).
PYTHON ?= python3
VENV ?= .venv
# after `make env`: a GPU is hidden where mmcv has no ops for it
PY = $(shell cat $(VENV)/stamps/hide-gpu 2>/dev/null) $(VENV)/bin/python
# a test on each core, up to four (some take gigabytes); one that trains gains little from a second
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal
VERSION := $(shell sed -n "s/__version__ = '\(.*\)'/\1/p" mmdefusion/version.py)
export PYTHON VENV TORCH TORCH_INDEX LOCK

.PHONY: help env demo web docs test test-fast soak fuzz benchmark bench-check lint format clean

help: ## show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

env: ## create .venv with torch, mmcv (built), mmdet, mmseg and this package
	@bash tools/dev/install_env.sh

demo: env ## train on generated night and day pairs, write work_dirs/demo/report.html
	$(PY) tools/demo.py --work-dir work_dirs/demo

web: env ## the app in a browser, at http://127.0.0.1:7860 (WEB='--model CONFIG CHECKPOINT', say)
	$(PY) -m mmdefusion.web $(WEB)

docs: env ## the documentation as a site, one for each version: work_dirs/docs/index.html
	OMP_NUM_THREADS=1 $(PY) -m sphinx -W --keep-going -q docs work_dirs/docs/$(VERSION)
	$(PY) tools/dev/docs_index.py work_dirs/docs

test: env ## every test but those that take minutes each, those that train too
	$(PYTEST) tests -m 'not soak'

fuzz: env ## ten thousand spoilt files through every reader (an hour)
	$(PY) tests/reliability/fuzz_readers.py

test-fast: env ## all but the tests that train
	$(PYTEST) tests -m 'not slow and not soak'

soak: env ## what takes hours: kills, full disks, lost processes, hostile checkpoints, long runs (docs/reliability.md)
	OMP_NUM_THREADS=1 $(PY) tests/reliability/kill_and_resume.py
	$(PYTEST) tests -m soak
	OMP_NUM_THREADS=1 $(PY) -m pytest tests/reliability -m 'not soak'
	if [ "$$(id -u)" = 0 ]; then OMP_NUM_THREADS=1 $(PY) tests/reliability/full_disk.py; fi
	OMP_NUM_THREADS=1 $(PY) tests/reliability/hostile_checkpoints.py
	$(PY) tests/reliability/soak.py --pairs 5000
	OMP_NUM_THREADS=1 $(PY) tests/reliability/soak_training.py --minutes 20
	OMP_NUM_THREADS=1 $(PY) tests/reliability/soak_numerics.py

benchmark: env ## train baselines and DeFusion++ on small data, under 2 hours: work_dirs/benchmark/*/report.html
	$(PY) -W ignore tools/benchmark_suite.py --work-dir work_dirs/benchmark

bench-check: env ## compare speed with the ratios in tools/dev/speed_ratios.json, and name what became slower
	OMP_NUM_THREADS=1 $(PY) -W ignore tools/dev/bench_check.py --plot work_dirs/bench-check.png

lint: env ## style: ruff's lint and format checks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: env ## mend what ruff can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## remove the environment and everything that runs wrote
	rm -rf $(VENV) work_dirs build *.egg-info .pytest_cache .ruff_cache mmdefusion/.mim
