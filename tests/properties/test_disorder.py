"""However the packets of the two directions of a connection were interleaved in the capture, the same pairs come out, of every protocol on TCP.

Network cards with several queues and merged captures deliver one direction ahead of the other. The order within a direction stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from tests.oracle.dnp3 import frame
from tests.properties.recut import Frame, frames_of, write
from tests.protocols.modbus.wire import adu, pdu
from tests.protocols.s7comm.wire import answer, any_item, connect, item_data, job, variables

MS = 1_000_000
PORTS = {"modbus": 502, "s7comm": 102, "dnp3": 20000}
PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
REAL = {"cip-write-unknown": 44818, "cip-program": 44818, "pccc-write-unknown": 44818, "opcua-write-unknown": 4840, "opcua-call-unknown": 4840,
        "iec104-operate-unknown": 2404, "iec104-reset": 2404, "s7comm-stop": 102, "dnp3-file-write": 20000, "modbus-write-stranger": 502}
Said = list[tuple[int, bytes]]  # direction, message


def modbus(kinds: list[int], same: bool) -> Said:
    """Reads, writes and a refusal, each with its response; `same`: one transaction identifier for all."""
    said: Said = []
    for number, kind in enumerate(kinds):
        transaction = 7 if same else number + 1
        asked, answered = [
            (pdu(3, number, 2), pdu(3, data=b"\x04" + struct.pack(">HH", number, kind))),
            (pdu(6, number, kind), pdu(6, number, kind)),
            (pdu(16, number, 1, data=b"\x02" + struct.pack(">H", number)), pdu(16, number, 1)),
            (pdu(3, 9000 + number, 3), b"\x83\x02"),
        ][kind]
        said += [(0, adu(asked, transaction=transaction)), (1, adu(answered, transaction=transaction))]
    return said


def s7comm(kinds: list[int], same: bool) -> Said:
    """Reads, writes and stops with their answers."""
    said: Said = []
    for number, kind in enumerate(kinds):
        reference = 5 if same else number + 1
        asked, answered = [
            (job(variables(4, any_item(start=8 * number)), reference=reference),
             answer(b"\4\1", item_data((0xFF, 4, bytes([number]))), reference=reference)),
            (job(variables(5, any_item(start=8 * number)), item_data((0, 4, bytes([number]))), reference=reference),
             answer(b"\5\1", b"\xff", reference=reference)),
            (job(b"\x29" + bytes(5) + b"\x09P_PROGRAM", reference=reference), answer(b"\x29", reference=reference)),
            (job(variables(5, any_item(start=8 * number)), item_data((0, 4, b"x")), reference=reference),
             answer(b"\5\1", b"\x05", reference=reference)),
        ][kind]
        said += [(0, asked), (1, answered)]
    return said


def dnp3(kinds: list[int], _same: bool) -> Said:
    """Reads and commands with their responses, the sequence number going round."""
    said: Said = []
    crob = bytes.fromhex("0c01280100 0300 0301640000006400000000".replace(" ", ""))
    for number, kind in enumerate(kinds):
        head, sequence = 0xC0 | number % 64, 0xC0 | number % 16
        asked, answered = [
            (b"\x01\x3c\x01\x06", b"\x81\x00\x00"), (b"\x05" + crob, b"\x81\x00\x00" + crob),
            (b"\x02\x50\x01\x00\x07\x07\x00", b"\x81\x00\x00"), (b"\x05" + crob, b"\x81\x00\x00" + crob[:-1] + b"\x04"),
        ][kind]
        said += [(0, frame(bytes((head, sequence)) + asked)),
                 (1, frame(bytes((head, sequence)) + answered, control=0x44, destination=1, source=10))]
    return said


MAKERS = {"modbus": modbus, "s7comm": s7comm, "dnp3": dnp3}


def segment(direction: int, port: int, sequence: int, acknowledgement: int, payload: bytes, flags: int) -> bytes:
    """One TCP segment in IPv4 and Ethernet."""
    ends = [(bytes((2, 0, 0, 0, 0, 1)), bytes((10, 0, 0, 1)), 40_000), (bytes((2, 0, 0, 0, 0, 2)), bytes((10, 0, 0, 2)), port)]
    source, target = ends[direction], ends[1 - direction]
    tcp = struct.pack(">HHIIBBHHH", source[2], target[2], sequence, acknowledgement, 0x50, flags, 8192, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), sequence & 0xFFFF, 0, 64, 6, 0, source[1], target[1])
    return target[0] + source[0] + b"\x08\x00" + ip + tcp


def packets(said: Said, port: int) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """The handshake, and the data packets as they were sent: each acknowledges all that came before it."""
    next_sequence = [1001, 5001]
    handshake = [segment(0, port, 1000, 0, b"", 0x02), segment(1, port, 5000, 1001, b"", 0x12), segment(0, port, 1001, 5001, b"", 0x10)]
    data = []
    for direction, message in said:
        data.append((direction, segment(direction, port, next_sequence[direction], next_sequence[1 - direction], message, 0x18)))
        next_sequence[direction] += len(message)
    return handshake, data


def pairs(path: Path) -> list[tuple[Any, ...]]:
    """What each response says, with what of its request; the requests that have none; and the anomalies of the protocol."""
    pipeline = Pipeline(Limits())
    found: list[tuple[Any, ...]] = []
    kinds: list[int] = []
    names = ("protocol", "function", "action", "area", "object", "start", "count", "status", "item", "transaction", "contradicts")

    def take(batch: Any) -> None:
        for index in range(batch.operations.rows):
            row = batch.operations.row(index)
            value = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            found.append((row["role"], *(row[name] for name in names), value, row["request_frame"] >= 0))
        kinds.extend(batch.anomalies.array("kind")[batch.anomalies.array("layer") >= 32].tolist())

    with open_capture(str(path), Limits()) as reader:
        for batch in reader:
            take(pipeline.feed(batch))
    take(pipeline.finish())
    return [*sorted(found), *sorted((2, kind) for kind in kinds)]


def conversation(path: Path, port: int) -> Said:
    """The messages of the connection to a port that says most, as real stacks sent them."""
    said: dict[tuple[bytes, int], Said] = {}
    for captured in frames_of(path):
        data = captured.data
        if data[12:14] != b"\x08\x00" or data[23] != 6:
            continue
        at = 14 + 4 * (data[14] & 15)
        ports = struct.unpack_from(">HH", data, at)
        payload = data[at + 4 * (data[at + 12] >> 4):14 + struct.unpack_from(">H", data, 16)[0]]
        if payload and port in ports:
            direction = int(ports[0] == port)
            client = (data[30:34], ports[1]) if direction else (data[26:30], ports[0])
            said.setdefault(client, []).append((direction, payload))
    return max(said.values(), key=lambda messages: (len(messages) < 60, len(messages)))


def interleaved(data: list[tuple[int, bytes]], order: list[bool], *, late: bool = True) -> Iterator[bytes]:
    """The packets, each direction in its order; `order`: which of the two is next while both have some. Not `late`: no response is behind a request
    that was sent after it."""
    ways = [[place for place, (way, _) in enumerate(data) if way == direction] for direction in (0, 1)]
    for first in [*order, *[True] * len(data)]:
        way = ways[int(first)] or ways[1 - int(first)]
        if not late and ways[0] and ways[1] and ways[1][0] < ways[0][0]:
            way = ways[1]
        if way:
            yield data[way.pop(0)][1]


@pytest.mark.parametrize("protocol", list(MAKERS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.booleans(), st.lists(st.booleans(), min_size=16, max_size=16), st.booleans())
def test_any_order_of_the_two_directions_gives_the_same_pairs(tmp_path_factory: pytest.TempPathFactory, protocol: str, kinds: list[int], same: bool,
                                                              order: list[bool], reverse: bool) -> None:
    said = MAKERS[protocol](kinds, same)
    if protocol == "s7comm":
        said = [(0, connect()), (1, connect(0xD0, destination=1)), *said]
    handshake, data = packets(said, PORTS[protocol])
    opening = data[:2] if protocol == "s7comm" else []
    folder = tmp_path_factory.mktemp("disorder")
    straight = [*handshake, *(packet for _, packet in data)]
    changed = [*handshake, *(packet for _, packet in opening), *interleaved(data[len(opening):], [True] * 16 if reverse else order)]
    assert sorted(changed) == sorted(straight)
    captures = [write(folder / f"{name}.pcap", [Frame(10**18 + MS * number // 2, packet) for number, packet in enumerate(frames)])
                for name, frames in (("straight", straight), ("changed", changed))]
    straight_pairs = pairs(captures[0])
    assert pairs(captures[1]) == straight_pairs
    assert all(row[-1] for row in straight_pairs if row[0] == 1)
    assert not [row for row in straight_pairs if row[0] == 2 and row[1] != 18]


@pytest.mark.parametrize("name", list(REAL))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 1), min_size=30, max_size=30), st.sampled_from(["mixed", "responses first", "requests first"]))
def test_real_conversations_in_any_order(tmp_path_factory: pytest.TempPathFactory, name: str, order: list[int], how: str) -> None:
    handshake, data = packets(conversation(PLANT / f"{name}.pcap", REAL[name]), REAL[name])
    folder = tmp_path_factory.mktemp("disorder")
    firsts = {"mixed": [bool(way) for way in order], "responses first": [True] * len(data), "requests first": [False] * len(data)}[how]
    # IEC 104 has only the address of an object to tell which request a value answers, and DNP3 sixteen numbers: older ones must not come late.
    straight, changed = [*handshake, *(packet for _, packet in data)], [*handshake, *interleaved(data, firsts, late=REAL[name] not in (2404, 20000))]
    found = [pairs(write(folder / f"{kind}.pcap", [Frame(10**18 + MS * number // 2, packet) for number, packet in enumerate(frames)]))
             for kind, frames in (("straight", straight), ("changed", changed))]
    assert found[1] == found[0]
    assert any(row[0] == 1 and row[-1] for row in found[0])
