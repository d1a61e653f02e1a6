"""The flat tables of the compiled loops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.dnp3 import framing, spec, tables


@given(st.binary(min_size=1, max_size=16))
def test_the_crc_of_a_block_is_the_sum_of_what_its_octets_contribute(block: bytes) -> None:
    table, total = tables.block_crc(), 0xFFFF
    for at, octet in enumerate(block):
        total ^= int(table[(len(block) - 1 - at) << 8 | octet])
    assert total == framing.crc(block)


def test_traits_of_functions() -> None:
    known = {function for function in range(256) if tables.functions()[function] & tables.KNOWN}
    assert known == set(spec.FUNCTIONS)
    assert {function for function in known if tables.functions()[function] & tables.SILENT} == spec.NO_RESPONSE
    assert {function for function in known if tables.functions()[function] & tables.BARE} == spec.NO_OBJECTS


def test_what_carries_octets() -> None:
    carrying = {(number >> 8, number & 255) for number in range(65536) if tables.what()[number] & tables.CARRIES}
    assert {function for function, group in carrying if group == 30} == spec.DATA_FUNCTIONS
    assert {function for function, group in carrying if group == 50} == spec.DATA_FUNCTIONS | {11, 12}
    assert {function for function, group in carrying if group == 120} == set(range(256))
