# Chores of the project. `make demo` and `make test` do all their set-up in .venv; override PYTHON to use another interpreter.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

.PHONY: demo test build lint clean

build:  ## compile, in place, what changed (into the environment that runs this)
	@flock .build.lock $(RUN) setup.py -q build_ext --inplace
