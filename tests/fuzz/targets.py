"""What is fuzzed: functions from bytes to nothing, that must not raise whatever the bytes are.

`TARGETS` names them; `seeds` makes their first inputs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from otwatch.addresses import Addresses
from otwatch.capture.files import open_capture
from otwatch.decode.decoder import Decoder
from otwatch.engine.pipeline import Pipeline
from otwatch.engine.turns import Turns
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.protocols import protocol_id, protocols
from otwatch.protocols.spec import Carrier, Dissector, Fact
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies, Operations, Packets, Pdus
from tests.evasion.wire import HMI, PLC, ethernet, ipv4, udp
from tests.oracle import pn_dcp as dcp
from tests.oracle import pn_io as io
from tests.protocols import saying
from tests.protocols.seeds import SEEDS
from tests.streams.wire import ACK, SYN, P, table

ROOT = Path(__file__).parents[2]
LIMITS = Limits()
LINK_TYPES = (1, 0, 9, 12, 101, 108, 113, 228, 229, 276, 50, 51, 105, 127, 147)
PORTS = {"modbus": 502, "dnp3": 20000, "s7comm": 102, "iec104": 2404, "bacnet": 47808, "opcua": 4840, "enip": 44818}
_SCRATCH = Path(tempfile.mkdtemp(prefix="otwatch-fuzz-")) / "input"


def capture(data: bytes) -> None:
    """The bytes as a capture file."""
    _SCRATCH.write_bytes(data)
    try:
        with open_capture(str(_SCRATCH), LIMITS) as reader:
            rows = sum(packets.rows for packets in reader)
            assert rows == reader.report.packets
    except CaptureError:
        pass


def decode(data: bytes) -> None:
    """First byte: the link type; then packets, each behind one byte of its length."""
    if not data:
        return
    packets = Packets(16)
    packets.data = memoryview(data)
    at = 1
    while at < len(data) and packets.rows < 64:
        length = min(data[at], len(data) - at - 1)
        row = packets.new_row()
        for column in packets.schema.columns:
            getattr(packets, column.name)[row] = column.default
        packets.at[row] = at + 1
        packets.timestamp_ns[row] = row * 1_000_000
        packets.captured_length[row] = packets.wire_length[row] = length
        packets.link_type[row] = LINK_TYPES[data[0] % len(LINK_TYPES)]
        at += 1 + length
    decoder = Decoder(Addresses(), LIMITS)
    decoder.feed(packets, Anomalies())
    for row in range(packets.rows):
        source = packets.side.used if packets.flags[row] & 8 else len(data)
        assert 0 <= packets.payload_at[row] <= packets.payload_at[row] + packets.payload_length[row] <= source


def streams(data: bytes) -> None:
    """TCP segments with any header: eight bytes (direction and flags, port, offsets of sequence and acknowledgement, length, gap), a payload."""
    packets = []
    at = now = 0
    while at + 8 <= len(data) and len(packets) < 200:
        bits, port, seq, ack, length, wait = (
            data[at],
            data[at + 1],
            data[at + 2] * 16 + data[at + 3],
            data[at + 4] * 16 + data[at + 5],
            data[at + 6],
            data[at + 7],
        )
        payload = data[at + 8 : at + 8 + length]
        at += 8 + length
        now += wait * 1_000_000
        packets.append(
            P(
                payload=payload,
                seq=seq - 64,
                ack=ack,
                flags=bits >> 1,
                back=bool(bits & 1),
                at=now,
                client_port=40000 + port % 3,
                server_port=sorted(PORTS.values())[port % len(PORTS)],
            )
        )
    _dissected([packets])


def conversation(port: int) -> Callable[[bytes], None]:
    """A TCP dialogue on a port: one byte of direction and length before each segment (high bit: from the server)."""

    def target(data: bytes) -> None:
        packets = [P(flags=SYN, seq=99, server_port=port), P(flags=SYN | ACK, seq=99, ack=100, back=True, server_port=port)]
        sequence = [100, 100]
        at = 0
        while at < len(data) and len(packets) < 200:
            back, length = data[at] >> 7, (data[at] & 127) or 1
            payload = data[at + 1 : at + 1 + length]
            at += 1 + length
            packets.append(
                P(payload=payload, seq=sequence[back], ack=sequence[1 - back], back=bool(back), at=len(packets) * 1_000_000, server_port=port)
            )
            sequence[back] += len(payload)
        half = len(packets) // 2
        _dissected([packets[:half], packets[half:]])

    return target


def _dissected(batches: list[list[P]]) -> None:
    known = protocols()
    stage = Streams(Addresses(), LIMITS, known)
    dissectors = [spec.dissector(index, LIMITS) if spec.dissector else None for index, spec in enumerate(known, 1)]
    turns = [Turns(LIMITS) for _ in known]
    operations, anomalies = Operations(), Anomalies()
    facts: list[Fact] = []

    def feed(dissector: Dissector | None, pdus: Pdus) -> None:
        """And what rides on it."""
        if dissector is None or not pdus.rows:
            return
        dissector.feed(pdus, operations, anomalies, facts)
        if isinstance(dissector, Carrier):
            for number, carried in dissector.riders.items():
                feed(dissectors[number - 1], carried)

    for packets in [*batches, None]:
        operations.clear()
        if packets is None:
            stage.finish(anomalies)
        else:
            stage.feed(table(packets), anomalies)
        for dissector, order, pdus in zip(dissectors, turns, stage.pdus[1:], strict=True):
            order.feed(pdus, len(batches) * 1_000_000, stage.closed)
            feed(dissector, pdus)
        for slot in stage.closed:
            assert all(dissector.forget(slot) >= 0 for dissector in dissectors if dissector is not None)
        for i in range(operations.rows):
            row = operations.row(i)
            spec = known[row["protocol"] - 1]
            assert isinstance(spec.function_name(row["function"], row["subfunction"]), str)
            assert isinstance(spec.status_name(row["status"]), str)
            assert isinstance(spec.object_name(row), str)
            if row["value_kind"]:
                assert 0 <= row["value_at"] <= row["value_at"] + row["value_length"] <= stage.octets.used
                spec.value(row["value_kind"], stage.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"]), row)


def profinet(data: bytes) -> None:
    """Frames of PROFINET, and datagrams of its calls: before each a byte of its length, whose high bit says that it is a call from its opnum on."""
    frames: list[bytes] = []
    at = 0
    while at < len(data) and len(frames) < 100:
        call, length = data[at] >> 7, data[at] & 127
        octets = data[at + 1 : at + 1 + length]
        at += 1 + length
        source, target = (HMI, PLC) if len(frames) % 2 else (PLC, HMI)
        if not call:
            frames.append(ethernet(source, target, octets, 0x8892))
        elif octets:
            message = (io.request if octets[0] < 128 else io.response)(octets[0] & 7, octets[1:], sequence=len(octets) & 3)
            frames.append(ethernet(source, target, ipv4(source, target, 17, udp(source, target, (49_200, 34_964), message))))
    packets = Packets(max(1, len(frames)))
    packets.data = memoryview(b"".join(frames))
    at = 0
    for number, frame in enumerate(frames):
        row = packets.new_row()
        for column in packets.schema.columns:
            getattr(packets, column.name)[row] = column.default
        packets.at[row], packets.captured_length[row], packets.wire_length[row] = at, len(frame), len(frame)
        packets.timestamp_ns[row], packets.frame[row], packets.link_type[row] = number * 1_000_000, number + 1, 1
        at += len(frame)
    pipeline = Pipeline(LIMITS)
    batch = pipeline.feed(packets)
    for i in range(batch.operations.rows):
        row_of = batch.operations.row(i)
        spec = pipeline.protocols[row_of["protocol"] - 1]
        assert isinstance(spec.function_name(row_of["function"], row_of["subfunction"]), str)
        assert isinstance(spec.status_name(row_of["status"]), str)
        assert isinstance(spec.object_name(row_of), str)
        if row_of["value_kind"]:
            spec.value(row_of["value_kind"], batch.octets.tobytes(row_of["value_at"], row_of["value_at"] + row_of["value_length"]), row_of)
    pipeline.finish()


def message(name: str) -> Callable[[bytes], None]:
    """Messages of a protocol that makes facts only, one after the other: two bytes of length before each."""

    def target(data: bytes) -> None:
        reader = saying.dissector(name)
        at = 0
        while at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            saying.feed(reader, data[at + 2 : end])
            at = end

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {
    "capture": capture,
    "decode": decode,
    "streams": streams,
    **{name: conversation(port) for name, port in PORTS.items()},
    "profinet": profinet,
    **{name: message(name) for name in SEEDS},
}


def seeds(name: str) -> Iterator[bytes]:
    """First inputs of a target, from the project's own captures."""
    if name == "profinet":
        frames_of = [dcp.set_name(1, b"pump-1"), dcp.set_answer(1, 2, 2), dcp.identify_all(2), dcp.frame(dcp.IDENTIFY, 1, 2, dcp.identity())]
        frames_of += [io.cyclic(0x8001, 32), io.alarm(), io.abort()]
        calls = [b"\x00" + io.connect()[:120], b"\x80" + io.connected(), b"\x04" + io.control(1), b"\x02" + io.record(0x0009, 0xAFF0)]
        yield b"".join(bytes([len(octets[:127])]) + octets[:127] for octets in frames_of)
        yield b"".join(bytes([128 | len(octets[:127])]) + octets[:127] for octets in calls)
        return
    if name in SEEDS:
        yield from (len(seed).to_bytes(2, "big") + seed for seed in SEEDS[name])
        return
    for path in sorted((ROOT / "pcaps" / "plant").glob("*.pcap")):
        if path.stat().st_size > 40_000:
            continue
        if name == "capture":
            yield path.read_bytes()[:4096]
            continue
        frames: list[bytes] = []
        segments: list[bytes] = []
        wire: list[bytes] = []
        decoder, addresses = None, Addresses()
        with open_capture(str(path), LIMITS) as reader:
            for packets in reader:
                decoder = decoder or Decoder(addresses, LIMITS)
                decoder.feed(packets, Anomalies())
                for row in range(packets.rows):
                    frames.append(bytes(packets.data[packets.at[row] : packets.at[row] + min(255, packets.captured_length[row])]))
                    length = min(127, packets.payload_length[row])
                    ports = packets.source_port[row], packets.destination_port[row]
                    if length and (PORTS.get(name) in ports or name == "streams"):
                        payload = bytes(packets.data[packets.payload_at[row] : packets.payload_at[row] + length])
                        back = ports[0] in PORTS.values()
                        segments.append(bytes([back << 7 | length]) + payload)
                        wire.append(bytes([back | ACK << 1, 0, 4, 0, 4, 0, length, 1]) + payload)
        if name == "decode":
            yield b"\0" + b"".join(bytes([len(frame)]) + frame for frame in frames[:24])
        elif name == "streams":
            yield b"".join(wire[:24])
        elif segments:
            yield b"".join(segments[:24])


def findings(name: str) -> list[Path]:
    """Inputs that once broke a target, kept for ever."""
    return sorted(path for path in (Path(__file__).parent / "findings").glob(f"{name}-*") if path.is_file())


assert protocol_id("modbus") > 0
