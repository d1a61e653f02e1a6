"""What all tests share: the option that writes golden tables anew."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The same examples on every run: a check that fails says something about the change. `--hypothesis-profile explore` looks for new ones.
settings.register_profile("settled", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("settled")

for _name in ("COLUMNS", "LINES"):
    os.unsetenv(_name)  # readline, which pytest imports, sets them behind os.environ: programs that tests start must not see them


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="write the tables of tests/golden anew, from what otwatch says now")
