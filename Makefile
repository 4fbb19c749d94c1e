# `make demo` and `make test` each set up what they need; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-lock
BENCH_VENV := .venv-bench
BENCH_BIN := $(BENCH_VENV)/bin
BENCH_STAMP := $(BENCH_VENV)/.installed-from-lock
PEERS_PYTHON ?= python3.12
PEERS_VENV := .venv-peers
PEERS_STAMP := $(PEERS_VENV)/.installed-from-lock
FUZZ_VENV := .venv-fuzz
FUZZ_STAMP := $(FUZZ_VENV)/.installed-from-lock
FUZZ_SECONDS ?= 120
KEEP ?=

NODE_STAMP := tests/javascript/node_modules/.package-lock.json
PORTKEY_STAMP := bench/portkey/node_modules/.package-lock.json

.PHONY: setup demo test check chromium install-chromium peers torture fuzz fix lock mutation bench bench-decide bench-records bench-prove bench-observe bench-evidence bench-leaks bench-concealment bench-memory bench-feed clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "licet needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $(STAMP)

$(BENCH_STAMP): requirements-bench.lock
	$(PYTHON) -m venv --clear $(BENCH_VENV)
	$(BENCH_BIN)/python -m pip install --quiet --require-hashes --requirement requirements-bench.lock
	@touch $(BENCH_STAMP)

# The gateway beside others, some ten minutes; writes its part of docs/benchmarks.md, and the plot.
# LITELLM is the command of the LiteLLM proxy, in an environment of its own.
bench: $(BENCH_STAMP) $(PORTKEY_STAMP)
	PYTHONPATH=src:tests $(BENCH_BIN)/python bench/gateway.py --write $(if $(LITELLM),--litellm $(LITELLM))

# One peer less where Node or the registry is missing is no reason to measure nothing.
$(PORTKEY_STAMP): bench/portkey/package-lock.json
	-npm ci --prefix bench/portkey --ignore-scripts --no-audit --no-fund --loglevel=error

# docs/benchmarks.md says what it measures and has the last figures.
bench-decide: $(BENCH_STAMP)
	PYTHONPATH=src $(BENCH_BIN)/python bench/decide.py

# The same for a proof and a difference, and for a draft that is watched.
bench-prove: setup
	$(BIN)/python bench/prove.py

bench-evidence: setup
	PYTHONPATH=tests $(BIN)/python bench/evidence.py
	PYTHONPATH=tests $(BIN)/python bench/enrolling.py

bench-observe: setup
	$(BIN)/python bench/observe.py

# Whether a concealed item can be told by its time; what large requests take of memory.
bench-concealment: setup
	$(BIN)/python bench/concealment.py

bench-memory: setup
	$(BIN)/python bench/memory.py

# A million parties in a file that workers share, and a change that reaches all of them.
bench-feed: setup
	$(BIN)/python bench/feed.py

bench-records: setup
	$(BIN)/python bench/records.py

demo: setup
	$(BIN)/licet demo $(if $(KEEP),--keep)

test: setup $(NODE_STAMP) chromium
	$(BIN)/python -m pytest --cov --cov-report=
	$(BIN)/python -m coverage report --include='$(CORE)' --fail-under=95

CORE := src/licet/terms/*,src/licet/law/*,src/licet/dialects/*,src/licet/items/*,src/licet/parties/*,src/licet/directives/*,src/licet/licenses/*,src/licet/decisions/*,src/licet/proofs/*,src/licet/records/*

# Node brings certificates of its own; the machine's are believed as well, as by everything else here.
NODE_EXTRA_CA_CERTS ?= $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
export NODE_EXTRA_CA_CERTS

# The official JavaScript client libraries, for the tests that ask them (marker `javascript`), and axe-core.
$(NODE_STAMP): tests/javascript/package-lock.json
	@command -v npm >/dev/null || { echo "make test needs Node 20 or newer with npm" >&2; exit 1; }
	npm ci --prefix tests/javascript --no-audit --no-fund --loglevel=error

# The browser that reads the caller's page, of the machine's own packages.
chromium:
	@command -v chromium >/dev/null || $(MAKE) --no-print-directory install-chromium

install-chromium:
	@command -v apt-get >/dev/null || { echo "make test needs Chromium as the command \`chromium\`" >&2; exit 1; }
	@if [ "$$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then \
	  echo "make test needs Chromium: install it with \`apt-get install --no-install-recommends chromium\`" >&2; exit 1; fi
	$(AS_ROOT) apt-get update --quiet=2
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends chromium

AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo -n)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet -p no:cacheprovider --no-cov tests/docs

# Another implementation of the log's formats, which needs Python 3.12.
peers: setup $(PEERS_STAMP)
	$(BIN)/python -m pytest --no-cov -m peers tests/peers

$(PEERS_STAMP): requirements-peers.lock
	@command -v $(PEERS_PYTHON) >/dev/null || { echo "make peers needs Python 3.12 or newer; set PEERS_PYTHON=" >&2; exit 1; }
	$(PEERS_PYTHON) -m venv --clear $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements-peers.lock
	@touch $(PEERS_STAMP)

# Requests made up by a fuzzer that sees which code they reach; then the control API by its own schema.
fuzz: setup $(FUZZ_STAMP)
	PYTHONPATH=src:tests $(FUZZ_VENV)/bin/python bench/fuzz.py -max_total_time=$(FUZZ_SECONDS)
	PYTHONPATH=tests $(BIN)/python bench/fuzz_control.py $(FUZZ_VENV)/bin/schemathesis

$(FUZZ_STAMP): requirements-fuzz.lock
	$(PYTHON) -m venv --clear $(FUZZ_VENV)
	$(FUZZ_VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements-fuzz.lock
	@touch $(FUZZ_STAMP)

# A hundred kills of the log writer and of any process under load, every byte of a log flipped, full disks: some fifteen minutes.
torture: setup
	$(BIN)/python -m pytest --no-cov -m torture tests/logwriter/test_torture.py tests/app/test_torture.py

# Writes docs/leaks.md; LITELLM is the command of the LiteLLM proxy, in an environment of its own.
bench-leaks: setup
	$(BIN)/python bench/leaks.py --write $(if $(LITELLM),--litellm $(LITELLM))

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Some six minutes; docs/mutation.md says what is altered and has the last figures.
mutation: setup
	$(BIN)/python bench/mutate_cedar.py
	$(BIN)/python bench/mutate_python.py

# Written with uv (`pip install uv`); one file serves every platform and Python from 3.11.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --exclude-newer "$$(date -u -d "7 days ago" +%F)" \
	  --extra demo --extra charts --extra place --extra realtime --extra tracing --group dev --group proof pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --exclude-newer "$$(date -u -d "7 days ago" +%F)" \
	  --constraint requirements.lock --group bench pyproject.toml --output-file requirements-bench.lock
	uv pip compile --python-platform linux --python-version 3.11 --generate-hashes --no-annotate --quiet --exclude-newer "$$(date -u -d "7 days ago" +%F)" \
	  --constraint requirements.lock --group fuzz pyproject.toml --output-file requirements-fuzz.lock
	echo "aics-tlog==0.2.1" | uv pip compile --universal --python-version 3.12 --generate-hashes --no-annotate --quiet \
	  --exclude-newer "$$(date -u -d "7 days ago" +%F)" - --output-file requirements-peers.lock

clean:
	rm -rf $(VENV) tests/javascript/node_modules bench/portkey/node_modules $(BENCH_VENV) $(PEERS_VENV) $(FUZZ_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
