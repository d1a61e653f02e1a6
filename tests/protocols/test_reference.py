"""The reference pages: every protocol has one, and what its tables name stands on it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from otwatch.markdown import bullets, cell, code, table
from otwatch.protocols import protocols
from otwatch.protocols.spec import ProtocolSpec

every_protocol = pytest.mark.parametrize("spec", protocols(), ids=lambda spec: spec.name)


@every_protocol
def test_every_function_is_on_the_page(spec: ProtocolSpec) -> None:
    assert spec.reference is not None
    page = spec.reference()
    groups = {"cotp", "answer", "data", "mode_transition", "programmer", "cyclic", "blocks", "cpu", "security", "pbc", "time", "routing", "nc"}
    missing = [name for name in spec.functions.values() if name not in groups and f"`{name}`" not in page]
    assert missing == []
    for words in ("## Facts", "eft out") if spec.facts_only else ("## Columns", "## Functions", "eft out"):
        assert words in page


@every_protocol
def test_tables_are_even_and_stand_alone(spec: ProtocolSpec) -> None:
    assert spec.reference is not None
    lines = spec.reference().split("\n")
    width = 0
    for before, line in pairwise(["", *lines]):
        bars = line.replace("\\|", "").count("|") if line.startswith("|") else 0
        if bars and not before.startswith("|"):
            width = bars
            assert before == "", line
        assert bars in (0, width), line


def test_text_of_a_cell_stays_in_it() -> None:
    assert cell("a|b\nc") == "a\\|b c"
    assert table(("x", "y"), ("1|2", "3")) == "| x | y |\n| --- | --- |\n| 1\\|2 | 3 |\n"
    assert (code("x"), code(""), code(0)) == ("`x`", "", "`0`")
    assert bullets(("what", "why")) == "- **what**: why\n"
