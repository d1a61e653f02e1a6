"""Values as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.modbus import PROTOCOL
from otwatch.protocols.modbus.spec import ValueKind
from otwatch.protocols.modbus.values import server_id
from tests.protocols.modbus.wire import Wire, pdu


def said(request: bytes, response: bytes) -> list[Any]:
    rows = Wire().ask(request).answer(response).run().rows
    return [PROTOCOL.value(row["value_kind"], row["value"], row) for row in rows if row["value_kind"]]


@pytest.mark.parametrize(("request_pdu", "response_pdu", "values"), [
    (pdu(1, 0, 10), b"\x01\x02\xcd\x01", [[True, False, True, True, False, False, True, True, True, False]]),
    (pdu(3, 0, 2), b"\x03\x04\x02\x2b\xff\xff", [[555, 65535]]),
    (pdu(5, 1, 0xFF00), pdu(5, 1, 0xFF00), [True, True]),
    (pdu(5, 1, 0), pdu(5, 1, 0), [False, False]),
    (pdu(5, 1, 7), pdu(5, 1, 7), [7, 7]),
    (pdu(6, 1, 1234), pdu(6, 1, 1234), [1234, 1234]),
    (b"\x0f\x00\x00\x00\x03\x01\x05", pdu(15, 0, 3), [[True, False, True]]),
    (b"\x10\x00\x00\x00\x01\x02\x00\x2a", pdu(16, 0, 1), [[42]]),
    (pdu(22, 4, 0xF2, 0x25), pdu(22, 4, 0xF2, 0x25), [{"and": 0xF2, "or": 0x25}] * 2),
    (pdu(24, 6), b"\x18\x00\x06\x00\x02\x01\xb8\x12\x84", [[440, 4740]]),
    (pdu(8, 0, data=b"hi"), pdu(8, 0, data=b"hi"), ["6869", "6869"]),
    (pdu(8, 11, 0), pdu(8, 11, 3), [0, 3]),
    (b"\x07", b"\x07\x41", [[True, False, False, False, False, False, True, False]]),
    (b"\x0b", pdu(11, 0xFFFF, 264), [{"busy": True, "events": 264}]),
    (b"\x0c", b"\x0c\x0c\x00\x00\x01\x08\x01\x21\xc0\x52\x41\x00\x04\x60",
     [{"busy": False, "events": 264, "messages": 289,
       "log": ["received: broadcast", "sent: server abort exception, write timeout", "sent: read exception", "communication restart",
               "entered listen-only mode", "sent: listen-only mode"]}]),
    (b"\x11", b"\x11\x0aPM8000 v1\xff", [{"text": "PM8000 v1", "id": b"PM8000 v1\xff".hex(), "run": True}]),
    (b"\x2b\x0e\x01\x00", b"\x2b\x0e\x01\x01\xff\x03\x02\x00\x03ACM\x81\x02\xff\xfe",
     [{"read_code": "basic", "conformity": 1, "more_follows": True, "next_object": 3,
       "objects": {"vendor_name": "ACM", "object_129": "ÿþ"}}]),
    (b"\x2b\x0d\x01", b"\x2b\x0d\x02\x03", ["01", "0203"]),
    (b"\x41\xaa", b"\x41\xbb", ["aa", "bb"]),
    (b"\x5a\x00\x10\x00\x00\x00\x00\x03PC1", b"\x5a\x00\xfe\x01",
     [{"session": 0, "data": "0000000003504331", "station": "PC1"}, {"session": 0, "done": True, "data": "01"}]),
])
def test_values(request_pdu: bytes, response_pdu: bytes, values: list[Any]) -> None:
    assert said(request_pdu, response_pdu) == values


@given(st.sampled_from(ValueKind), st.binary(max_size=40), st.integers(-1, 50), st.integers(-1, 255))
def test_any_bytes_have_a_value(kind: ValueKind, data: bytes, count: int, subfunction: int) -> None:
    PROTOCOL.value(kind, data, {"count": count, "subfunction": subfunction})


def test_a_server_id_of_numbers_has_no_text() -> None:
    assert server_id(b"\x01\xff") == {"text": "", "id": "01ff", "run": True}
    assert server_id(b"") == {"text": "", "id": "", "run": None}
