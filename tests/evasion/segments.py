"""TCP: what is cut, repeated, reordered, lost, forged or cut short on its way."""

from __future__ import annotations

from tests.evasion.case import Case, background
from tests.evasion.messages import (
    S7_CONFIRM,
    S7_CONNECT,
    S7_SETUP,
    S7_SETUP_ANSWER,
    S7_STOP,
    S7_STOPPED,
    TRIPPED,
    UMAS_STOP,
    UMAS_STOPPED,
    WRITTEN,
    poll,
    poll_answer,
    trip,
    write,
)
from tests.evasion.wire import ACK, GUEST, MS, PLC, PSH, RST, SYN, URG, Capture, Tcp

_BAD = b"\0\1\xff\xff\0\6\1\3\0\0\0\1"  # a Modbus header with protocol identifier 0xFFFF and a function that is none of Modbus'


def _talk(port: int = 502, **how: object) -> tuple[Capture, Tcp]:
    capture = background(Capture())
    return capture, Tcp(capture, GUEST, PLC, port, **how)  # type: ignore[arg-type]


def split(size: int) -> Capture:
    """The write in pieces."""
    capture, talk = _talk()
    talk.say(write(9), size)
    talk.answer(write(9))
    return capture


def split_dnp3() -> Capture:
    """A trip in pieces of three bytes: no piece has a whole header."""
    capture, talk = _talk(20000)
    talk.say(trip(), 3)
    return capture


def split_s7() -> Capture:
    """A stop in pieces of two bytes, the connection too."""
    capture, talk = _talk(102)
    for question, reply in ((S7_CONNECT, S7_CONFIRM), (S7_SETUP, S7_SETUP_ANSWER)):
        talk.say(question, 2)
        talk.answer(reply, 2)
    talk.say(S7_STOP, 2)
    return capture


def two_in_one() -> Capture:
    """A harmless request and the write in one segment, the answers in one too."""
    capture, talk = _talk()
    talk.say(poll(1) + write(2))
    talk.answer(poll_answer(1) + write(2))
    return capture


def after_bad() -> Capture:
    """A PDU that is none, then the write, in one segment."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(b"\xff" * 11 + write(2))
    talk.answer(write(2))
    return capture


def after_bad_segment() -> Capture:
    """The same in segments of their own."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(b"\xff" * 40)
    talk.say(write(2))
    talk.answer(write(2))
    return capture


def overlapping(*, write_first: bool) -> Capture:
    """The same place of the stream twice: once a harmless read, once the write."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    first, second = (write(2), poll(2)) if write_first else (poll(2), write(2))
    place = talk.sequence[0]
    talk.send(0, first)
    talk.send(0, second, sequence=place)
    talk.sequence[0] += 12
    talk.answer(write(2))
    talk.say(poll(3))
    return capture


def overlapping_before_order() -> Capture:
    """Both copies come before the hole in front of them is filled, so that both wait."""
    capture, talk = _talk()
    place = talk.sequence[0]
    talk.send(0, poll(2), sequence=place + 12)
    talk.send(0, write(2), sequence=place + 12)
    talk.say(poll(1))
    talk.sequence[0] += 12
    talk.answer(poll_answer(1) + write(2))
    return capture


def overlapping_part() -> Capture:
    """Only the function code and what follows are sent again."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    place = talk.sequence[0]
    talk.send(0, poll(2)[:10], sequence=place)
    talk.send(0, write(2)[7:], sequence=place + 7)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def out_of_order() -> Capture:
    """The pieces of the write in the wrong order."""
    capture, talk = _talk()
    place = talk.sequence[0]
    for at in (8, 4, 10, 0):
        end = {0: 4, 4: 8, 8: 10, 10: 12}[at]
        talk.send(0, write(2)[at:end], sequence=place + at)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def requests_only() -> Capture:
    """Of the guest's connection the tap sees what goes to the controller."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, blind=1)
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(write(2))
    talk.answer(write(2))
    talk.close()
    return capture


def responses_only() -> Capture:
    """Of the guest's connection the tap sees what comes from the controller: the echo of the write tells it."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, blind=0)
    for number in range(3):
        talk.say(poll(number))
        talk.answer(poll_answer(number))
    talk.say(write(9))
    talk.answer(write(9))
    talk.close()
    return capture


