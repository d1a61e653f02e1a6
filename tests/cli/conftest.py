"""The shipped rules are read once for all tests of this folder: reading them is most of the time of a command on a small capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import otwatch.engine.detector as detector
from otwatch.rules.load import load_rules

_known: dict[tuple[bool, bool], Any] = {}


@pytest.fixture(scope="module", autouse=True)  # a session's would serve what was remembered to the tests of other folders too
def rules_read_once() -> Iterator[None]:
    def remembered(paths: Any, *, drafts: bool = False, proofs: bool = True, **more: Any) -> Any:
        files = list(paths)
        if files:
            return load_rules(files, drafts=drafts, proofs=proofs, **more)
        if (drafts, proofs) not in _known:
            _known[drafts, proofs] = load_rules((), drafts=drafts, proofs=proofs, **more)
        return _known[drafts, proofs]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector, "load_rules", remembered)
        yield
