# `make run` and `make test` need Python 3.11 or newer with pip, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Most tests wait for other processes. A file stays in one worker, which has servers of its own.
PARALLEL := -n 2 --dist loadfile

.PHONY: run flask test test-fast lint bench-fraud bench-fanout bench-increments \
	bench-rebuild soak screenshot

run: $(INSTALLED)
	@exec $(BIN)/python -m tools.local

# An operator's command against the running `make run`: make flask ARGS="users list"
flask: $(INSTALLED)
	@set -a; . "$${LOCAL_DIR:-.local}/environment" && exec $(BIN)/flask $(ARGS)

test: $(INSTALLED)
	@exec $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(INSTALLED)
	@exec $(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The picture in the README, of the page as it is.
screenshot: $(INSTALLED)
	@SCREENSHOT=1 exec $(BIN)/python -m pytest -q -k screenshot tests/browser/test_reading.py

# Detection and false positives of the fraud rules; docs/fraud.md explains them.
bench-fraud: $(INSTALLED)
	@exec $(BIN)/python -m bench.fraud

# How long a lost rank index takes to be rebuilt; docs/operations.md has the figures.
PLAYERS ?= 1000000
bench-rebuild: $(INSTALLED)
	@exec $(BIN)/python -m bench.rebuild $(PLAYERS)

# Load and viewers for so long, then whether memory, descriptors and connections are flat.
MINUTES ?= 10
soak: $(INSTALLED)
	@exec $(BIN)/python -m bench.soak $(MINUTES)

# The broadcaster beside a bare loop of socket.send; docs/scaling.md explains the table.
bench-fanout: $(INSTALLED)
	@exec $(BIN)/python -m bench.fanout $(ARGS)

# Increments beside PostgreSQL alone, and their cost on bigger boards; docs/performance.md explains.
bench-increments: $(INSTALLED)
	@exec $(BIN)/python -m bench.increments $(ARGS)

# Debian keeps ensurepip in a package of its own, so it's the machine's pip that fills the venv. The
# umask lets PostgreSQL's binaries be run by the user that stands in for root.
$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "installing into .venv (once, and when the requirements change)"
	@umask 022; $(PYTHON) -m venv --without-pip .venv
	@umask 022; $(PYTHON) -m pip --python $(BIN)/python install --quiet \
		--disable-pip-version-check -r requirements-dev.txt >.venv/install.log 2>&1 \
		|| { cat .venv/install.log; exit 1; }
	@touch $@
