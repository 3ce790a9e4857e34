# Everything a person types. `make VENV=DIR ...` uses (or makes) the environment in DIR.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
# Make separates names at spaces: in the name of a file that it compares, they are escaped.
space := $(subst ,, )
STAMP = $(subst $(space),\ ,$(VENV))/.lradapt-installed
RELEASE_VENV ?= .venv-release
RELEASE_STAMP = $(subst $(space),\ ,$(RELEASE_VENV))/.lradapt-installed
BENCH_VENV ?= .venv-bench
BENCH_STAMP = $(subst $(space),\ ,$(BENCH_VENV))/.lradapt-installed
DATABASE = .prefect/prefect.db
PORT ?= 4200
# More than the two cores that are meant: many tests wait for a server, or for a time to pass.
JOBS ?= 3
PYTEST = "$(BIN)/python" -m pytest --numprocesses $(JOBS) --dist loadgroup --no-loadscope-reorder
POOL ?= gpu

# Nothing is sent to anybody.
export DO_NOT_TRACK = 1
export DVC_NO_ANALYTICS = 1
export ORT_DISABLE_TELEMETRY = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
# Tests train small things: threads of torch that wait for each other cost more than they bring.
check test test-all bench: export OMP_NUM_THREADS = 1
# They start hundreds of programs: each is compiled once, whatever the shell asks of Python.
check test test-all: export PYTHONDONTWRITEBYTECODE =
export PATH := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install retrain ui deploy worker test test-all check lint format docs bench release

help: ## what there is to type
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) $(DATABASE) ## the environment, with exact versions (constraints.txt)

$(STAMP): pyproject.toml constraints.txt
	test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --upgrade pip
	"$(BIN)/python" -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch "$@"

# Of the temporary server that a flow starts where no other is set; else the first flow makes it (15 s).
$(DATABASE): | $(STAMP)
	PREFECT_HOME="$(CURDIR)/.prefect" "$(BIN)/python" -m prefect server database upgrade -y > /dev/null

retrain: install ## retrain what has changed, promote the better model (first: on handwritten digits)
	@"$(BIN)/python" -m lradapt import digits --unless-present
	@"$(BIN)/python" -m flows.retrain

ui: install ## Prefect's server and UI on this machine (PORT=4200), with the history of `make retrain`
	@"$(BIN)/python" -m flows.ui --port $(PORT)

deploy worker: export PREFECT_API_URL ?= http://127.0.0.1:$(PORT)/api

deploy: install ## tell the server pools, limit, automations, deployments (and LRADAPT_WEBHOOK_URL)
	@"$(BIN)/python" -m flows.deploy

worker: install ## run what the server has for POOL=gpu (or cpu), one at a time, in this project
	@"$(BIN)/python" -m flows.worker --pool $(POOL)

test: install ## the test suite in JOBS=3 processes, eight minutes on two cores
	$(PYTEST) -m "not long"

test-all: install ## all that it leaves out: deployments, workers, kills, the tutorial; 22 minutes
	$(PYTEST) -m long -rs --durations=15

check: lint ## format, lint, types, layers of imports and the fast tests, in five minutes
	$(PYTEST) -m "not slow"

lint: install ## format, lint, types, layers of imports
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"

format: install ## put the code into the house format
	"$(BIN)/ruff" format .
	"$(BIN)/ruff" check --fix .

# Without --quiet, which hides warnings from --strict, too.
docs: export NO_MKDOCS_2_WARNING = 1
docs: install ## the manual, with search, in site/: open site/index.html; half a minute
	"$(BIN)/python" -m mkdocs build --strict

$(RELEASE_STAMP): pyproject.toml constraints.txt
	test -x "$(RELEASE_VENV)/bin/python" || "$(PYTHON)" -m venv "$(RELEASE_VENV)"
	"$(RELEASE_VENV)/bin/python" -m pip install --quiet --upgrade pip
	"$(RELEASE_VENV)/bin/python" -m pip install --quiet --constraint constraints.txt --group release
	touch "$@"

release: install $(RELEASE_STAMP) ## wheel, sdist, SBOM and their sha256 in dist/, of a commit whose versions agree
	"$(BIN)/python" -m releasing --tools "$(RELEASE_VENV)/bin/python"

$(BENCH_STAMP): pyproject.toml constraints.txt
	test -x "$(BENCH_VENV)/bin/python" || "$(PYTHON)" -m venv "$(BENCH_VENV)"
	"$(BENCH_VENV)/bin/python" -m pip install --quiet --upgrade pip
	"$(BENCH_VENV)/bin/python" -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch "$@"

bench: $(BENCH_STAMP) ## beside fastai, timm, Lightning and torch-lr-finder: the table in docs/benchmarks.md (20 min)
	"$(BENCH_VENV)/bin/python" -m benchmarks.peers $(BENCH)
