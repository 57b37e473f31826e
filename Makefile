# The contributor's guide: one line a target. Needs make and Python 3.11 or later; tests of Kafka also Java 17 and Maven.

PYTHON ?= python3
DATA ?= ../shared/data
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-kafka test-without-kafka chaos bench bench-llmdrift bench-delay bench-nab \
	bench-intents bench-agents bench-false-pages bench-cost lint types imports docs docs-current check audit lock kafka clean

help: ## list these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-17s %s\n", $$1, $$2}'

install: $(READY) ## make .venv from the hashed lock (the other targets do it when it is missing or stale)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(None if sys.version_info >= (3, 11) else "Barograph needs Python 3.11 or later, and $(PYTHON) is " + v + ": name another with PYTHON=")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(READY)

demo: install ## two minutes: a broker, a worker, real traffic, two incidents as on-call would read them, and a release
	@$(BIN)/barograph demo

# The tests of Kafka wait most of the time. The others run beside them and take what they leave of the machine; each run
# is shown when it is over, if make can do that. Bytecode is written, wherever the environment would have none: fifty
# processes are started.
SHOWN_ALONE := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

test: install ## all tests; those of Kafka where Java and Maven are
	@$(MAKE) --no-print-directory --keep-going --jobs 2 $(SHOWN_ALONE) test-kafka test-without-kafka

test-kafka test-without-kafka: export PYTHONDONTWRITEBYTECODE :=

# Where tests of Kafka lie, so that six processes need not read all the others; tests/conftest.py sees to it.
OF_KAFKA := tests/kafka tests/shell tests/chaos tests/test_cli.py

test-kafka: install
	$(BIN)/python -m pytest -n 4 --dist loadgroup -m "kafka and not alone" $(OF_KAFKA)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "kafka and alone" $(OF_KAFKA)

test-without-kafka: install
	nice -n 19 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not kafka"

chaos: install ## twelve minutes: kill -9, frozen workers, broker restarts, an upgrade; lost logs, quarantine; all is checked
	$(BIN)/python -m tests.chaos

bench: install ## how fast, beside what (docs/benchmarks.md)
	$(BIN)/python -m benchmarks.throughput

bench-llmdrift: install ## real changes of a model: how soon they are found (DATA=folder that holds llmdrift/)
	$(BIN)/python -m benchmarks.llmdrift $(DATA)/llmdrift

bench-delay: install ## delay against false alarms, beside ADWIN, PageHinkley and who knows the change
	$(BIN)/python -m benchmarks.delay

bench-nab: install ## the Numenta Anomaly Benchmark (DATA=folder that holds nab/)
	$(BIN)/python -m benchmarks.nab $(DATA)/nab

bench-intents: install ## new and more frequent intents: found, and named (DATA=folder that holds clinc150.json)
	$(BIN)/python -m benchmarks.intents $(DATA)

bench-agents: install ## recorded runs of an agent: in which modes they failed (DATA=folder with tau_bench_gpt4o_airline.json)
	$(BIN)/python -m benchmarks.agents $(DATA)/tau_bench_gpt4o_airline.json

bench-false-pages: install ## how often it pages though nothing changed, beside its promise (DATA=folder with the traces)
	$(BIN)/python -m benchmarks.false_pages $(DATA)

bench-cost: install ## what a monitor costs, in time and memory; how large a state is
	$(BIN)/python -m benchmarks.cost

lint: install ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## the walls between the rooms
	$(BIN)/lint-imports

docs: install ## write the generated docs
	$(BIN)/python -m schemas.docs

docs-current: install ## fail if the generated docs are not those of the code
	$(BIN)/python -m schemas.docs --check

check: lint types imports docs-current ## all four

audit: install ## is any pinned dependency known to be vulnerable? (asks the network; no part of the tests)
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off

lock: install ## pin the dependencies again, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --group build --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade --quiet \
	  --output-file requirements.lock
	@sed -i '1i # Everything that runs, tests and builds Barograph, with hashes. Made by `make lock` from pyproject.toml; not edited.' requirements.lock

kafka: install ## fetch the jars of the real broker, once, into .kafka
	$(BIN)/python -m tests.kafka.cluster

clean: ## remove what was made
	rm -rf $(VENV) .demo .kafka .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
