"""The shipped rules are read once for all tests of this folder: reading them is most of the time of a command on a small capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import otwatch.engine.detector as detector
from otwatch.rules.load import load_rules


@pytest.fixture(scope="session", autouse=True)
def rules_read_once() -> Iterator[None]:
    known: dict[bool, Any] = {}

    def remembered(paths: Any, *, drafts: bool = False, **more: Any) -> Any:
        files = list(paths)
        if files:
            return load_rules(files, drafts=drafts, **more)
        if drafts not in known:
            known[drafts] = load_rules((), drafts=drafts, **more)
        return known[drafts]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "load_rules", remembered)
        yield
