"""Elements as people read them (101 7.2.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.iec104 import PROTOCOL, spec
from otwatch.protocols.iec104.values import time_text

WHEN = bytes.fromhex("9f9b250e1e0b1a")


@pytest.mark.parametrize(("kind", "octets", "value"), [
    (1, "81", {"value": 1, "quality": ["invalid"]}),
    (3, "12", {"value": 2, "state": "on", "quality": ["blocked"]}),
    (5, "7f01", {"value": -1, "quality": ["overflow"]}),
    (5, "bf00", {"value": 63, "transient": True, "quality": []}),
    (7, "0100008000", {"value": 0x80000001, "quality": []}),
    (9, "00c000", {"value": -0.5, "quality": []}),
    (11, "feff40", {"value": -2, "quality": ["not_topical"]}),
    (13, "0000c84100", {"value": 25.0, "quality": []}),
    (13, "0000c07f80", {"value": "nan", "quality": ["invalid"]}),
    (15, "0500000063", {"value": 5, "sequence": 3, "quality": ["carry", "adjusted"]}),
    (20, "0500030000", {"value": 5, "changed": 3, "quality": []}),
    (45, "81", {"value": 1, "state": "on", "select": True}),
    (46, "06", {"value": 2, "state": "on", "qualifier": "short_pulse", "select": False}),
    (47, "01", {"value": 1, "state": "lower", "select": False}),
    (50, "0000484200", {"value": 50.0, "select": False}),
    (100, "14", {"scope": "station"}),
    (101, "45", {"scope": "general", "freeze": "freeze"}),
    (105, "01", {"reset": "general_reset"}),
    (70, "02", {"cause": "remote_reset"}),
    (120, "0100000a0000", {"file": 1, "length": 0xA00, "qualifier": 0}),
    (125, "01000203aabbcc", {"file": 1, "section": 2, "bytes": 3, "data": "aabbcc"}),
])
def test_each_element_is_read(kind: int, octets: str, value: object) -> None:
    known = spec.VALUE_BYTES if spec.TYPES[kind].size < 0 else spec.VALUE_ELEMENT
    assert PROTOCOL.value(known, bytes.fromhex(octets), {"area": kind}) == value


def test_times_are_shown_as_they_stand() -> None:
    assert time_text(WHEN) == "2026-11-30T14:37:39.839"
    assert time_text(WHEN[:3]) == "37:39.839"
    assert time_text(b"\xff" * 7) is None
    assert PROTOCOL.value(spec.VALUE_ELEMENT, b"\x01" + WHEN, {"area": 30}) == {"value": 1, "quality": [], "time": "2026-11-30T14:37:39.839"}


def test_a_sequence_is_a_list() -> None:
    assert PROTOCOL.value(spec.VALUE_SEQUENCE, b"\x00\x01", {"area": 1}) == [{"value": 0, "quality": []}, {"value": 1, "quality": []}]


@given(st.integers(0, 255), st.sampled_from([1, 2, 3]), st.binary(max_size=40))
def test_nothing_raises(kind: int, value_kind: int, octets: bytes) -> None:
    PROTOCOL.value(value_kind, octets, {"area": kind})
