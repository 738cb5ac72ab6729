# `make run` and `make test` need Python 3.11 or newer with pip, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Most tests wait for other processes. A file stays in one worker, which has servers of its own.
PARALLEL := -n 2 --dist loadfile

# What installs exactly what the lists name: the hash of every file is in them.
INSTALL := install --quiet --disable-pip-version-check --require-hashes
AUDIT := .venv-audit/bin
PINS := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make pins'

.PHONY: run flask test test-fast lint fuzz audit pins bench-fraud bench-fanout bench-increments \
	bench-login-timing bench-rebuild soak screenshot

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
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml \
		app bench broadcaster config migrations tools wsgi.py

# The attacks for long: thousands of random requests, sequences of events, half-open connections.
fuzz: $(INSTALLED)
	@FUZZ_FACTOR=$${FUZZ_FACTOR:-25} exec $(BIN)/python -m pytest -o log_cli=true -o log_cli_level=INFO \
		tests/security/test_contract_fuzz.py tests/security/test_player_model.py \
		tests/security/test_board_model.py tests/security/test_websocket_attacks.py $(ARGS)

# Known holes in what is pinned; fails where the database of advisories can't be reached.
audit: .venv-audit/.installed
	@for list in requirements-dev requirements-audit; do \
		$(AUDIT)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
			--requirement $$list.txt || exit 1; \
	done

# After a change of an .in file: every version with the hashes of all its files. Versions that are in
# a list already stay, unless UPGRADE="--upgrade".
pins: .venv-audit/.installed
	$(AUDIT)/$(PINS) $(UPGRADE) requirements.in --output-file requirements.txt
	$(AUDIT)/$(PINS) $(UPGRADE) requirements-dev.in --constraints requirements.txt \
		--output-file requirements-dev.txt
	$(AUDIT)/$(PINS) $(UPGRADE) requirements-audit.in --output-file requirements-audit.txt

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

# Whether the time of a refused login tells who has an account; docs/security.md has the figures.
bench-login-timing: $(INSTALLED)
	@exec $(BIN)/python -m bench.login_timing $(ARGS)

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
	@umask 022; $(PYTHON) -m pip --python $(BIN)/python $(INSTALL) \
		-r requirements-dev.txt >.venv/install.log 2>&1 || { cat .venv/install.log; exit 1; }
	@touch $@

.venv-audit/.installed: requirements-audit.txt
	@$(PYTHON) -m venv --without-pip .venv-audit
	@$(PYTHON) -m pip --python $(AUDIT)/python $(INSTALL) -r requirements-audit.txt
	@touch $@
