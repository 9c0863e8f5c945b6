# Two commands matter: `make run` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: discord-spec run test test-long test-crashes test-lora check format fuzz bench soak audit strings lock clean help

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run  ## set up and start: the terminal, or Telegram when TELEGRAM_TOKEN is set
	@$(BIN)/python -m bot

test: $(VENV)/.dev  ## set up and run the tests
	@$(BIN)/python -m pytest -n 2

test-long: $(VENV)/.dev  ## the tests that take their time: whole processes, killed
	@$(BIN)/python -m pytest -n 2 -m long

test-crashes: $(VENV)/.dev  ## every step of every walk killed, and workers killed under load (half an hour)
	@$(BIN)/python -m pytest -n 2 -m endurance tests/crashes

test-lora: $(VENV)-lora/.lora  ## the engine lora on a small model made by the tests (CPU build of torch)
	@$(VENV)-lora/bin/python -m pytest -m lora tests/modelserver/lora

check: $(VENV)/.dev  ## format, lint, types, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2

discord-spec: .discord-spec/schemas.json  ## fetch Discord's description of its API: the tests then check against it (needs npm)

.discord-spec/schemas.json: tests/standins/discord_spec/make.mjs
	@npm install --silent --no-save --no-package-lock --prefix .discord-spec discord-api-spec@10.0.266135 zod@4.6.7
	@node tests/standins/discord_spec/make.mjs "$(CURDIR)/.discord-spec/node_modules" $@

format: $(VENV)/.dev  ## put the code into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

fuzz: $(VENV)/.dev  ## fuzz every reader, SECONDS each (20)
	@$(BIN)/python -m tests.fuzz $(or $(SECONDS),20)

bench: $(VENV)/.dev  ## measure, as ratios within one run
	@$(BIN)/python -m benchmarks

soak: $(VENV)/.dev  ## endurance: many messages through one process, much in the database
	@$(BIN)/python -m benchmarks.soak

audit:  ## ask the database of advisories about the pinned dependencies, where it can be reached
	@.ci/audit

strings: $(VENV)/.dev  ## bring the files of translations to what the code says
	@$(BIN)/python -m tests.strings

lock:  ## pin the dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -o requirements.txt pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra lora -o requirements-lora.txt pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --group dev -o requirements-dev.txt pyproject.toml

clean:  ## remove the virtual environment and caches; data/ stays
	rm -rf $(VENV) $(VENV)-lora $(VENV)-audit .discord-spec .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "avatar-bot needs Python 3.11 or newer; say which with: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "Installing what avatar-bot needs (once)..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need (once)..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run

# An environment of its own, since torch is large. requirements-lora-cpu.txt pins PyTorch's CPU
# build, which pip has to be able to find (a wheel folder or PyTorch's own index); for a graphics
# card: pip install --require-hashes -r requirements-lora.txt
$(VENV)-lora/.lora: requirements-dev.txt requirements-lora-cpu.txt
	@echo "Installing what the tests of the engine lora need (once)..."
	@$(PYTHON) -m venv $(VENV)-lora
	@$(VENV)-lora/bin/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@$(VENV)-lora/bin/python -m pip install --quiet --require-hashes -r requirements-lora-cpu.txt
	@touch $@
