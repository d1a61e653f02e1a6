"""Pairing, indications and rows of the application layer, by example."""

from __future__ import annotations

from otwatch.actions import Action
from otwatch.protocols.dnp3 import PROTOCOL
from tests.oracle.dnp3 import frame
from tests.protocols.dnp3.feeding import rows_of

CROB = bytes.fromhex("0c01280100030003016400000064000000")
ANSWER = {"control": 0x44, "destination": 1, "source": 10}


def crob(status: int = 0) -> bytes:
    return CROB + bytes((status,))


def ask(function: int, objects: bytes = b"", sequence: int = 0) -> bytes:
    return frame(bytes((0xC0, 0xC0 | sequence, function)) + objects)


def answer(objects: bytes = b"", *, sequence: int = 0, iin: int = 0, control: int = 0xC0, function: int = 129) -> bytes:
    return frame(bytes((0xC0, control | sequence, function)) + iin.to_bytes(2, "little") + objects, **ANSWER)


def test_a_response_knows_its_request_and_takes_its_object_when_it_has_none() -> None:
    feeding = rows_of(ask(2, b"\x32\x01\x07\x01" + bytes(6), 3), answer(sequence=3))
    request, response = feeding.rows
    assert (request["action"], request["area"], request["object"], request["start"], request["count"]) == (Action.TIME_SET, 50, 1, -1, 1)
    assert (response["request_frame"], response["latency_ns"], response["status"]) == (1, 1_000_000, 0)
    assert (response["action"], response["area"], response["object"]) == (Action.TIME_SET, 50, 1)
    assert response["shown"] == []


def test_an_error_indication_is_the_status_of_the_response() -> None:
    feeding = rows_of(ask(13), answer(iin=0x0100), ask(1, b"\x6e\x00\x06", 1), answer(iin=0x0200, sequence=1))
    assert [PROTOCOL.status_name(row["status"]) for row in feeding.rows] == ["ok", "iin:no_func_code_support", "ok", "iin:object_unknown"]
    assert [row["action"] for row in feeding.rows] == [Action.RESTART, Action.RESTART, Action.READ, Action.READ]
    assert feeding.rows[3]["area"] == 110


def test_the_echo_of_a_command_has_its_own_status() -> None:
    feeding = rows_of(ask(5, crob()), answer(crob(4), iin=0x0400))
    assert [PROTOCOL.status_name(row["status"]) for row in feeding.rows] == ["ok", "control:4"]
    assert feeding.rows[1]["shown"]["status"] == "not_supported"
    assert [row["action"] for row in feeding.rows] == [Action.CONTROL, Action.CONTROL]


def test_select_and_operate_are_paired() -> None:
    feeding = rows_of(ask(3, crob(), 1), answer(crob(), sequence=1), ask(4, crob(), 2), answer(crob(), sequence=2))
    assert [(row["function"], row["request_frame"]) for row in feeding.rows] == [(3, -1), (129, 1), (4, 1), (129, 3)]
    assert feeding.anomalies == []


def test_an_answer_in_several_fragments_belongs_to_one_request() -> None:
    binary = b"\x01\x02\x00\x00\x00\x81"
    feeding = rows_of(ask(1, b"\x3c\x01\x06", 15), answer(binary, sequence=15, control=0xA0), ask(0, sequence=15),
                      answer(binary, sequence=0, control=0x60), ask(0, sequence=0), answer(binary, sequence=1))
    assert [row["request_frame"] for row in feeding.rows] == [-1, 1, 2, 1, 4, -1]


def test_unsolicited_responses_and_their_confirm() -> None:
    feeding = rows_of(answer(b"\x02\x01\x17\x01\x05\x81", sequence=7, control=0xF0, function=130), frame(b"\xc0\xd7\x00"))
    event, confirm = feeding.rows
    assert (event["role"], event["action"], event["area"], event["start"], event["count"]) == (2, Action.REPORT, 2, 5, 1)
    assert (confirm["role"], confirm["request_frame"]) == (0, 1)
    assert feeding.anomalies == []


def test_indications_have_a_row_of_their_own_when_their_state_changes() -> None:
    data = b"\x1e\x04\x00\x00\x00\x05\x00"
    feeding = rows_of(answer(data), answer(data, iin=0x000E), answer(data, iin=0x0082), answer(data, iin=0x0080), answer(data, iin=0x0000))
    told = [(row["frame"], row["shown"]) for row in feeding.rows if row["value_kind"] == 2]
    assert told == [(3, ["class_1_events", "device_restart"]), (5, [])]


