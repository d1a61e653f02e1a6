"""CDP frames to facts; real ones are read beside tshark (tests/inventory/identities.py)."""

from __future__ import annotations

import pytest

from otwatch.protocols.cdp.dissect import addresses
from tests.protocols.saying import said
from tests.protocols.seeds import SEEDS

FRAME = SEEDS["cdp"][0]


def test_a_switch() -> None:
    found = said("cdp", FRAME)
    assert {(kind, value) for place, kind, value, _ in found if place == 1} >= {
        ("name", "core-1"), ("port", "Gi0/7"), ("vendor", "Cisco"), ("model", "WS-C2960-24TT-L"), ("firmware", "12.2(55)SE"),
        ("role", "network switch"), ("management_address", "192.168.0.254"),
    }
    assert ("192.168.0.254", "name", "core-1", "cdp") in found


@pytest.mark.parametrize(("bits", "role"), [(0x01, "network router"), (0x29, "network switch"), (0x90, ""), (0x10, "")])
def test_roles(bits: int, role: str) -> None:
    assert {value for _, kind, value, _ in said("cdp", FRAME.replace(b"\0\0\0\x28", bits.to_bytes(4, "big"))) if kind == "role"} == {role} - {""}


_OTHER = (b"", FRAME[:6], b"\x03" + FRAME[1:], FRAME[:4] + b"\0\x05" + FRAME[6:], FRAME[:6] + b"\0\0" + FRAME[8:])


@pytest.mark.parametrize("octets", _OTHER, ids=range(len(_OTHER)))
def test_other_bytes_say_nothing(octets: bytes) -> None:
    assert said("cdp", octets) == []


def test_a_list_of_addresses_that_lies() -> None:
    assert addresses(b"\xff\xff\xff\xff" + b"\x01\x01\xcc\x00\x04\x0a\x00\x00\x01" * 9) == [b"\x0a\0\0\1"] * 4
    assert addresses(b"\0\0\0\1\x01\x01\xcc\x00\x04\x0a") == addresses(b"") == []
