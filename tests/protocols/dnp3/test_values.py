"""Values of every kind of object; JSON-able and without exception whatever the octets."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.dnp3 import objects, spec
from otwatch.protocols.dnp3.values import time_text, value

TIME = (1_700_000_000_123).to_bytes(6, "little")


def shown(group: int, variation: int, octets: bytes, *, count: int = 1, kind: int = spec.VALUE_OBJECTS) -> Any:
    return value(kind, octets, {"area": group, "object": variation, "start": 0, "count": count})


@pytest.mark.parametrize(("group", "variation", "octets", "expected"), [
    (1, 1, b"\x05", [1, 0, 1, 0]),
    (1, 2, b"\x81", {"flags": ["online"], "state": 1}),
    (2, 2, b"\x01" + TIME, {"flags": ["online"], "state": 0, "time": "2023-11-14T22:13:20.123Z", "time_ms": 1_700_000_000_123}),
    (2, 3, b"\x81\x10\x27", {"flags": ["online"], "state": 1, "relative_ms": 10_000}),
    (3, 1, b"\x1b", [3, 2, 1, 0]),
    (3, 2, b"\x81", {"flags": ["online"], "state": 2, "state_name": "on"}),
    (12, 1, bytes.fromhex("4102640000 00c8000000 07".replace(" ", "")), {
        "operation": "pulse_on", "queue": False, "clear": False, "trip_close": "close", "count": 2, "on_ms": 100, "off_ms": 200, "status": "local"}),
    (13, 1, b"\x82", {"commanded_state": 1, "status": "no_select"}),
    (20, 1, b"\x21\xff\xff\xff\xff", {"flags": ["online", "rollover"], "value": 0xFFFFFFFF}),
    (30, 2, b"\x21\xfe\xff", {"flags": ["online", "over_range"], "value": -2}),
    (30, 5, b"\x01" + struct.pack("<f", 1.5), {"flags": ["online"], "value": 1.5}),
    (30, 6, b"\x01" + struct.pack("<d", float("nan")), {"flags": ["online"], "value": "nan"}),
    (34, 1, b"\x05\x00", {"value": 5}),
    (41, 4, struct.pack("<d", -0.25) + b"\x00", {"value": -0.25, "status": "success"}),
    (43, 1, b"\x02\x2a\x00\x00\x00", {"status": "no_select", "value": 42}),
    (50, 1, TIME, {"time": "2023-11-14T22:13:20.123Z", "time_ms": 1_700_000_000_123}),
    (52, 2, b"\x64\x00", {"delay_ms": 100}),
    (81, 1, b"\x32\x02\x01", {"percent": 50, "group": 2, "variation": 1}),
    (101, 2, b"\x78\x56\x34\x12", {"value": "12345678"}),
    (110, 5, b"hello", "hello"),
    (0, 252, b"\x01\x04ACME", "ACME"),
    (0, 240, b"\x02\x02\x00\x08", 2048),
    (0, 204, b"\x04\x04" + struct.pack("<f", 2.0), 2.0),
    (0, 255, b"\xfe\x04\xf2\x00\xf7\x01", [{"variation": 242, "writable": False}, {"variation": 247, "writable": True}]),
    (70, 5, bytes.fromhex("0100000002000080") + b"abc", {"handle": 1, "block": 2, "last": True, "data": "616263", "length": 3}),
    (70, 8, b"*.cfg", "*.cfg"),
    (70, 7, bytes.fromhex("14000500010003000000000000000000ed010700") + b"a.txt", {
        "name_offset": 20, "name_size": 5, "type": "file", "size": 3, "created": "1970-01-01T00:00:00.000Z", "permissions": "rwxr-xr-x",
        "request": 7, "name": "a.txt"}),
    (83, 1, b"ABCD\x01\x00\x02\x00xy", {"vendor": "ABCD", "object": 1, "length": 2, "data": "7879"}),
    (120, 1, bytes.fromhex("0100000002000401") + b"\xaa\xbb", {"sequence": 1, "user": 2, "mac_algorithm": 4, "reason": 1, "challenge": "aabb"}),
    (122, 1, b"\x01\x05\x00\x09\x00\x00\x00", {"flags": ["online"], "association": 5, "value": 9}),
])
def test_values(group: int, variation: int, octets: bytes, expected: Any) -> None:
    assert shown(group, variation, octets, count=4) == expected


def test_several_objects_are_a_list() -> None:
    assert shown(30, 4, b"\x01\x00\x02\x00", count=2) == [{"value": 1}, {"value": 2}]
    assert shown(110, 2, b"abcd", count=2) == ["ab", "cd"]


def test_single_bits_and_indications() -> None:
    assert shown(80, 1, b"\x80", kind=spec.VALUE_BIT + 7) == 1
    assert shown(3, 1, b"\x80", kind=spec.VALUE_BIT + 6) == 2
    assert value(spec.VALUE_IIN, b"\x90\x08", {}) == ["need_time", "device_restart", "event_buffer_overflow"]
    assert value(0, b"", {}) is None


def test_times_beyond_the_calendar_are_none() -> None:
    assert time_text(2**48 - 1) is None


@given(st.sampled_from([*objects.OBJECTS, (0, 252), (0, 255), (110, 7), (113, 1), (5, 5)]), st.binary(max_size=60), st.integers(-1, 2**32),
       st.sampled_from([1, 2, 8, 15, 99]))
def test_never_raises_and_is_json(which: tuple[int, int], octets: bytes, count: int, kind: int) -> None:
    json.dumps(shown(*which, octets, count=count, kind=kind), allow_nan=False)
