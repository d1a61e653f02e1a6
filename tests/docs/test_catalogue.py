"""Every row of the detection catalogue is told by a rule that exists, or says why not; every rule names rows that exist."""

from __future__ import annotations

import re
import sys

from otwatch.engine.detector import rules_of
from tests.cli.calling import ROOT

sys.path.insert(0, str(ROOT / "docs" / "reference"))
import detection_pages

ROWS = [row for section in detection_pages.sections() for row in section["rows"]]


def test_every_row_is_told_or_says_why_not() -> None:
    told = detection_pages.detected_by()
    assert [row["id"] for row in ROWS if (row["id"] in told) == ("reason" in row)] == []
    assert [row["id"] for row in ROWS if "note" in row and row["id"] not in told] == []


def test_rules_name_rows_that_exist_once() -> None:
    ids = [row["id"] for row in ROWS]
    assert len(ids) == len(set(ids))
    assert {row for rule in rules_of() for row in rule.catalogue} <= set(ids)


def test_reasons_name_rules_that_exist() -> None:
    known = {rule.id for rule in rules_of()} | {f"sensor.{name}" for name in detection_pages.CONDITIONS}
    rule = re.compile(r"\b(?:ot|modbus|dnp3|s7comm|network|lateral|sensor|baseline)\.[a-z-]+")
    assert {word for row in ROWS for word in rule.findall(row.get("reason", ""))} <= known
