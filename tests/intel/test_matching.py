"""Advisories against devices: what is affected, possible, outside; each pitfall of the published ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.intel.advisories import read_library
from otwatch.intel.matching import Finding, Subject, findings
from tests.intel.craft import advisory, library

PLC = Subject(
    id="10.0.0.1", vendor="Siemens AG", model="CPU 315-2 PN/DP", order_number="6ES7 315-2EH14-0AB0", firmware="V3.2.6", where="frame 9 of a.pcap"
)
LOGIX = Subject(id="10.0.0.2", vendor="Rockwell Automation/Allen-Bradley", model="1756-L71/B LOGIX5571", order_number="", firmware="34.020")


def found(tmp_path: Path, subject: Subject, *documents: dict[str, Any]) -> list[Finding]:
    return findings([subject], read_library(str(library(tmp_path, *documents))))


def one(tmp_path: Path, subject: Subject, *documents: dict[str, Any]) -> Finding:
    (finding,) = found(tmp_path, subject, *documents)
    return finding


def test_an_order_number_counts_without_its_blanks(tmp_path: Path) -> None:
    finding = one(tmp_path, PLC, advisory())
    assert (finding.result, finding.confidence, finding.score) == ("affected", 0.95, 7.5)
    assert finding.reason == "order number 6ES7 315-2EH14-0AB0; firmware V3.2.6 (frame 9 of a.pcap)"
    assert (finding.version, finding.remedies, finding.url) == ("vers:all/<V3.2.17", ("vendor_fix",), "https://example.org/a")


def test_another_order_number_is_another_device(tmp_path: Path) -> None:
    assert found(tmp_path, replace(PLC, order_number="6ES7 315-2AH14-0AB0"), advisory()) == []


def test_a_fixed_version_is_outside(tmp_path: Path) -> None:
    assert one(tmp_path, replace(PLC, firmware="V3.2.17"), advisory()).result == "outside"
    assert one(tmp_path, PLC, advisory(status="known_not_affected")).result == "outside"
    assert one(tmp_path, PLC, advisory(status="fixed")).result == "outside"


@pytest.mark.parametrize(
    ("subject", "ranges", "doubt"),
    [
        (replace(PLC, firmware=""), ("vers:all/<V3.2.17",), "firmware not known"),
        (replace(PLC, firmware="V3.2"), ("vers:all/<V3.2.17",), "less precise"),
        (replace(PLC, firmware="B17"), ("vers:all/<V3.2.17",), '"B17" is not understood'),
        (replace(PLC, doubtful=frozenset({"firmware"})), ("vers:all/<V3.2.17",), "contradicting"),
        (PLC, ("some versions, see the maker",), '"some versions, see the maker" is not understood'),
    ],
)
def test_what_is_not_known_is_possible(tmp_path: Path, subject: Subject, ranges: tuple[str, ...], doubt: str) -> None:
    finding = one(tmp_path, subject, advisory(ranges=ranges))
    assert finding.result == "possible"
    assert doubt in finding.reason


def test_every_version_needs_none(tmp_path: Path) -> None:
    assert one(tmp_path, replace(PLC, firmware=""), advisory(ranges=("vers:all/*",))).result == "affected"


@pytest.mark.parametrize(
    ("firmware", "result"),
    [("34.020", "outside"), ("34.011", "affected"), ("33.016", "affected"), ("32.001", "affected"), ("36.001", "outside")],
)
def test_release_lines(tmp_path: Path, firmware: str, result: str) -> None:
    document = advisory(
        vendor="Rockwell Automation",
        product="1756-L71/B LOGIX5571",
        numbers=(),
        ranges=("vers:all/<V33.017", "vers:all/<V34.014", "vers:all/<V35.013"),
    )
    assert one(tmp_path, replace(LOGIX, firmware=firmware), document).result == result


def test_a_family_is_never_more_than_possible(tmp_path: Path) -> None:
    document = advisory(vendor="Rockwell Automation", product="1756-L71/B family", numbers=(), ranges=("vers:all/*",))
    finding = one(tmp_path, LOGIX, document)
    assert (finding.result, finding.confidence) == ("possible", 0.4)


def test_another_maker_with_the_same_model_is_not_meant(tmp_path: Path) -> None:
    assert found(tmp_path, LOGIX, advisory(vendor="Somebody", product="1756-L71/B LOGIX5571", numbers=())) == []


def test_patterns_of_order_numbers(tmp_path: Path) -> None:
    modicon = Subject(id="m", vendor="Schneider Electric", model="BMX P34 2020", order_number="BMX P34 2020", firmware="v2.70")
    document = advisory(vendor="Schneider Electric", product="Modicon M340 CPU (part numbers BMXP34*)", numbers=(), ranges=("< 3.10",))
    assert (one(tmp_path, modicon, document).result, one(tmp_path, modicon, document).confidence) == ("affected", 0.8)


def test_twins_are_one_finding(tmp_path: Path) -> None:
    finding = one(tmp_path, PLC, advisory("ICSA-26-001"), advisory("SSA-1", ranges=("V9.6x",)))
    assert (finding.advisory, finding.twins, finding.result) == ("ICSA-26-001", ("SSA-1",), "affected")


def test_the_newest_version_of_an_advisory_counts(tmp_path: Path) -> None:
    old, new = advisory(), advisory(version="2", released="2026-05-01T00:00:00Z", status="fixed")
    held = read_library(str(library(tmp_path, new, old)))
    assert (len(held.advisories), held.newest, held.read) == (1, "2026-05-01", 2)
    assert findings([PLC], held)[0].result == "outside"


def test_hostile_files_are_refused_and_said(tmp_path: Path) -> None:
    library(tmp_path, advisory())
    deep: dict[str, Any] = {"category": "vendor", "name": "x"}
    for _ in range(200):
        deep = {"category": "product_family", "name": "x", "branches": [deep]}
    nested = advisory("DEEP")
    nested["product_tree"]["branches"] = [deep]
    (tmp_path / "more").mkdir()
    library(tmp_path / "more", nested)
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "other.json").write_text('{"document": {}}')
    held = read_library(str(tmp_path))
    assert {one.id for one in held.advisories} == {"TEST-26-001", "DEEP"}
    assert len(held.refused) == 3
    with pytest.raises(CaptureError, match="no advisories there"):
        read_library(str(tmp_path / "nothing"))
