"""S7comm-plus: versions, sessions, items, what is inferred, messages of several PDUs, TLS; and the stack of `real-stacks`."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from otwatch.actions import Action
from otwatch.protocols.s7comm import plus_ids
from otwatch.protocols.s7comm_plus import spec
from tests.protocols.s7comm.pipeline import COLLECTION, tell
from tests.protocols.s7comm.wire import PLUS, Wire, connect, data

SESSION = 0x382


def request(function: int, body: bytes, *, sequence: int = 1, flags: int = 0x34) -> bytes:
    return struct.pack(">BHHHHIB", 0x31, 0, function, 0, sequence, SESSION, flags) + body


def response(function: int, body: bytes = b"\0", *, sequence: int = 1) -> bytes:
    return struct.pack(">BHHHHB", 0x32, 0, function, 0, sequence, 0x34) + body


def pdu(content: bytes, *, version: int = 1, last: bool = True) -> bytes:
    if version == 3:
        content = b"\x20" + bytes(32) + content
    return data(struct.pack(">BBH", 0x72, version, len(content)) + content + (bytes([0x72, version, 0, 0]) if last else b""))


STOP = struct.pack(">IB", 52, 1) + b"\x90\x77\x00\x08\x01"
TO_RUN = struct.pack(">IB", 52, 1) + b"\x90\x77\x00\x08\x03"
READ_DB1 = struct.pack(">I", 0) + b"\x01\x07" + b"\x00\x88\xd0\xb8\x80\x01\x04\x93\x76\x03\x02\x04"
READ_SYMBOLS = struct.pack(">I", 0) + b"\x02\x0a" + b"\x00\x88\xd0\xb8\x80\x05\x02\x93\x76\x0a" + b"\x00\x52\x02\x9d\x18\x09"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_stop_and_start_in_every_version(version: int) -> None:
    wire = Wire()
    for sequence, body in enumerate((STOP, TO_RUN)):
        wire.ask(pdu(request(0x04F2, body, sequence=sequence), version=version)).say(pdu(response(0x04F2, sequence=sequence), version=version))
    wire.run()
    assert [(row["action"], row["subfunction"], row["of"]) for row in wire.rows] == [
        (action, version, "object 52 attribute 2167") for action in (Action.STOP, Action.STOP, Action.START, Action.START)]
    assert wire.rows[1]["request_frame"] == 1
    assert wire.names() == []


def test_items_have_addresses() -> None:
    wire = Wire().ask(pdu(request(0x054C, READ_DB1))).say(pdu(response(0x054C))).ask(pdu(request(0x0542, READ_SYMBOLS, sequence=2))).run()
    assert [(row["of"], row["count"], row["action"]) for row in wire.rows] == [
        ("DB1.DBX2.0", 4, Action.READ), ("DB1.DBX2.0", 4, Action.READ), ("DB5 symbol 0xa", 1, Action.WRITE), ("M symbol 0x9", 1, Action.WRITE)]


def test_program_transfer_is_marked_as_inferred() -> None:
    block = struct.pack(">I", 3) + b"\0\4\0" + bytes(4) + b"\xa1\x8a\x32\0\1\x94\x32" + bytes(20)
    row = Wire().ask(pdu(request(0x04CA, block))).last()
    assert (row["action"], row["value"]["inferred"]) == (Action.PROGRAM_DOWNLOAD, True)
    deleted = Wire().ask(pdu(request(0x04D4, b"\x8a\x13\0\7"))).last()
    assert (deleted["action"], deleted["of"], deleted["value"]["inferred"]) == (Action.PROGRAM_DELETE, "FC7", True)
    session = struct.pack(">I", 285) + b"\0\4\0" + bytes(4) + b"\xa1\0\0\0\xd3\x82\x1f" + bytes(20)
    row = Wire().ask(pdu(request(0x04CA, session))).last()
    assert (row["action"], row["value"].get("inferred"), row["value"]["session"]) == (Action.CONNECT, None, "0x00000382")


def test_a_message_of_several_pdus_is_one_row_when_it_ends() -> None:
    content = request(0x057C, struct.pack(">I", 0x8A320001) + bytes(300))
    wire = Wire().ask(pdu(content[:100], last=False)).ask(pdu(content[100:200], last=False)).ask(pdu(content[200:])).ask(pdu(request(0x04F2, STOP)))
    wire.run()
    assert [(row["frame"], row["name"], row["action"]) for row in wire.rows] == [
        (3, "set_var_substreamed", Action.PROGRAM_DOWNLOAD), (4, "set_variable", Action.STOP)]


def test_identity() -> None:
    wire = Wire().ask(pdu(request(0x04CA, bytes(30)))).say(pdu(response(0x04CA, b"\0" * 20 + b"1;6ES7 511-1AK00-0AB0;V1.8" + bytes(9)))).run()
    assert [(fact.kind, fact.value) for fact in wire.facts] == [("order_number", "6ES7 511-1AK00-0AB0"), ("firmware", "V1.8")]
    record = b"\0\x2a6ES7 215-1AG40-0XB0 S V-L8BT7803    \0\x0aV\4\3\1"
    wire = Wire().ask(pdu(request(0x0586, bytes(8)))).say(pdu(response(0x0586, bytes(20) + record + bytes(9)))).run()
    assert {fact.kind: fact.value for fact in wire.facts} == {
        "order_number": "6ES7 215-1AG40-0XB0", "serial": "S V-L8BT7803", "hardware": "10", "firmware": "V4.3.1"}


def test_tls_is_said() -> None:
    wire = Wire().ask(connect(called=b"SIMATIC-ROOT-ES")).ask(pdu(request(0x05B3, bytes(5), sequence=0))).ask(data(b"\x16\3\1\0\5\1" + bytes(4)))
    wire.say(data(b"\x17\3\3\0\5" + bytes(5))).run()
    assert [row["name"] for row in wire.rows] == ["cotp_connect_request", "init_ssl", "tls_handshake", "tls_application_data"]
    assert wire.rows[0]["value"] == "SIMATIC-ROOT-ES"
    assert {row["protocol"] for row in wire.rows} == {PLUS}


def test_requests_that_want_no_answer_do_not_wait() -> None:
    wire = Wire().ask(pdu(request(0x04F2, STOP, flags=0x74))).run()
    assert wire.dissector.forget(0) == 0


BAD = {
    "header": [data(b"\x72\x01\x00\xff" + bytes(20))],
    "opcode": [pdu(b"\x99" + bytes(20))],
    "short": [pdu(b"\x31\0\0\4")],
    "fragments": [pdu(bytes(4_000), last=False)] * 1100,
}


@pytest.mark.parametrize("kind", [kind.name for kind in spec.ANOMALIES])
def test_every_anomaly_is_reached(kind: str) -> None:
    wire = Wire()
    for packet in BAD[kind]:
        wire.ask(packet)
    assert kind in wire.names()


def test_numbers_and_names_are_of_the_same_functions() -> None:
    assert set(plus_ids.ACTIONS) == set(spec.FUNCTIONS)


# What each operation of the recorded client is on the wire.
_TRUTH: dict[str, tuple[str, Action]] = {
    "connect": ("create_object", Action.CONNECT), "db_read": ("get_multi_variables", Action.READ),
    "db_read_multi": ("get_multi_variables", Action.READ),
    "explore": ("explore", Action.BROWSE), "list_datablocks": ("explore", Action.BROWSE), "browse": ("explore", Action.BROWSE),
    "get_cpu_state": ("explore", Action.BROWSE), "db_write": ("set_multi_variables", Action.WRITE),
    "upload_block": ("get_var_substreamed", Action.READ),
    "download_block": ("set_var_substreamed", Action.PROGRAM_DOWNLOAD), "disconnect": ("delete_object", Action.CONNECT),
}


@pytest.mark.captures
@pytest.mark.skipif(not (COLLECTION / "real-stacks").is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")
def test_every_operation_of_the_real_stack_is_found() -> None:
    rows, _facts = tell(COLLECTION / "real-stacks" / "s7commplus.pcap")
    asked = [row for row in rows if row["role"] == 0 and row["proto"] == "s7comm-plus"]
    place = 0
    for line in (COLLECTION / "real-stacks" / "s7commplus.gt.jsonl").read_text().splitlines():
        truth: dict[str, Any] = json.loads(line)
        if truth["result"] != "ok":
            continue  # the client raised before it sent anything
        name, action = _TRUTH[truth["op"]]
        found = next((index for index, row in enumerate(asked[place:], place) if (row["name"], row["action"]) == (name, action)), None)
        assert found is not None, truth
        place = found + 1
        assert asked[found]["timestamp_ns"] <= truth["ts"] * 1e9 + 1e6
