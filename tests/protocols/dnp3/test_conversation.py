"""What is remembered per flow: counted when it is forgotten."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.dnp3.conversation import Conversation
from otwatch.protocols.kit.pairing import Pairing
from tests.oracle.dnp3 import frame
from tests.protocols.dnp3.feeding import Feeding, numbered

READ = b"\x01\x3c\x01\x06"
ANSWER = {"control": 0x44, "destination": 1, "source": 10}


def test_links_beyond_the_limit_make_room_and_are_counted() -> None:
    feeding = Feeding(Limits(streams=2))
    feeding.feed(numbered([frame(b"\xc0\xc0" + READ, destination=unit) for unit in range(10, 15)]))
    assert len(feeding.rows) == 5
    assert feeding.dissector.forget(0) == 5
    assert (feeding.dissector.forgotten_links, feeding.dissector.live_links) == (3, 0)  # type: ignore[attr-defined]


def test_the_newest_link_is_found_again_and_others_too() -> None:
    conversation = Conversation(Pairing(64))
    assert conversation.find(1) is None
    first, second = conversation.add(1), conversation.add(2)
    assert conversation.find(2) is second
    assert conversation.find(1) is first
    assert first is not second


def test_forget_counts_requests_without_response() -> None:
    feeding = Feeding()
    crob = bytes.fromhex("0c0128010003000301640000006400000000")
    feeding.feed(numbered([frame(b"\xc0\xc0" + READ), frame(b"\xc1\xc1" + READ), frame(b"\xc0\xc1\x81\x00\x00", **ANSWER),
                           frame(b"\xc2\xc2\x06" + crob)]), flow=7)
    assert feeding.dissector.forget(7) == 1
    assert feeding.dissector.forget(7) == 0
    assert feeding.dissector.forget(70_000) == 0


def test_requests_whose_sequence_number_came_round_are_unanswered_too() -> None:
    feeding = Feeding()
    feeding.feed(numbered([frame(bytes((0xC0 | number % 64, 0xC0 | number % 16)) + READ) for number in range(20)]))
    feeding.feed(numbered([frame(b"\xc0\xc3\x81\x00\x00", **ANSWER)], 21))
    assert feeding.rows[-1]["request_frame"] == 20
    assert feeding.dissector.forget(0) == 19
