"""What all tests share: the option that writes golden tables anew."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --update-golden`."""
    parser.addoption("--update-golden", action="store_true", help="write the tables of tests/golden anew, from what otwatch says now")
