# Two commands set everything up on a fresh machine with Python 3.11 or 3.12 and make:
#   make run    the monthly job of configs/sample.yaml on sample_tiles/
#   make test   formatting, types, import contracts, tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile
MONTH  := 2025-10
JOBS   ?= 2

.PHONY: run test lint types contracts unit services others soak bench lock clean

run: $(VENV)/run.stamp
	$(BIN)/changedetect run configs/sample.yaml --month $(MONTH) --out runs/sample

test: lint types contracts unit

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

contracts: $(VENV)/dev.stamp
	$(BIN)/lint-imports

unit: $(VENV)/dev.stamp services
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

# A PostgreSQL server for the ledger's tests, from Debian's packages; without it (no root, no network)
# those tests are skipped by name.
services:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq >/dev/null 2>&1 \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 postgresql-15-postgis-3 >/dev/null 2>&1; } \
	|| echo "no PostgreSQL with PostGIS here: tests of a ledger on a server are skipped"

# QGIS and LibreOffice from Debian's packages (473 MB fetched, 1.8 GB on disk): without them the tests of packages and sheets that
# went through real ones are skipped by name, so `make test` does not fetch them.
others:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  python3-qgis qgis-providers libreoffice-calc libreoffice-writer python3-uno

# Months of a whole province through the real commands, and a reckoning of every true change, printed as
# JSON. COUNTIES=100 EACH=8 is the large one. FOLDER keeps what is made, and RESUME=--resume goes on in it.
MONTHS ?= 24
COUNTIES ?= 20
soak: $(VENV)/dev.stamp
	PYTHONPATH=. $(BIN)/python -m tests.soak --months $(MONTHS) --counties $(COUNTIES) $(if $(EACH),--each $(EACH)) $(if $(FOLDER),--folder $(FOLDER)) $(RESUME)

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13) and 'Python 3.11 or 3.12 is needed; set PYTHON=')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/run.stamp

# Needs uv; writes the locks again, for every supported Python at once.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra build pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra build --extra dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf $(VENV) runs build dist
