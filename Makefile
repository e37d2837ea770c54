# `make run` and `make test` are all that a newcomer types; both set everything up first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test install clean

run: install
	$(BIN)/candlecast run

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

install: .venv/installed

# The constraints pin every version that was tested, torch first: its CPU build is enough.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist src/*.egg-info
