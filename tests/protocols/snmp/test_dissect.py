"""SNMP datagrams to facts; messages are made by scapy, their parts read by it, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scapy.asn1.asn1 import ASN1_INTEGER, ASN1_STRING
from scapy.layers.snmp import SNMPget, SNMPresponse, SNMPset

from otwatch.protocols.snmp.message import dotted, elements, read
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from tests.cli.calling import otwatch
from tests.evasion.wire import GUEST, PLC, Capture, udp
from tests.protocols.saying import dissector, said
from tests.protocols.seeds import SEEDS, bound, snmp

CONTACT = "1.3.6.1.2.1.1.4.0"
ENGINE = bytes.fromhex("80000009030000aabbccdd01")


def _der(tag: int, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    return bytes([tag, len(inside)]) + inside


def _v3(scoped: bytes) -> bytes:
    """RFC 3412 6: version, header, security parameters of USM, data."""
    header = _der(0x30, _der(2, b"\x07"), _der(2, b"\x05\xdc"), _der(4, b"\x03"), _der(2, b"\x03"))
    usm = _der(0x30, _der(4, ENGINE), _der(2, b"\0"), _der(2, b"\0"), _der(4, b"user"), _der(4), _der(4))
    return _der(0x30, _der(2, b"\x03"), header, _der(4, usm), scoped)


def _exchange(*messages: tuple[bytes, bool]) -> list[tuple[int, str, str]]:
    """Facts of messages between a manager (1) and an agent (2); True: from the agent."""
    reader, found = dissector("snmp"), []
    for octets, back in messages:
        pdus = Pdus(Octets())
        row = pdus.new_row()
        for column in pdus.schema.columns:
            getattr(pdus, column.name)[row] = column.default
        pdus.start[row], pdus.end[row] = pdus.octets.append(octets, 0, len(octets)), len(octets)
        pdus.source[row], pdus.destination[row], pdus.direction[row] = (2, 1, 1) if back else (1, 2, 0)
        facts: list[Fact] = []
        reader.feed(pdus, Operations(), Anomalies(), facts)
        found += [(fact.address, fact.kind, fact.value) for fact in facts]
    return found


@pytest.mark.parametrize("community", ["public", "private", "s3cret", "Public"])
def test_a_community_is_kept_nowhere(community: str, tmp_path: Path) -> None:
    capture = Capture()
    request, response = (snmp(community, made(id=9, varbindlist=[bound(CONTACT, ASN1_STRING(b"x"))])) for made in (SNMPget, SNMPresponse))
    capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (40_000, 161), request))
    capture.datagram(PLC, GUEST, 17, udp(PLC, GUEST, (161, 40_000), response))
    path = capture.write(tmp_path / "one.pcap")
    shown = otwatch("analyze", path, "--format", "jsonl").stdout + otwatch("export", "facts", path, "--output", "-").stdout
    assert f'"{community}"' not in shown
    assert f"={community}" not in shown
    assets = [record for line in shown.splitlines() if (record := json.loads(line))["type"] == "asset"]
    facts = {fact["kind"]: fact["value"] for asset in assets for fact in asset["facts"]}
    assert facts["snmp_community"] == ("default" if community in ("public", "private") else "not a default")


def test_only_who_answers_accepts_a_community() -> None:
    assert said("snmp", snmp("public", SNMPget(id=1, varbindlist=[bound(CONTACT, ASN1_STRING(b""))]))) == []


def test_a_set_is_reported_with_what_became_of_it() -> None:
    request = snmp("private", SNMPset(id=7, varbindlist=[bound(CONTACT, ASN1_STRING(b"owned"))]))
    accepted, refused = (snmp("private", SNMPresponse(id=7, error=error, varbindlist=[])) for error in (0, 17))
    assert (2, "snmp_set", CONTACT) in _exchange((request, False), (accepted, True))
    assert (2, "snmp_set_refused", f"{CONTACT} (notWritable)") in _exchange((request, False), (refused, True))
    assert not any(kind.startswith("snmp_set") for _, kind, _ in _exchange((request, False)))
    other = snmp("private", SNMPresponse(id=8, error=0, varbindlist=[]))
    assert not any(kind.startswith("snmp_set") for _, kind, _ in _exchange((request, False), (other, True)))
    assert "owned" not in str(_exchange((request, False), (accepted, True)))


def test_an_agent_of_v3_has_an_engine() -> None:
    encrypted = _v3(_der(4, bytes(16)))
    assert (2, "snmp_engine_id", ENGINE.hex()) in _exchange((encrypted, True))
    assert _exchange((encrypted, False)) == []
    report = _v3(_der(0x30, _der(4, ENGINE), _der(4), _der(0xA8, _der(2, b"\1"), _der(2, b"\0"), _der(2, b"\0"), _der(0x30))))
    assert _exchange((report, True)) == [(2, "snmp_version", "3"), (2, "snmp_engine_id", ENGINE.hex())]


_CUT = [seed[:-1] for seed in SEEDS["snmp"]]
_LONGER = [seed + b"\0" for seed in SEEDS["snmp"]]


@pytest.mark.parametrize("octets", [*_CUT, *_LONGER, b"", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff"], ids=range(9))
def test_what_does_not_fit_is_no_message(octets: bytes) -> None:
    assert read(octets) is None


def test_huge_numbers_do_no_harm() -> None:
    """An integer of a thousand bytes, arcs without end, a varbind in a varbind."""
    big = snmp("public", SNMPresponse(id=1, varbindlist=[bound(CONTACT, ASN1_INTEGER(1 << 8000))]))
    assert read(big) is not None
    assert dotted(b"\x2b" + b"\xff" * 500) == ""
    assert dotted(b"\x2b\x06\x01\x02\x01\x01\x05\x00") == "1.3.6.1.2.1.1.5.0"
    assert dotted(b"\x88\x37\x03") == "2.999.3"  # X.690 8.19.5
    assert elements(b"\x30\x02\x30\x00") == [(0x30, b"\x30\x00")]
