# `make demo` and `make test` set up all they need: an environment in .venv, made once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format clean docs docs-serve docs-test links audit sbom

demo: .venv/ready
	$(BIN)/florascope demo --out runs/demo

# One thread a worker, a worker a core: more would wait for each other.
# A worker that dies ends the run, with its test named: replaced, pytest-xdist waits for ever.
# Bytecode is kept: the tests start hundreds of interpreters.
test: lint
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile --max-worker-restart 0

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Warnings are errors (mkdocs.yml: strict). FLORASCOPE_NOTEBOOKS=true executes the notebooks, too.
docs: .venv/ready
	$(BIN)/mkdocs build

docs-serve: .venv/ready
	$(BIN)/mkdocs serve --livereload

# Runs every notebook and the code of every page: some minutes.
docs-test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -m documentation --numprocesses auto tests/docs

# Asks every address that the documentation names; needs the network.
links: .venv/ready
	$(BIN)/python docs/check_links.py

clean:
	rm -rf .venv runs dist build .mypy_cache .ruff_cache .pytest_cache

# What a user gets (light install, server and training, no tools), audited and listed by tools beside it.
# Strict: where the advisories cannot be reached, pip-audit skips everything and else ends well.
audit: build/shipped/ready build/tools/ready
	build/shipped/bin/pip freeze --all --exclude florascope --exclude pip > build/shipped/pinned.txt
	build/tools/bin/pip-audit --strict --disable-pip --no-deps --requirement build/shipped/pinned.txt

sbom: build/shipped/ready build/tools/ready
	mkdir -p dist
	build/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --short-PURLs \
	  --gather-license-texts \
	  --output-reproducible --of JSON -o dist/sbom.json build/shipped/bin/python

build/shipped/ready: pyproject.toml
	$(PYTHON) -m venv build/shipped
	build/shipped/bin/pip install --quiet --disable-pip-version-check '.[train,serve]'
	touch $@

build/tools/ready: pyproject.toml
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.9' 'cyclonedx-bom>=7.0'
	touch $@

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[train,serve,dev,docs]'
	touch $@
