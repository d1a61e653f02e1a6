"""Addresses as small integers."""

from __future__ import annotations

import ipaddress

import pytest

from otwatch.addresses import Addresses

_MAPPED = 0xFFFF_0000_0000


def test_ids_count_in_order_of_appearance_and_stay() -> None:
    addresses = Addresses()
    first, second = addresses.intern_text("10.0.0.1"), addresses.intern_text("10.0.0.2")
    assert (first, second) == (1, 2)
    assert addresses.intern_text("10.0.0.1") == first
    assert addresses.rows == 3


def test_zero_is_always_the_unspecified_address() -> None:
    addresses = Addresses()
    assert addresses.text(0) == "::"
    assert addresses.intern_text("::") == 0


def test_ipv4_and_the_mapped_ipv6_form_are_one_address() -> None:
    addresses = Addresses()
    plain = addresses.intern_text("192.168.10.20")
    assert addresses.intern_text("::ffff:192.168.10.20") == plain
    assert addresses.intern(0, _MAPPED | int(ipaddress.IPv4Address("192.168.10.20"))) == plain
    assert addresses.text(plain) == "192.168.10.20"
    assert addresses.ip(plain) == ipaddress.IPv4Address("192.168.10.20")


def test_the_ipv4_unspecified_address_is_not_the_ipv6_one() -> None:
    addresses = Addresses()
    assert addresses.intern_text("0.0.0.0") != 0
    assert addresses.text(addresses.intern_text("0.0.0.0")) == "0.0.0.0"


@pytest.mark.parametrize("text", ["fe80::1", "2001:db8::5", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", "255.255.255.255"])
def test_text_comes_back(text: str) -> None:
    addresses = Addresses()
    assert addresses.text(addresses.intern_text(text)) == text


def test_no_address_is_a_dash() -> None:
    assert Addresses().text(-1) == "-"


def test_growth_keeps_every_id() -> None:
    addresses = Addresses()
    ids = [addresses.intern(0x20010DB800000000, number) for number in range(5000)]
    assert ids == list(range(1, 5001))
    assert [addresses.intern(0x20010DB800000000, number) for number in range(5000)] == ids
    assert addresses.ip(4321) == ipaddress.IPv6Address("2001:db8::") + 4320


@pytest.mark.parametrize("limit", [10, 512, 1000])
def test_beyond_the_limit_addresses_become_the_unspecified_one_and_are_counted(limit: int) -> None:
    addresses = Addresses(limit)
    ids = [addresses.intern(0, _MAPPED | number) for number in range(1, limit + 5)]
    assert ids[: limit - 1] == list(range(1, limit))
    assert ids[limit - 1 :] == [0] * 5
    assert addresses.refused == 5
    assert addresses.intern(0, _MAPPED | 1) == 1  # the known ones are found all the same
    assert addresses.rows == limit


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="plc-1"):
        Addresses().intern_text("plc-1")
