"""What all tests share: the option that writes golden tables anew, and which tests run in one process when several run them."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` a file stays together, for its fixtures; the live tests are one group, which comes first as it takes longest."""
    for item in items:
        folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
        item.add_marker(pytest.mark.xdist_group("live" if folder == "live" else item.path.name))
    items.sort(key=lambda item: item.path.parent.name != "live")
