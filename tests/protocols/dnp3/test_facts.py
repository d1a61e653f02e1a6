"""Device attributes as facts about an outstation."""

from __future__ import annotations

from tests.oracle.dnp3 import frame
from tests.protocols.dnp3.feeding import rows_of

ANSWER = {"control": 0x44, "destination": 1, "source": 10}


def attribute(variation: int, content: bytes, kind: int = 1) -> bytes:
    return bytes((0, variation, 0x00, 0, 0, kind, len(content))) + content


def test_identity() -> None:
    octets = attribute(252, b"ACME") + attribute(250, b"RTU 9\x00") + attribute(242, b"1.2.3") + attribute(243, b"B") + attribute(248, b"77")
    more = attribute(247, "Süd".encode()) + attribute(245, b"\xff\xfe") + attribute(240, b"\x00\x08", 2) + attribute(249, b"2:2012")
    feeding = rows_of(frame(b"\xc0\xc0\x81\x00\x00" + octets, **ANSWER), frame(b"\xc1\xc1\x81\x00\x00" + more, **ANSWER))
    assert [(fact.kind, fact.value) for fact in feeding.facts] == [
        ("vendor", "ACME"), ("model", "RTU 9"), ("firmware", "1.2.3"), ("hardware", "B"), ("serial", "77"),
        ("name", "Süd"), ("location", "ÿþ"), ("protocol_version", "2:2012")]
    assert {(fact.child, fact.address, fact.frame, fact.source) for fact in feeding.facts} == {
        ("outstation 10", 1, 1, "dnp3.device_attributes"), ("outstation 10", 1, 2, "dnp3.device_attributes")}
    assert [row["object"] for row in feeding.rows] == [252, 250, 242, 243, 248, 247, 245, 240, 249]


def test_what_a_master_writes_is_no_fact() -> None:
    feeding = rows_of(frame(b"\xc0\xc0\x02" + attribute(247, b"EVIL")))
    assert feeding.facts == []
    assert [row["shown"] for row in feeding.rows] == ["EVIL"]


def test_long_text_is_capped() -> None:
    feeding = rows_of(frame(b"\xc0\x40\x81\x00\x00" + attribute(252, b"A" * 200), **ANSWER))
    assert [len(fact.value) for fact in feeding.facts] == [200]
    assert rows_of(frame(b"\xc0\x40\x81\x00\x00" + attribute(252, b"\x00\x00"), **ANSWER)).facts == []
