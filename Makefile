# Chores of the project. `make demo` and `make test` do all their own set-up, in .venv; no root needed.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PIP = $(RUN) -m pip --disable-pip-version-check --quiet
PARALLEL = --numprocesses auto --dist loadfile --ignore tests/live
LIVE = --numprocesses 2 --dist loadfile tests/live
SOURCES = $(shell find otwatch -name '*.py' -o -name '*.pxd')

.PHONY: demo test test-all traffic browser parsers lint build bundle deb bench score clean

demo: $(VENV)/.installed  ## analyse a small plant under attack, print what was found, write report and graph to demo/
	@mkdir -p demo
	$(VENV)/bin/otwatch analyze pcaps/plant/plant-attack.pcap --site pcaps/plant/site.yaml --report demo/plant.html --graph demo/plant.graphml
	@echo; echo "The report is one file, with a map: open $(CURDIR)/demo/plant.html in a browser (xdg-open demo/plant.html)."
	@echo "The asset graph is in demo/plant.graphml (open it with yEd, Gephi or Cytoscape)."

test: $(VENV)/.developed  ## what can be tested here in a quarter of an hour, on every core; what cannot is skipped with a reason
	$(RUN) -m pytest $(PARALLEL) -m "not extended"
	$(RUN) -m pytest $(LIVE) -m "not extended"  # apart, two files at a time: they mostly wait

test-all: $(VENV)/.developed  ## all tests: also the report in a browser, packages, and what runs long
	$(RUN) -m pytest $(PARALLEL)
	$(RUN) -m pytest $(LIVE)

traffic: $(VENV)/.developed  ## real protocol stacks, for the live plant's tests and for recording captures
	$(PIP) install --group traffic

browser: $(VENV)/.developed  ## what the tests of the report in a real browser need, beside chromium itself
	$(PIP) install --group browser

parsers: $(VENV)/.developed  ## parsers of SIEMs, for the tests of docs/howto/siem-recipes.md
	$(PIP) install --group siem

lint: $(VENV)/.developed  ## style, types, layers, words
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(RUN) docs/words.py

build:  ## compile, in place, what changed
	@flock .build.lock $(RUN) setup.py -q build_ext --inplace

bench: $(VENV)/.developed  ## the figures of docs/reference/performance.md, measured on this machine
	$(RUN) tests/benchmarks/run.py
	$(RUN) tests/benchmarks/mixes.py

score: $(VENV)/.developed  ## how good the verdicts are: labelled captures (OTWATCH_CAPTURES=DIR), the lab's own, and scripted attacks
	$(RUN) tests/benchmarks/score.py --misses
	$(RUN) tests/benchmarks/scenarios.py --misses

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV) || { echo "make: '$(PYTHON) -m venv' failed: install it (Debian: apt install python3-venv python3-dev gcc)" >&2; exit 1; }
	$(PIP) install --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml setup.py $(SOURCES)
	$(PIP) install --editable .
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	$(PIP) install --group dev
	@touch $@

bundle:  ## dist/otwatch-….tar.gz: all that a machine without a network needs (docs/howto/install.md)
	PYTHON=$(PYTHON) packaging/bundle.sh

deb:  ## dist/otwatch_….deb, for the Debian release that runs this
	packaging/deb.sh

clean:  ## everything that was made here
	rm -rf $(VENV) build demo otwatch.egg-info
	find otwatch -name '*.so' -delete
