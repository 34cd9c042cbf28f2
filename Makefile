# Needs git, make and Python 3.11 or later. Uses uv where it is present. `make help` lists the targets.

PYTHON ?=
export PYTHON

VENV := .venv
BIN := $(VENV)/bin
TESTS := test sqlalchemy-2.1
# Arguments for pytest, for example: make test ARGS="tests/core -x"
ARGS ?=
WORKERS ?= auto
# Programs that others wrote, fetched by pip
CORPUS := build/proof/corpus

# Runs two commands, the second also if the first failed, and fails if one did.
all = status=0; for command in "$(1)" "$(2)"; do \
	echo "$$command"; $$command || status=1; done; exit $$status

.DEFAULT_GOAL := help
.PHONY: help demo test test-all versions versions-all lint format types bench bench-carry bench-check
.PHONY: proof proof-check constraints clean
.PHONY: environment environment-lint environment-bench

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /    make \1@/p' Makefile | awk -F@ '{ printf "%-24s %s\n", $$1, $$2 }'

demo: environment  ## tell the story in a minute, on a throw-away SQLite file
	$(BIN)/tether demo

test: environment  ## run the test suite against the newest SQLAlchemy
	$(BIN)/pytest --numprocesses $(WORKERS) -m "not slow and not storm" $(ARGS)

test-all: environment  ## the same with the long tests and many more random examples
	$(BIN)/pytest --numprocesses $(WORKERS) --hypothesis-profile all $(ARGS)

versions: environment  ## run the runtime tests on other Pythons and with older SQLAlchemys
	$(BIN)/python tools/versions.py

versions-all: environment  ## the same for every combination of Python and SQLAlchemy
	$(BIN)/python tools/versions.py --all

lint: environment-lint  ## check format and style
	@$(call all,$(BIN)/ruff check,$(BIN)/ruff format --check)

format: environment-lint  ## put format and style right where that can be done by a program
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: environment-lint  ## check types: mypy --strict on all but the tests, pyright on the public API
	@$(call all,$(BIN)/mypy,$(BIN)/pyright)

bench: environment-bench  ## measure what watch costs, beside other tools
	$(BIN)/python bench/watch.py $(ARGS)

bench-carry: environment-bench  ## measure what carry costs, beside other tools
	$(BIN)/python bench/carry.py $(ARGS)

bench-check: environment-bench  ## measure what check costs, beside other tools
	$(BIN)/python -m proof.corpus $(CORPUS)
	$(BIN)/python bench/check.py $(CORPUS)/apache-airflow-core $(CORPUS)/apache-superset $(ARGS)

proof: environment  ## run SQLAlchemy's own and other libraries' tests under watch, and storms of many processes
	$(BIN)/python -m proof.sqlalchemy_suite
	$(BIN)/python -m proof.third_party
	$(BIN)/python -m proof.storm

proof-check: environment  ## check random programs that are also run, and programs nobody here wrote
	$(BIN)/python -m proof.check_programs
	$(BIN)/python -m proof.corpus $(CORPUS)
	$(BIN)/python -m proof.check_corpus --corpus $(CORPUS)

constraints:  ## pin the newest versions of all development tools (needs uv)
	"$$(tools/find_python)" tools/constraints.py

environment:
	@tools/environment $(VENV) $(TESTS)

environment-lint: environment
	@tools/environment $(VENV) $(TESTS) lint

environment-bench: environment-lint
	@tools/environment $(VENV) $(TESTS) bench

clean:  ## remove the environments and what the tools leave behind
	rm -rf $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
