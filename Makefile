# Two commands are enough: `make demo` and `make test`. Each sets up what it needs in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV_VERSION := 0.13.8
# of tests at a time: one more than a small machine's two processors, for some wait for servers and for processes that they kill
JOBS ?= 3
# `make lock UPGRADE=--upgrade` looks for newer versions of all; without it, what is locked stays
UPGRADE ?=

# where this is set (many containers do), each of the tests' processes would compile all of torch's modules again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test faults fuzz fuzz-guided check lock clean

setup: $(READY)

# `uv pip sync` and no other installer: it leaves out what the lock leaves out (see pyproject.toml, override-dependencies)
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/twinset demo

test: $(READY)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

# 600 faults, each followed by a run that must end in the same bytes; and three through Prefect
faults: $(READY)
	TWINSET_TEST_FAULTS=600 $(BIN)/pytest tests/faults

# each reader of foreign bytes is given so many damaged files, other ones each time
fuzz: $(READY)
	TWINSET_FUZZ_EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/pytest -n $(JOBS) tests/fuzz

# the same readers, led by which of their lines are reached (Linux, x86-64)
fuzz-guided: $(READY)
	$(BIN)/python -m tests.fuzz.guided --seconds $(or $(SECONDS_EACH),60)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra fetch --extra fast --extra web --extra cluster --group dev $(UPGRADE) --quiet \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf $(VENV) runs
