"""Each kind of the closed list is reached by bytes that deserve it, and by none that do not."""

from __future__ import annotations

import pytest

from otwatch.limits import Limits
from otwatch.protocols.dnp3 import PROTOCOL
from otwatch.tables import Packets
from tests.oracle.dnp3 import crc, frame, segments
from tests.protocols.dnp3.feeding import Feeding, numbered, rows_of

CROB = bytes.fromhex("0c01280100 0300 03 01 64000000 64000000 00".replace(" ", ""))
READ = b"\xc0\xc0\x01\x3c\x01\x06"
SHORT_HEADER = b"\x05\x64\x04\xc4\x0a\x00\x01\x00"
ANSWER = {"control": 0x44, "destination": 1, "source": 10}


def polled(times: int, answered: int = -1) -> list[bytes]:
    """Reads with their responses, of sequence numbers from 0 on; `answered`: that of the responses, where it is not the read's."""
    frames = []
    for number in range(times):
        said = number % 16 if answered < 0 else answered
        frames.append(frame(bytes((0xC0 | number % 64, 0xC0 | number % 16)) + READ[2:]))
        frames.append(frame(bytes((0xC0 | number % 64, 0xC0 | said, 0x81, 0, 0)), **ANSWER))
    return frames


def bad_block() -> bytes:
    whole = bytearray(frame(READ))
    whole[-1] ^= 0xFF
    return bytes(whole)


REACHED: dict[str, list[bytes]] = {
    "length-below-minimum": [(SHORT_HEADER + crc(SHORT_HEADER))[:9]],
    "block-crc": [bad_block()],
    "reserved-address": [frame(READ, destination=0xFFF3)],
    "reserved-link-function": [frame(b"", control=0xC7)],
    "link-control": [frame(READ, control=0xD4)],
    "link-user-data": [frame(b"hidden", control=0xC9)],
    "transport-sequence": [frame(READ), frame(b"\x85" + READ[1:])],
    "transport-unfinished": [frame(b"\x40" + READ[1:]), frame(b"\xc1" + READ[1:])],
    "fragment-too-long": segments(b"\xc0\x02" + bytes(70_000)),
    "fragment-too-short": [frame(b"\xc0\xc0")],
    "reserved-function": [frame(b"\xc0\xc0\x45")],
    "direction": [frame(READ, control=0x44)],
    "request-fragmented": [frame(b"\xc0\x80\x01\x3c\x01\x06")],
    "request-asks-confirm": [frame(b"\xc0\xe0\x01\x3c\x01\x06")],
    "unsolicited-bit": [frame(b"\xc0\xc0\x82\x00\x00", **ANSWER)],
    "reserved-iin": [frame(b"\xc0\xc0\x81\x00\x80", **ANSWER)],
    "unknown-object": [frame(b"\xc0\xc0\x01\x05\x01\x06")],
    "unknown-qualifier": [frame(b"\xc0\xc0\x01\x01\x02\x0a")],
    "range-inverted": [frame(b"\xc0\xc0\x01\x01\x02\x00\x05\x04")],
    "header-truncated": [frame(b"\xc0\xc0\x01\x01\x02\x01\x05\x00")],
    "object-truncated": [frame(b"\xc0\xc0\x81\x00\x00\x1e\x01\x00\x00\x02\x01\x00\x00\x00\x00", **ANSWER)],
    "count-bomb": [frame(b"\xc0\xc0\x01\x1e\x01\x02\x00\x00\x00\x00\xff\xff\xff\xff")],
    "too-many-objects": [frame(b"\xc0\xc0\x02\x50\x01\x01\x00\x00\x58\x02" + bytes(76))],
    "unexpected-objects": [frame(b"\xc0\xc0\x0d\x3c\x01\x06")],
    "operate-without-select": [frame(READ), frame(b"\xc0\xc0\x81\x00\x00", **ANSWER), frame(b"\xc1\xc1\x04" + CROB)],
    "reserved-control": [frame(b"\xc0\xc0\x05" + CROB[:7] + b"\x07" + CROB[8:])],
    "device-quirk": polled(1, answered=9),
    "deviating-response": [*polled(20), *polled(1, answered=9)],
    "foreign-response": [*polled(20), *polled(1, answered=9)],
    "conflicting-response": [*polled(1), frame(b"\xc1\xc0\x81\x04\x00", **ANSWER)],
    "master-address": [frame(READ), frame(READ, destination=11), frame(READ, source=2)],
}


