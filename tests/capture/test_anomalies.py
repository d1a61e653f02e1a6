"""The closed list of what can be wrong with a capture."""

from __future__ import annotations

import re
from pathlib import Path

from otwatch.capture.anomalies import ANOMALIES, CaptureAnomaly
from otwatch.vocabulary import Layer


def test_each_kind_is_described_once() -> None:
    kinds = ANOMALIES[Layer.CAPTURE]
    assert [kind.code for kind in kinds] == [int(code) for code in CaptureAnomaly]
    assert len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
        assert kind.doc.endswith(".")


def test_each_kind_is_reached_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py") if path.name != Path(__file__).name)
    assert {code.name for code in CaptureAnomaly if f"CaptureAnomaly.{code.name}" not in tests
            and f'"{code.name.lower().replace("_", "-")}"' not in tests} == set()
