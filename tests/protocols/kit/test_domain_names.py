"""Messages of DNS against scapy, and names that lie."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRR

from otwatch.protocols.kit.domain_names import name_at, read, reverse


def test_a_message_is_what_scapy_says() -> None:
    records = [DNSRR(rrname="a.plant.example", type="CNAME", rdata="b.plant.example"), DNSRR(rrname="b.plant.example", type="A", rdata="10.0.0.7")]
    octets = bytes(DNS(qr=1, qd=[DNSQR(qname="a.plant.example")], an=records).compress())
    assert b"\xc0\x0c" in octets  # compressed
    message, theirs = read(octets), DNS(octets)
    assert message is not None
    assert message.questions == (("a.plant.example", 1),)
    assert [(record.name + ".", record.type) for record in message.records] == [(one.rrname.decode(), one.type) for one in theirs.an]
    assert message.pointed(message.records[0]) == "b.plant.example"
    assert message.address(message.records[1]) == bytes((10, 0, 0, 7))


@pytest.mark.parametrize(
    "octets",
    [b"\xc0\x00", b"\x01a\xc0\x00", b"\x01a\xc0\x02", b"\xc0", b"\x40" + b"a" * 64, b"\x3f" + b"a" * 20, (b"\x3f" + b"a" * 63) * 4 + b"\0", b""],
    ids=["to itself", "to its start", "in a circle", "half a pointer", "reserved", "longer than there is", "over 255", "nothing"],
)
def test_names_that_lie_are_none(octets: bytes) -> None:
    assert name_at(octets, 0) is None


def test_a_long_chain_of_pointers_ends() -> None:
    octets = b"\x01a\0" + b"".join((0xC000 | max(0, 3 + 2 * (number - 1) if number else 0)).to_bytes(2, "big") for number in range(8000))
    found = name_at(octets, len(octets) - 2)
    assert found is not None
    assert found[0] == "a"


def test_counts_that_lie_are_no_message() -> None:
    good = bytes(DNS(qd=[DNSQR(qname="a.example")]))
    assert read(good) is not None
    for at in (4, 6, 8, 10):
        assert read(good[:at] + b"\xff\xff" + good[at + 2 :]) is None
        assert read(good[:at] + b"\x00\x02" + good[at + 2 :]) is None


@pytest.mark.parametrize(
    ("name", "address"),
    [("7.0.168.192.in-addr.arpa", bytes((192, 168, 0, 7))), ("0.168.192.in-addr.arpa", b""), ("256.0.0.1.in-addr.arpa", b""),
     (".".join("9" + "0" * 29 + "df") + ".ip6.arpa", bytes.fromhex("fd" + "0" * 29 + "9")), ("x.ip6.arpa", b""), ("plc.local", b"")],
)
def test_reverse_names(name: str, address: bytes) -> None:
    assert reverse(name) == address
