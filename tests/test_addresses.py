"""Addresses as small integers."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_what_is_forgotten_makes_room_and_its_id_stands_for_nobody() -> None:
    addresses = Addresses(8)
    ids = {number: addresses.intern(0, number) for number in range(1, 8)}
    assert addresses.filling
    assert addresses.intern(0, 99) == 0
    assert addresses.refused == 1
    assert addresses.forget(np.array([ids[2], ids[5], -1, 7777])) == 5
    assert (addresses.live, addresses.forgotten, addresses.filling) == (3, 5, False)
    new = {number: addresses.intern(0, number) for number in range(100, 105)}
    assert len({*new.values(), *ids.values(), 0}) == 13
    assert [addresses.text(number) for number in new.values()] == [f"::{number:x}" for number in range(100, 105)]
    assert {number: addresses.text(ids[number]) for number in (1, 2, 3, 5)} == {1: "::", 2: "::2", 3: "::", 5: "::5"}
    assert [addresses.intern(0, number) for number in (2, 5, 100)] == [ids[2], ids[5], new[100]]
    assert addresses.rows == max(new.values()) + 1


def test_rows_are_used_again_as_often_as_ids_can_tell_and_then_no_more() -> None:
    addresses = Addresses(2**29)
    ids = []
    for number in range(5):
        ids.append(addresses.intern(1, number))
        addresses.forget(np.array([-1]))
    assert ids == [1, 1 | 1 << 30, 2, 2 | 1 << 30, 3]
    assert addresses.text(ids[0]) == "::"


@given(st.lists(st.one_of(st.integers(1, 60), st.sets(st.integers(1, 60))), max_size=120), st.integers(4, 40))
def test_forgetting_is_what_a_dict_would_do(steps: list[int | set[int]], limit: int) -> None:
    addresses, known, given_ids = Addresses(limit), {0: 0}, {0}
    for step in steps:
        if isinstance(step, int):
            number = addresses.intern(0, step)
            if step in known:
                assert number == known[step]
            elif len(known) < limit:
                assert number not in given_ids
                known[step] = number
                given_ids.add(number)
            else:
                assert number == 0
        else:
            addresses.forget(np.array([known.get(number, -1) for number in step], np.int32))
            known = {number: id_ for number, id_ in known.items() if number in step or not number}
    assert addresses.live == len(known)
    for number, id_ in known.items():
        assert int(addresses.ip(id_)) == number
    assert all(int(addresses.ip(id_)) == 0 for id_ in given_ids - set(known.values()))
    again = Addresses(limit)
    again.restore(**{name: array.copy() for name, array in addresses.arrays().items()})
    assert {number: again.intern(0, number) for number in known} == known
    assert again.intern(0, 77) == addresses.intern(0, 77)


@pytest.mark.parametrize("change", [{"high": np.zeros(2, np.uint64)}, {"low": np.zeros(4, np.uint64)}, {"ids": np.array([0, 1, 7], np.int32)},
                                    {"taken": np.array([False, True, True])}, {"taken": np.ones(3, np.int8)}])
def test_a_table_that_somebody_changed_is_refused(change: dict[str, Any]) -> None:
    addresses = Addresses(8)
    addresses.intern(0, 4)
    addresses.intern(0, 5)
    with pytest.raises(ValueError, match="address"):
        Addresses(8).restore(**{**addresses.arrays(), **change})