def mid_stream() -> Capture:
    """The tap starts in the middle of a response, no handshake seen."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, opened=False, start=(123_456, 654_321))
    talk.answer(poll_answer(1)[9:])
    for number in (2, 3):
        talk.say(poll(number))
        talk.answer(poll_answer(number))
    talk.say(write(4))
    talk.answer(write(4))
    return capture


def mid_request() -> Capture:
    """The tap starts inside a request of another port's Modbus."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 5020, opened=False, start=(123_456, 654_321))
    talk.say(poll(1)[5:])
    talk.answer(poll_answer(1))
    talk.say(poll(2))
    talk.answer(poll_answer(2))
    talk.say(write(3))
    talk.answer(write(3))
    return capture


def wrapping() -> Capture:
    """The sequence numbers pass 2**32 in the middle of the write."""
    capture, talk = _talk(start=(0xFFFFFFFF - 16, 0xFFFFFFF0))
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(write(2), 5)
    talk.answer(write(2))
    return capture


def snapped() -> Capture:
    """The tap keeps 66 bytes of every packet: the end of the write is gone, its function, address and value are there."""
    capture = background(Capture(snap=66))
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(poll(1) + poll(2))
    talk.answer(poll_answer(1) + poll_answer(2))
    talk.say(write(3) + poll(4))
    return capture


def snapped_inside() -> Capture:
    """The tap keeps 64 bytes: the value that is written is gone."""
    capture = background(Capture(snap=64))
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(write(3))
    talk.answer(write(3))
    return capture


def mirrored_twice() -> Capture:
    """A SPAN of both ports gives every packet twice, a hundred microseconds apart."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(write(2))
    talk.answer(write(2))
    once, capture.packets = capture.packets, []
    for time, packet in once:
        capture.packets += [(time, packet), (time + MS // 10, packet)]
    return capture


def forged_reset() -> Capture:
    """A reset far outside of the window: the controller ignores it and so must a monitor."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.send(0, flags=RST, sequence=talk.sequence[0] + 500_000_000)
    talk.send(1, flags=RST | ACK, sequence=talk.sequence[1] + 77)
    talk.say(write(2))
    talk.answer(write(2))
    return capture


def keep_alives() -> Capture:
    """Keep-alive probes with a garbage byte at the place before the next one, around and inside the write."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    for piece in (write(2)[:6], write(2)[6:]):
        talk.send(0, b"\0", flags=ACK, sequence=talk.sequence[0] - 1)
        talk.send(1, flags=ACK)
        talk.send(0, flags=ACK, sequence=talk.sequence[0] - 1)
        talk.send(1, flags=ACK)
        talk.say(piece)
    talk.answer(write(2))
    return capture


def flooded() -> Capture:
    """After an answer, a hundred requests that nobody answers, then a stop."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    for number in range(100):
        talk.say(poll(number, number))
    talk.say(UMAS_STOP)
    return capture


def same_transaction() -> Capture:
    """Every request has the same transaction identifier, several at a time."""
    capture, talk = _talk()
    for _ in range(4):
        talk.say(poll(7))
        talk.say(poll(7, 100))
        talk.answer(poll_answer(7))
        talk.answer(poll_answer(7))
    talk.say(poll(7))
    talk.say(write(7))
    talk.answer(poll_answer(7))
    talk.answer(write(7))
    return capture


def before_syn() -> Capture:
    """Decoy data, sent before the connection is opened, lie where the write will be."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, opened=False, start=(5000, 9000))
    talk.send(0, poll(1), sequence=5001)
    talk.open()
    talk.say(write(1))
    talk.answer(write(1))
    return capture


def in_syn() -> Capture:
    """The write travels with the SYN (RFC 9293 section 3.4 allows it; TCP fast open uses it)."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, opened=False, start=(5000, 9000))
    talk.send(0, write(1), flags=SYN | PSH)
    talk.sequence[0] += 13
    talk.send(1, flags=SYN | ACK)
    talk.sequence[1] += 1
    talk.send(0, flags=ACK)
    talk.answer(write(1))
    return capture


