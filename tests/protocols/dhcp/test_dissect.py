"""DHCP datagrams to facts. The oracle is scapy, which makes them; real ones are read beside tshark (tests/inventory/identities.py)."""

from __future__ import annotations

import pytest

from tests.protocols.saying import Said, dissector, feed, shown
from tests.protocols.seeds import MAC, dhcp

CLIENT, SERVER = 1, 2
NAMED = dhcp("request", ("hostname", b"hmi-3"), ("vendor_class_id", b"MSFT 5.0"))


def _ack(server: str, gateway: str, given: str = "192.168.0.31") -> bytes:
    return dhcp("ack", ("server_id", server), ("router", gateway), ("name_server", gateway), op=2, given=given)


def _said(*messages: bytes, every: float = 1.0) -> list[Said]:
    return [shown(fact) for fact in feed(dissector("dhcp"), *messages, every=every)]


def test_the_address_that_a_client_is_given_has_its_name() -> None:
    said = _said(NAMED, _ack("192.168.0.1", "192.168.0.1"))
    assert ("192.168.0.31", "name", "hmi-3", "dhcp.client") in said
    assert ("00:e0:4c:0a:10:77", "name", "hmi-3", "dhcp.client") in said
    assert ("192.168.0.1", "dhcp_server", "gateway 192.168.0.1, name servers 192.168.0.1", "dhcp.server") in said


def test_an_address_that_is_only_offered_has_no_name() -> None:
    offer = dhcp("offer", ("server_id", "192.168.0.1"), op=2, given="192.168.0.31")
    assert not any(place == "192.168.0.31" for place, *_ in _said(NAMED, offer))


@pytest.mark.parametrize("octets", [b"\0\0\0pump.plant", b"\x04\0\0\x04pump\x05plant\0", b"\x04\0\0\x04pump\x05plant"], ids=range(3))
def test_option_81_in_both_writings(octets: bytes) -> None:
    assert ("00:e0:4c:0a:10:77", "name", "pump.plant", "dhcp.client") in _said(dhcp("request", ("client_FQDN", octets)))


def test_a_second_server_that_gives_another_gateway_is_a_conflict() -> None:
    said = _said(_ack("192.168.0.1", "192.168.0.1"), _ack("192.168.0.66", "192.168.0.66"))
    assert [(place, value) for place, kind, value, _ in said if kind == "dhcp_conflict"] == [
        ("192.168.0.66", "gateway 192.168.0.66, name servers 192.168.0.66; 192.168.0.1 gave gateway 192.168.0.1, name servers 192.168.0.1")
    ]


def test_two_servers_that_give_the_same_are_none() -> None:
    assert not any(kind == "dhcp_conflict" for _, kind, _, _ in _said(_ack("192.168.0.1", "192.168.0.9"), _ack("192.168.0.2", "192.168.0.9")))


def test_a_server_that_came_in_place_of_another_is_none() -> None:
    said = _said(_ack("192.168.0.1", "192.168.0.1"), _ack("192.168.0.66", "192.168.0.66"), every=3600)
    assert not any(kind == "dhcp_conflict" for _, kind, _, _ in said)


_OTHER = (b"", NAMED[:240], NAMED[:-1], b"\x03" + NAMED[1:], NAMED.replace(b"\x63\x82", b"\x63\x83"), b"\xff" * 400)


@pytest.mark.parametrize("octets", _OTHER, ids=range(len(_OTHER)))
def test_other_bytes_say_nothing(octets: bytes) -> None:
    assert _said(octets) == []


def test_who_is_not_on_ethernet_has_no_mac() -> None:
    assert _said(NAMED.replace(b"\x01\x01\x06", b"\x01\x06\x06", 1)) == []
    assert _said(dhcp("request", ("hostname", b"x"), mac=b"\xff" * 6)) == []
    assert MAC in NAMED