def from_two_cards() -> Feeding:
    """The last response comes from another card than those before."""
    feeding = Feeding()
    frames = REACHED["foreign-response"]
    packets = feeding.pdus.packets = Packets(64)
    for row in range(64):
        packets.new_row()
        packets.mac_source[row], packets.ttl[row] = 0xBB if row >= len(frames) - 1 else 0xAA, 64
    feeding.feed(numbered(frames))
    return feeding


def test_the_list_is_closed_and_every_kind_has_a_case() -> None:
    assert [kind.name for kind in PROTOCOL.anomalies] == list(REACHED)
    assert [kind.code for kind in PROTOCOL.anomalies] == list(range(1, len(REACHED) + 1))
    assert all(kind.doc.endswith(".") for kind in PROTOCOL.anomalies)
    assert all(kind.clause.startswith("IEEE 1815-2012 ") for kind in PROTOCOL.anomalies if kind.name != "too-many-objects")


@pytest.mark.parametrize("name", list(REACHED))
def test_reached(name: str) -> None:
    feeding = from_two_cards() if name == "foreign-response" else rows_of(*REACHED[name])
    assert {kind for _, kind in feeding.anomalies} == {name}


def test_a_dangerous_function_is_a_row_whatever_is_wrong_with_it() -> None:
    """The evasion that matters: anything that a sloppy device might still obey has its row."""
    for spoilt in (b"\xc0\xe0\x05" + CROB, b"\xc0\xd0\x05" + CROB, b"\xc0\x80\x05" + CROB, b"\xc0\xc0\x05" + CROB[:-3], b"\xc0\xc0\x05" + CROB[:3]):
        rows = rows_of(frame(spoilt)).rows
        assert [(row["function"], row["area"]) for row in rows] == [(5, 12)]
    flipped = rows_of(frame(b"\xc0\xc0\x05" + CROB, control=0x44))
    assert [(row["role"], row["unit"], row["start"]) for row in flipped.rows] == [(0, 10, 3)]


def test_an_operate_is_not_accused_when_its_select_may_have_been_missed() -> None:
    operate = frame(b"\xc1\xc1\x04" + CROB)
    assert rows_of(operate).anomalies == []
    feeding = Feeding()
    pdus = numbered([frame(READ), frame(b"\xc0\xc0\x81\x00\x00", **ANSWER), operate])
    pdus[2].gap = True
    feeding.feed(pdus)
    assert feeding.anomalies == []


@pytest.mark.parametrize("change", ["sequence", "objects", "between"])
def test_an_operate_must_repeat_its_select_and_follow_it_at_once(change: str) -> None:
    frames = [frame(READ), frame(b"\xc0\xc0\x81\x00\x00", **ANSWER), frame(b"\xc1\xc1\x03" + CROB)]
    if change == "between":
        frames.append(frame(b"\xc2\xc2\x01\x3c\x01\x06"))
    other = CROB[:5] + b"\x04" + CROB[6:] if change == "objects" else CROB
    number = 4 if change == "sequence" else 3 if change == "between" else 2
    frames.append(frame(bytes((0xC3, 0xC0 | number)) + b"\x04" + other))
    feeding = rows_of(*frames)
    assert feeding.anomalies == [(len(frames), "operate-without-select")]
    assert feeding.rows[-1]["request_frame"] == -1


def test_rows_are_limited_per_frame_and_the_last_stands_for_the_rest() -> None:
    feeding = rows_of(*REACHED["too-many-objects"], limits=Limits(items_per_pdu=100))
    assert len(feeding.rows) == 100
    assert (feeding.rows[-1]["start"], feeding.rows[-1]["count"]) == (99, 601 - 99)
