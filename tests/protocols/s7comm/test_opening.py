"""Connects whose TSAPs do not tell the protocol take that of the first data, with their own frames, however batches are cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otwatch.limits import Limits
from otwatch.vocabulary import PduFlag
from tests.evasion.wire import ACK, FIN, GUEST, PLC, Capture, Tcp
from tests.properties.test_invariants import operations
from tests.protocols.s7comm.pipeline import COLLECTION, tell
from tests.protocols.s7comm.test_dissect import READ, STOP
from tests.protocols.s7comm.test_plus import pdu, request
from tests.protocols.s7comm.wire import MMS, PLUS, S7, Wire, connect, data, job

SESSION = data(b"\x0d\x04abcd")
FIRST = {"mms": (MMS, SESSION), "s7comm": (S7, job(STOP)), "s7comm-plus": (PLUS, pdu(request(0x04BB, bytes(8))))}
OPEN = {
    "slot 0": {"called": b"\2\0", "calling": b"\2\0"}, "no S7 caller": {"called": b"\1\2", "calling": b"\0\2"},
    "a name": {"called": b"server", "calling": b"client"}, "long": {"called": b"\0\1\2\3", "calling": b"\0\1"},
}
CLEAR = {"rack and slot": (S7, b"\1\2", b"\1\0"), "of OSI": (MMS, b"\0\1", b"\0\0"), "of S7-1200": (PLUS, b"SIMATIC-ROOT-ES", b"\6\0")}


def opened(how: dict[str, bytes], *, cut: bool = False) -> Wire:
    wire = Wire().ask(connect(**how, source=5))
    if cut:
        wire.run()
    wire.say(connect(0xD0, **how, destination=5))
    return wire.run() if cut else wire


def told(rows: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return [(row["frame"], row["timestamp_ns"], row["protocol"], row["role"]) for row in rows]


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("how", OPEN)
@pytest.mark.parametrize("name", FIRST)
def test_the_first_data_decide(name: str, how: str, cut: bool) -> None:
    protocol, first = FIRST[name]
    wire = opened(OPEN[how], cut=cut)
    assert not cut or wire.rows == []
    wire.ask(first).run()
    assert told(wire.rows) == [(1, 1000, protocol, 0), (2, 2000, protocol, 1), (3, 3000, protocol, 0)]
    asked, confirmed, spoken = wire.rows
    assert (confirmed["request_frame"], confirmed["latency_ns"], confirmed["direction"]) == (1, 1000, 1)
    assert asked["bytes"]
    assert {asked["packet"], confirmed["packet"]} == {3}, "their place is that of what decided"
    assert asked["unit"] == spoken["unit"] == (OPEN[how]["called"][1] if name == "s7comm" and len(OPEN[how]["called"]) == 2 else -1)


@pytest.mark.parametrize("name", CLEAR)
def test_what_the_tsap_says_is_told_at_once(name: str) -> None:
    protocol, called, calling = CLEAR[name]
    wire = Wire().ask(connect(called=called, calling=calling)).run()
    assert told(wire.rows) == [(1, 1000, protocol, 0)]


def test_without_data_the_tsap_counts_at_the_end_of_the_flow() -> None:
    wire = opened(OPEN["slot 0"], cut=True).add(b"", flags=PduFlag.ENDED).run()
    assert told(wire.rows) == [(1, 1000, S7, 0), (2, 2000, S7, 1)]
    assert [row["unit"] for row in wire.rows] == [0, 0]
    assert wire.carrier.held == 0


def test_a_refusal_decides_too() -> None:
    wire = Wire().ask(connect(called=b"\2\0", source=5)).say(b"\x03\0\0\x0b\x06\x80\0\5\0\0\x03").run()
    assert [(row["name"], row["frame"], row["protocol"]) for row in wire.rows] == [
        ("cotp_connect_request", 1, S7), ("cotp_disconnect_request", 2, S7)]
    assert wire.rows[1]["said"] == "disconnected:address_unknown"


def test_a_confirm_alone_is_kept_and_a_message_in_parts_decides_when_it_is_whole() -> None:
    wire = Wire().say(connect(0xD0, called=b"\2\0")).run()
    assert wire.rows == []
    wire.ask(data(b"\x0d", last=False)).run()
    assert wire.rows == []
    assert {row["protocol"] for row in wire.ask(data(b"\x04abcd")).run().rows} == {MMS}


def test_few_are_kept_and_counted_and_forgotten_with_the_flow() -> None:
    wire = Wire()
    for _ in range(9):
        wire.ask(connect(called=b"\2\0"))
    assert len(wire.run().rows) == 5
    assert wire.carrier.held > 0
    assert wire.carrier.forget(0) == 0
    assert wire.carrier.held == 0
    tight = Wire(Limits(stream_pending_total_bytes=50)).ask(connect(called=b"\2\0")).run()
    assert told(tight.rows) == [(1, 1000, S7, 0)]


def test_data_that_say_nothing_leave_it_open() -> None:
    wire = opened(OPEN["slot 0"]).ask(data(b"hello")).run()
    assert wire.rows == []
    assert [row["protocol"] for row in wire.ask(job(READ)).run().rows] == [S7] * 3


def test_whole_captures_do_not_depend_on_how_batches_are_cut(tmp_path: Path) -> None:
    capture = Capture()
    talks = [Tcp(capture, GUEST, PLC, 102, client_port=50_000 + index, start=(index, 9000)) for index in range(4)]
    for talk, first in zip(talks, (SESSION, job(READ), b"", b""), strict=True):
        talk.say(connect(called=b"\2\0", source=5))
        talk.answer(connect(0xD0, called=b"\2\0", destination=5))
        if first:
            talk.say(first)
    for side in (0, 1):
        talks[3].send(side, flags=FIN | ACK)
        talks[3].sequence[side] += 1
    capture.now += 200_000_000_000
    for reference in range(3):
        talks[1].say(job(READ, reference=2 + reference))
    path = capture.write(tmp_path / "opening.pcap")
    expected = operations(path)
    assert [(row["src_port"], row["frame"], row["protocol"]) for row in expected if row["src_port"] != 102] == [
        (50_000, 13, "mms"), (50_000, 15, "mms"), (50_001, 16, "s7comm"), (50_001, 18, "s7comm"),
        (50_003, 21, "s7comm"), *((50_001, frame, "s7comm") for frame in (25, 26, 27)), (50_002, 19, "s7comm")]
    for packets in (1, 2, 5):
        assert operations(path, batch_packets=packets) == expected


@pytest.mark.captures
@pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")
def test_real_mms_that_calls_as_s7_does() -> None:
    captures = sorted(Path(COLLECTION).rglob("mms-*.pcap"))
    spoken = [{row["proto"] for row in tell(path)[0]} for path in captures]
    assert sum(bool(one) for one in spoken) >= 8
    assert all(one <= {"mms"} for one in spoken)
