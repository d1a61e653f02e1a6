"""A length field is evidence, not proof: what it may not hide, and what may not be made of data that look like messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols import protocols
from tests.oracle.streams import dnp3_frame
from tests.protocols.iec104.wire import asdu, i_frame, s_frame, u_frame
from tests.protocols.modbus.wire import adu, pdu
from tests.protocols.s7comm.wire import answer, job
from tests.streams.test_streams import SETTINGS, handshake
from tests.streams.wire import MS, P, Run

KNOWN = protocols()
SECOND = 1000 * MS


def lying(message: bytes, length: int) -> bytes:
    """A Modbus message with another MBAP length."""
    return message[:4] + length.to_bytes(2) + message[6:]


def read(transaction: int) -> bytes:
    return adu(pdu(3, 0, 1), transaction=transaction)


def reply(transaction: int, value: int = 1) -> bytes:
    return adu(bytes([3, 2]) + value.to_bytes(2), transaction=transaction)


def write(transaction: int) -> bytes:
    return adu(pdu(6, 10, 900 + transaction), transaction=transaction)


def dialogue(*messages: bytes, port: int = 502, step: int = 10 * MS) -> list[P]:
    """Requests and answers in turn; an empty one is left out."""
    packets = handshake(server_port=port)
    sequence = [100, 200]
    for number, message in enumerate(messages):
        back = number % 2
        if message:
            packets.append(P(message, sequence[back], sequence[1 - back], back=bool(back), at=(number + 1) * step, server_port=port))
            sequence[back] += len(message)
    return packets


def seen(packets: list[P], direction: int = 0) -> list[tuple[bytes, int]]:
    """The messages of a direction, without the marks of ends."""
    return [(data.data, data.frame) for data in Run(packets, protocols=KNOWN, batch=1).pdus if data.direction == direction and data.data]


@pytest.mark.parametrize("length", [7, 20, 100, 254, 255, 1287, 2000])
def test_a_request_that_says_too_much_hides_no_request_behind_it(length: int) -> None:
    lie = lying(read(2), length)
    packets = dialogue(read(1), reply(1), lie, reply(2), write(3), write(3), write(4), write(4))
    assert seen(packets) == [(read(1), 4), (lie, 6), (write(3), 8), (write(4), 10)]
    assert len(seen(packets, 1)) == 4
    assert Run(packets, protocols=KNOWN).anomalies == ["LENGTH_LIE"]


def test_it_is_read_before_the_answer_to_it() -> None:
    lie = lying(read(2), 254)
    run = Run(dialogue(read(1), reply(1), lie, reply(2)), protocols=KNOWN, finish=False, batch=1)
    assert [pdu.data for pdu in run.pdus] == [read(1), reply(1), lie, reply(2)]


def test_it_is_read_in_pieces_and_pipelined() -> None:
    lie = lying(read(2), 254)
    packets = [*handshake(), P(lie[:5], 100, 200), P(lie[5:], 105, 200), P(write(3), 112, 200), P(reply(2), 200, 124, back=True, at=MS),
               P(write(3), 211, 124, back=True, at=MS)]
    assert [data for data, _ in seen(packets)] == [lie, write(3)]
    together = [*handshake(), P(lie + write(3), 100, 200), P(reply(2), 200, 124, back=True, at=MS), P(write(3), 211, 124, back=True, at=MS)]
    assert [data for data, _ in seen(together)] == [lie, write(3)]


def test_it_is_read_where_only_one_side_is_seen() -> None:
    lie = lying(read(2), 254)
    packets = [*handshake()[:1], P(lie, 100, 200), P(write(3), 112, 200, at=MS), P(write(4), 124, 200, at=2 * MS)]
    assert [data for data, _ in seen(packets)] == [lie, write(3), write(4)]


def test_a_last_write_that_says_too_much_is_read_a_second_later() -> None:
    lie = lying(write(2), 254)
    run = Run([*handshake(), P(lie, 100, 200)], protocols=KNOWN, finish=False)
    assert not run.pdus
    run.tick(1001 * MS)
    assert [pdu.data for pdu in run.pdus] == [lie]


def test_a_function_whose_length_nobody_knows_ends_where_it_is_answered() -> None:
    lie = lying(adu(bytes([0x64, 1, 2, 3]), transaction=2), 254)
    packets = dialogue(read(1), reply(1), lie, adu(bytes([0xE4, 1]), transaction=2), write(3), write(3))
    assert [data for data, _ in seen(packets)] == [read(1), lie, write(3)]


@pytest.mark.parametrize(("function", "found"), [(0x64, True), (0, False)])
def test_messages_of_an_unknown_function_that_answer_each_other_are_modbus_on_any_port(function: int, found: bool) -> None:
    """Function 0 is none: protocols of other kinds have a name, a length and zeros where Modbus has its header (Elasticsearch's transport)."""
    asked, replied = adu(bytes([function, 0, 0, 0, 0, 1, 8, 0]), transaction=0x4553), adu(bytes([function, 0, 0, 0, 0, 1, 9, 0]), transaction=0x4553)
    assert bool(seen(dialogue(asked, replied, asked, replied, port=9300))) is found


def test_what_stays_unfinished_while_others_speak_is_reported() -> None:
    lie = lying(adu(bytes([0x64, 1, 2, 3]), transaction=2), 254)
    packets = [*dialogue(read(1), reply(1), lie, reply(77)), P(b"", 112 + len(lie), 222, at=2 * SECOND), P(proto=17, server_port=9, at=2 * SECOND)]
    assert "LENGTH_DOUBT" in Run(packets, protocols=KNOWN).anomalies


@pytest.mark.parametrize("follows", [True, False])
def test_an_exception_with_an_octet_too_few_moves_nothing(follows: bool) -> None:
    refusal = lying(adu(bytes([0x83, 2]), transaction=2), 4)
    packets = dialogue(read(1), reply(1), read(2), refusal, read(3) if follows else b"", reply(3), write(4), write(4))
    assert [data for data, _ in seen(packets, 1)] == [reply(1), refusal, reply(3), write(4)]


def test_an_exception_with_an_octet_too_few_before_another_answer_in_one_segment() -> None:
    refusal = lying(adu(bytes([0x83, 2]), transaction=2), 4)
    packets = [*handshake(), P(read(2) + read(3), 100, 200), P(refusal + reply(3), 200, 124, back=True)]
    assert [data for data, _ in seen(packets, 1)] == [refusal, reply(3)]


@pytest.mark.parametrize("length", [40, 2000, 65_000])
def test_a_tpkt_that_says_too_much_hides_no_stop(length: int) -> None:
    lie = job(bytes.fromhex("0401120a10020002000184000000"), reference=6)
    lie = lie[:2] + length.to_bytes(2) + lie[4:]
    stop = job(bytes.fromhex("290000000000") + b"\x09P_PROGRAM", reference=7)
    said = answer(bytes.fromhex("0401") + bytes.fromhex("ff0400100102"), reference=6)
    stopped = answer(b"\x29", reference=7)
    packets = dialogue(job(bytes.fromhex("f0000001000101e0")), answer(bytes.fromhex("f0000001000100f0")), lie, said, stop, stopped, port=102)
    assert [data for data, _ in seen(packets)][1:] == [lie, stop]


def test_a_dnp3_frame_that_says_too_much_hides_no_operate() -> None:
    def frame(data: bytes, length: int | None = None) -> bytes:
        whole = dnp3_frame(data)
        if length is None:
            return whole
        from otwatch.protocols.dnp3.framing import crc

        head = whole[:2] + bytes([length]) + whole[3:8]
        return head + crc(head).to_bytes(2, "little") + whole[10:]

    lie = frame(b"\xc0\xc0\x01\x3c\x02\x06", 200)
    operate = frame(b"\xc1\xc1\x05\x0c\x01\x28\x01\x00\x03\x00\x41\x01\x64\x00\x00\x00\x64\x00\x00\x00\x00")
    packets = [*handshake(server_port=20000), P(lie, 100, 200, server_port=20000), P(operate, 100 + len(lie), 200, server_port=20000),
               P(operate, 100 + len(lie + operate), 200, server_port=20000)]
    assert [data for data, _ in seen(packets)] == [lie, operate, operate]


def test_a_slow_line_has_its_time() -> None:
    """Thirty octets a second through a converter that passes on what it has."""
    long = adu(bytes([3, 250]) + bytes(range(250)), transaction=7)
    packets = [*handshake(), P(adu(pdu(3, 0, 125), transaction=7), 100, 200)]
    packets += [P(long[at:at + 30], 200 + at, 112, back=True, at=(at // 30 + 1) * SECOND) for at in range(0, len(long), 30)]
    assert seen(packets, 1) == [(long, len(packets))]


REQUESTS = st.one_of(st.builds(write, st.integers(0, 9)), st.builds(read, st.integers(0, 9)),
                     st.just(job(bytes.fromhex("290000000000") + b"\x09P_PROGRAM")), st.just(dnp3_frame(b"\xc1\xc1\x0d")),
                     st.just(dnp3_frame(b"")), st.just(i_frame(asdu(45, 6, (11, b"\1")), 3, 3)))


OPENED = {502: (read(1), reply(1)), 102: (job(bytes.fromhex("f0000001000101e0")), answer(bytes.fromhex("f0000001000100f0"))),
          20000: (dnp3_frame(b"\xc0\xc0\x01\x3c\x02\x06"), dnp3_frame(b"\xc0\xc0\x81\0\0", control=0x44, destination=1, source=10)),
          2404: (u_frame(7), u_frame(0x0B))}


@st.composite
def carriers(draw: st.DrawFn) -> tuple[bytes, bytes, int]:
    """A message whose data hold whole messages, the answer to it, its port."""
    data = b"".join(draw(st.lists(REQUESTS, min_size=1, max_size=7)))
    kind = draw(st.sampled_from(["registers", "coils", "file", "file-read", "umas", "s7-write", "s7-download", "dnp3", "iec104-file"]))
    if kind in ("registers", "coils"):
        data = data[:240] + b"\0" * (len(data[:240]) % 2)
        count = len(data) // 2 if kind == "registers" else len(data) * 8
        function = 16 if kind == "registers" else 15
        return (adu(pdu(function, 7, count) + bytes([len(data)]) + data, transaction=5), adu(pdu(function, 7, count), transaction=5), 502)
    if kind == "file":
        data = data[:230] + b"\0" * (len(data[:230]) % 2)
        whole = adu(bytes([21, 7 + len(data), 6, 0, 1, 0, 0]) + (len(data) // 2).to_bytes(2) + data, transaction=5)
        return whole, whole, 502
    if kind == "file-read":
        data = data[:230] + b"\0" * (len(data[:230]) % 2)
        return (adu(bytes([20, 7, 6, 0, 1, 0, 0]) + (len(data) // 2).to_bytes(2), transaction=5),
                adu(bytes([20, 2 + len(data), 1 + len(data), 6]) + data, transaction=5), 502)
    if kind == "dnp3":  # a file is written; whole link frames without data fit between two CRCs
        return (dnp3_frame(b"\xc1\xc1\x02\x46\x05\x5b\x01" + data[:230]),
                dnp3_frame(b"\xc1\xc1\x81\0\0", control=0x44, destination=1, source=10), 20000)
    if kind == "iec104-file":
        data = data[:234]
        return i_frame(asdu(125, 13, (1, b"\1\0\1" + bytes([len(data)]) + data)), 1, 1), s_frame(2), 2404
    if kind == "umas":
        return adu(bytes([0x5A, 7, 0x31]) + data[:240], transaction=5), adu(bytes([0x5A, 7, 0xFE]), transaction=5), 502
    if kind == "s7-write":
        parameter = bytes.fromhex("0501120a1002") + len(data).to_bytes(2) + bytes.fromhex("000184000000")
        return (job(parameter, b"\0\4" + (8 * len(data)).to_bytes(2) + data, reference=9), answer(b"\5\1", b"\xff", reference=9), 102)
    return (job(bytes.fromhex("1b0100000000000000") + b"\x09_0A00001P", len(data).to_bytes(2) + b"\0\xfb" + data, reference=9),
            answer(b"\x1b\0", reference=9), 102)


@SETTINGS
@given(carriers(), st.lists(st.integers(1, 300), max_size=6), st.sampled_from([MS, 300 * MS, 1500 * MS]), st.booleans())
def test_messages_in_the_data_of_a_message_make_no_rows(carrier: tuple[bytes, bytes, int], cuts: list[int], step: int, polled: bool) -> None:
    whole, said, port = carrier
    first, first_reply = OPENED[port]
    packets = dialogue(first, first_reply, port=port)
    there = 100 + len(first)
    here = 200 + len(first_reply)
    edges = [0, *sorted({cut for cut in cuts if cut < len(whole)}), len(whole)]
    now = SECOND
    for start, stop in pairwise(edges):
        packets.append(P(whole[start:stop], there + start, here, at=now, server_port=port))
        if polled:
            packets.append(P(b"", here, there + stop, back=True, at=now + MS // 2, server_port=port))
        now += step
    edges = [0, *sorted({cut for cut in cuts if cut < len(said)}), len(said)]
    for start, stop in pairwise(edges):
        packets.append(P(said[start:stop], here + start, there + len(whole), back=True, at=now, server_port=port))
        now += step
    assert [data for data, _ in seen(packets)] == [first, whole]
    assert [data for data, _ in seen(packets, 1)] == [first_reply, said]