def test_every_event_with_an_index_is_a_row() -> None:
    feeding = rows_of(answer(b"\x20\x01\x28\x02\x00" + b"\x07\x00\x01\x2a\x00\x00\x00" + b"\x09\x01\x01\xff\xff\xff\xff"))
    assert [(row["start"], row["count"], row["item"], row["shown"]) for row in feeding.rows] == [
        (7, 1, 0, {"flags": ["online"], "value": 42}), (265, 1, 1, {"flags": ["online"], "value": -1})]


def test_writes_are_a_row_per_point() -> None:
    feeding = rows_of(ask(2, b"\x50\x01\x00\x04\x07\x00"), ask(2, b"\x22\x02\x00\x01\x02\x05\x00\x00\x00\x06\x00\x00\x00"))
    assert [(row["start"], row["shown"], row["action"]) for row in feeding.rows] == [
        (4, 0, Action.DIAGNOSE), (5, 0, Action.DIAGNOSE), (6, 0, Action.DIAGNOSE), (7, 0, Action.DIAGNOSE),
        (1, {"value": 5}, Action.CONFIGURE), (2, {"value": 6}, Action.CONFIGURE)]


def test_broadcasts_wait_for_no_answer() -> None:
    feeding = rows_of(frame(b"\xc0\xc0\x0d", destination=0xFFFF))
    assert [(row["unit"], row["function"], row["action"]) for row in feeding.rows] == [(0xFFFF, 13, Action.RESTART)]
    assert feeding.dissector.forget(0) == 0
    assert PROTOCOL.unit_name(0xFFFF) == "broadcast (optional confirm)"


def test_freeze_at_time_carries_its_time_and_only_headers_of_counters() -> None:
    feeding = rows_of(ask(11, b"\x32\x02\x07\x01" + bytes(10) + b"\x14\x00\x06"))
    assert [(row["area"], len(row["value"])) for row in feeding.rows] == [(50, 10), (20, 0)]


def test_a_header_that_announces_nothing_is_a_row_and_what_follows_is_seen() -> None:
    feeding = rows_of(ask(4, b"\x0c\x01\x07\x00" + crob()))
    assert [(row["area"], row["start"], row["count"]) for row in feeding.rows] == [(12, -1, 0), (12, 3, 1)]


def test_octets_behind_a_size_prefix_are_there_in_a_read_too() -> None:
    feeding = rows_of(ask(1, b"\x46\x05\x5b\x01\x08\x00" + bytes(8) + b"\x3c\x01\x5b\x01\x01\x00\xff" + b"\x3c\x02\x06"))
    assert [(row["area"], row["object"], row["value"]) for row in feeding.rows] == [(70, 5, bytes(8)), (60, 1, b"\xff"), (60, 2, b"")]


def test_files() -> None:
    command = bytes.fromhex("1a000500000000000000a4010000000000000000020000040700") + b"a.cfg"
    feeding = rows_of(ask(25, b"\x46\x03\x5b\x01" + len(command).to_bytes(2, "little") + command),
                      answer(b"\x46\x04\x5b\x01\x0d\x00" + bytes(12) + b"\x01"))
    opened, refused = feeding.rows
    assert (opened["action"], opened["shown"]["name"], opened["shown"]["mode"]) == (Action.FILE, "a.cfg", "write")
    assert PROTOCOL.status_name(refused["status"]) == "file:permission_denied"


def test_authentication_in_aggressive_mode() -> None:
    feeding = rows_of(ask(5, b"\x78\x03\x07\x01\x01\x00\x00\x00\x02\x00" + crob() + b"\x78\x09\x5b\x01\x04\x00abcd"))
    assert [(row["area"], row["object"], row["action"]) for row in feeding.rows] == [
        (120, 3, Action.AUTHENTICATE), (12, 1, Action.CONTROL), (120, 9, Action.AUTHENTICATE)]
    failed = rows_of(answer(b"\x78\x07\x5b\x01\x0f\x00" + bytes(8) + b"\x01" + bytes(6), function=131))
    assert PROTOCOL.status_name(failed.rows[0]["status"]) == "authentication:authentication_failed"
