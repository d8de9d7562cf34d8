# Two commands do everything: `make run` and `make test`. Both set up a private .venv once and then need no network.
PYTHON ?= python3
PORT ?= 8501
# Tests at a time.
JOBS ?= 2
BIN := .venv/bin

.PHONY: run test check docs gpu-check clean
.DEFAULT_GOAL := run

.venv/pyvenv.cfg:
	@echo "==> Making a private environment in .venv"
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "AdvMI needs Python 3.11 or newer"'
	$(PYTHON) -m venv .venv

.venv/.ready-run: .venv/pyvenv.cfg pyproject.toml
	@echo "==> Installing AdvMI and what it needs (a few GB the first time: PyTorch)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.ready-test: .venv/.ready-run
	@echo "==> Installing the test tools"
	$(BIN)/python -m pip install --quiet --editable '.[dev,browser,docs]'
	@touch $@

run: .venv/.ready-run
	@echo "==> Starting the app with the embedded images and weights on http://localhost:$(PORT)"
	$(BIN)/advmi app --port $(PORT)

test: .venv/.ready-test check
	@echo "==> Running the tests, $(JOBS) at a time (browser tests run where Chromium is found)"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not alone" --numprocesses $(JOBS) --dist worksteal
	@echo "==> Running the tests that hold a bound in seconds, one by one"
	$(BIN)/python -m pytest -m alone tests/app tests/browser tests/data

check: .venv/.ready-test
	@echo "==> Style, types and the rooms' import rules"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/.ready-docs: .venv/.ready-run
	@echo "==> Installing what builds the documentation"
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

docs: .venv/.ready-docs
	@echo "==> Building the documentation, for offline use: build/docs/index.html"
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs build/docs

gpu-check: .venv/.ready-test
	@echo "==> What only a GPU can show, in at most ten minutes"
	$(BIN)/python -m benchmarks.gpu_check gpu-check.json

clean:
	rm -rf .venv build dist *.egg-info screenshots
