"""MMS on TPKT is not S7."""

from __future__ import annotations

import pytest

from otwatch.actions import Action
from otwatch.protocols.mms import ids, spec
from tests.protocols.s7comm.pipeline import COLLECTION, tell
from tests.protocols.s7comm.wire import MMS, S7, Wire, connect, data, job


def presented(pdu: bytes) -> bytes:
    inner = b"\x02\x01\x03\xa0" + bytes([len(pdu)]) + pdu
    return data(b"\1\0\1\0\x61" + bytes([len(inner) + 2, 0x30, len(inner)]) + inner)


def test_a_connection_and_its_services() -> None:
    wire = Wire().ask(connect(called=b"\0\1", calling=b"\0\0")).ask(data(b"\x0d\x04abcd")).say(data(b"\x0e\x02ab"))
    wire.ask(presented(b"\xa0\x07\x02\x01\x07\xa5\x02\0\0")).say(presented(b"\xa1\x05\x02\x01\x07\xa5\x00")).say(presented(b"\xa2\x05\x80\x01\x08\xa2\0"))
    wire.run()
    assert [(row["name"], row["role"], row["action"], row["said"]) for row in wire.rows] == [
        ("cotp_connect_request", 0, Action.CONNECT, "ok"), ("session_connect", 0, Action.CONNECT, "ok"), ("session_accept", 1, Action.CONNECT, "ok"),
        ("write_request", 0, Action.WRITE, "ok"), ("write_response", 1, Action.WRITE, "ok"), ("confirmed_error", 1, Action.OTHER, "refused")]
    assert {row["protocol"] for row in wire.rows} == {MMS}
    assert wire.names() == []


def test_mms_without_session() -> None:
    assert Wire().ask(data(b"\xa0\x07\x02\x01\x07\xa4\x02\0\0")).last()["name"] == "read_request"


def test_two_protocols_on_the_same_port() -> None:
    wire = Wire().ask(data(b"\x0d\x00"), flow=1).ask(job(b"\x29\0\0\0\0\0\x09P_PROGRAM"), flow=2).run()
    assert [(row["protocol"], row["action"]) for row in wire.rows] == [(MMS, Action.CONNECT), (S7, Action.STOP)]


def test_numbers_and_names_are_of_the_same_pdus() -> None:
    assert set(ids.SESSION) == set(spec.SESSION)
    assert set(ids.PDUS) == set(spec.PDUS)
    assert set(ids.SERVICES) == set(spec.SERVICES)


@pytest.mark.captures
@pytest.mark.skipif(not (COLLECTION / "real-stacks").is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")
def test_a_real_stack() -> None:
    rows, _facts = tell(COLLECTION / "real-stacks" / "iec61850_mms_goose.pcap")
    assert {row["proto"] for row in rows} == {"mms"}
    assert sum(row["name"] == "session_connect" for row in rows) == 2
    assert sum(row["name"] == "write_request" for row in rows) >= 3