def urgent() -> Capture:
    """The write is marked urgent: Modbus servers read it in line (RFC 6093)."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.send(0, write(2), flags=PSH | ACK | URG, urgent=12)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def lost_before() -> Capture:
    """The tap loses a whole segment before the write, and the beginning of the one after it is in the middle of a PDU."""
    capture, talk = _talk()
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.lose(poll(2) + poll(3)[:5])
    talk.say(poll(3)[5:] + write(4))
    talk.answer(poll_answer(2) + poll_answer(3) + write(4))
    return capture


_SPLIT = "Parsers of packets, not of streams, find no whole message in any segment."
_COPIES = "Monitors that keep only one of two copies of the same bytes read the other one than the controller."

CASES = (
    *(Case(name=f"split-{size}", blind=_SPLIT, make=lambda size=size: split(size), seen=WRITTEN, counts={"modbus": 8})  # type: ignore[misc]
      for size in range(1, 6)),
    Case(name="split-dnp3", blind=_SPLIT, make=split_dnp3, seen=TRIPPED),
    Case(name="split-s7", blind=_SPLIT, make=split_s7, seen=S7_STOPPED),
    Case(name="two-in-one", blind="Parsers of packets read the first message of a segment only.", make=two_in_one, seen=WRITTEN),
    Case(name="after-bad", blind="Parsers that give up on the first bad message do not see the next.", make=after_bad, seen=WRITTEN,
         rules=("network.not-the-protocol",), odd=("stream.wrong-bytes", "stream.resynchronised")),
    Case(name="after-bad-segment", blind="The same, in segments.", make=after_bad_segment, seen=WRITTEN, rules=("network.not-the-protocol",),
         odd=("stream.wrong-bytes",)),
    Case(name="overlap-write-first", blind=_COPIES, make=lambda: overlapping(write_first=True), seen=WRITTEN, rules=("network.stream-evasion",),
         odd=("stream.overlap-conflict",)),
    Case(name="overlap-write-second", blind=_COPIES, make=lambda: overlapping(write_first=False), seen=WRITTEN,
         rules=("network.stream-evasion",), odd=("stream.overlap-conflict",)),
    Case(name="overlap-before-order", blind=_COPIES, make=overlapping_before_order, seen=WRITTEN, rules=("network.stream-evasion",),
         odd=("stream.overlap-conflict",)),
    Case(name="overlap-part", blind=_COPIES, make=overlapping_part, seen=WRITTEN, rules=("network.stream-evasion",),
         odd=("stream.overlap-conflict",)),
    Case(name="out-of-order", blind="Readers in order of arrival see nonsense.", make=out_of_order, seen=WRITTEN, counts={"modbus": 8}),
    Case(name="requests-only", blind="Readers that wait for both sides, or for a handshake, report nothing.", make=requests_only, seen=WRITTEN,
         odd=("stream.one-way",), never=("modbus.unanswered-request",)),
    Case(name="responses-only", blind="Readers that wait for a request do not see that it was done.", make=responses_only, seen=WRITTEN,
         role="response", src="192.168.10.10", odd=("stream.one-way",), never=("modbus.unasked-response",)),
    Case(name="mid-stream", blind="Readers that need the handshake drop the connection.", make=mid_stream, seen=WRITTEN),
    Case(name="mid-request", blind="The same, with nothing but content to tell the protocol.", make=mid_request, seen=WRITTEN),
    Case(name="wrapping", blind="Comparisons of sequence numbers without wrap-around lose the rest.", make=wrapping, seen=WRITTEN),
    Case(name="snapped", blind="Readers that need whole packets drop what the snap length cut.", make=snapped, seen=WRITTEN),
    Case(name="snapped-inside", blind="The same, with only a part of the message there.", make=snapped_inside, seen=WRITTEN,
         odd=("stream.gap",)),
    Case(name="mirrored-twice", blind="Every count is doubled, or each copy is an attack.", make=mirrored_twice, seen=WRITTEN,
         counts={"modbus": 10}, never=("modbus.duplicate-response", "stream.overlap-conflict")),
    Case(name="forged-reset", blind="Monitors close the connection, the controller does not.", make=forged_reset, seen=WRITTEN),
    Case(name="keep-alives", blind="The probe's byte is read as data, and everything after it is shifted.", make=keep_alives, seen=WRITTEN,
         never=("stream.wrong-bytes", "stream.overlap-conflict"), counts={"modbus": 10}),
    Case(name="flooded", blind="Queues of requests that are full, or endless.", make=flooded, seen=UMAS_STOPPED, rules=("ot.pairing",),
         odd=("modbus.request-flood",)),
    Case(name="same-transaction", blind="Pairing by transaction identifier alone mixes requests up.", make=same_transaction, seen=WRITTEN,
         never=("modbus.unasked-response", "modbus.conflicting-response", "modbus.function-mismatch")),
    Case(name="before-syn", blind="Data before the SYN shadow those of the connection.", make=before_syn, seen=WRITTEN),
    Case(name="in-syn", blind="Data that travel with the SYN are not looked at.", make=in_syn, seen=WRITTEN),
    Case(name="urgent", blind="Readers take urgent data out of the stream.", make=urgent, seen=WRITTEN),
    Case(name="lost-before", blind="After a lost segment readers never find the next message.", make=lost_before, seen=WRITTEN,
         odd=("stream.gap",), never=("modbus.unasked-response",)),
)
