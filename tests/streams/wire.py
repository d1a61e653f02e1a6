"""Packets written by hand: rows of a Packets table without capture or decode, and what Streams makes of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import FlowEvent, PduFlag
from tests.streams import specs

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
CLIENT, SERVER = 1, 2
MS = 1_000_000


@dataclass(frozen=True)
class P:
    """One packet."""

    payload: bytes = b""
    seq: int = 0
    ack: int = -1
    flags: int = ACK
    back: bool = False  # from the server
    at: int = 0  # nanoseconds
    client_port: int = 40000
    server_port: int = 502
    missing: int = 0
    proto: int = 6
    bits: int = 0  # PacketFlag
    source: int = CLIENT
    destination: int = SERVER
    frame: int = 0
    urgent: int = 0  # the urgent pointer; only then the payload has its header before it


@dataclass(frozen=True)
class Seen:
    """A PDU."""

    protocol: int
    flow: int  # number
    direction: int
    data: bytes
    flags: PduFlag
    frame: int
    framing: int = 0


def _header(packet: P) -> bytes:
    """The TCP header of a segment that needs one."""
    ports = (packet.server_port, packet.client_port) if packet.back else (packet.client_port, packet.server_port)
    return struct.pack(">HHIIHHHH", *ports, packet.seq & 0xFFFFFFFF, max(packet.ack, 0) & 0xFFFFFFFF, 5 << 12 | packet.flags, 8192, 0, packet.urgent)


def table(packets: Sequence[P], first_frame: int = 1) -> Packets:
    """A batch."""
    batch = Packets(max(1, len(packets)))
    heads = [_header(packet) if packet.urgent else b"" for packet in packets]
    data = b"".join(head + packet.payload for head, packet in zip(heads, packets, strict=True))
    batch.data = memoryview(data)
    at = 0
    for index, packet in enumerate(packets):
        row = batch.new_row()
        for column in batch.schema.columns:
            getattr(batch, column.name)[row] = column.default
        source, destination = packet.source, packet.destination
        ports = packet.client_port, packet.server_port
        if packet.back:
            source, destination, ports = destination, source, ports[::-1]
        batch.timestamp_ns[row] = packet.at
        batch.frame[row] = packet.frame or first_frame + index
        batch.wire_length[row] = batch.captured_length[row] = 54 + len(packet.payload)
        batch.mac_source[row] = 0x020000000000 + source
        batch.mac_destination[row] = 0x020000000000 + destination
        batch.ethertype[row] = 0x0800
        batch.source[row], batch.destination[row] = source, destination
        batch.ip_protocol[row] = packet.proto
        batch.source_port[row], batch.destination_port[row] = ports
        batch.tcp_flags[row] = packet.flags if packet.proto == 6 else 0
        batch.tcp_sequence[row] = packet.seq & 0xFFFFFFFF
        batch.tcp_acknowledgement[row] = -1 if packet.ack < 0 else packet.ack & 0xFFFFFFFF
        at += len(heads[index])
        batch.payload_at[row] = at
        batch.payload_length[row] = len(packet.payload)
        batch.payload_missing[row] = packet.missing
        batch.flags[row] = packet.bits
        at += len(packet.payload)
    return batch


class Run:
    """Everything that Streams said about packets fed in batches of `batch`."""

    def __init__(self, packets: Iterable[P], *, batch: int = 10_000, limits: Limits | None = None,
                 protocols: tuple[ProtocolSpec, ...] = specs.SPECS, finish: bool = True) -> None:
        self.streams = Streams(Addresses(), limits or Limits(), protocols)
        self.pdus: list[Seen] = []
        self.events: list[tuple[str, int]] = []
        self.anomalies: list[str] = []
        self.rows: list[tuple[str, int, int]] = []
        self.flows: list[dict[str, int]] = []  # closed ones, in the order of their closing
        self.places: list[tuple[int, int]] = []  # (flow number, direction) of each packet
        everything = [replace(packet, frame=packet.frame or number) for number, packet in enumerate(packets, 1)]
        for start in range(0, len(everything), batch):
            self.feed(everything[start:start + batch])
        if finish:
            anomalies = Anomalies()
            self.streams.finish(anomalies)
            self._collect(anomalies)
            self.check()

    def feed(self, packets: Sequence[P]) -> None:
        anomalies = Anomalies()
        rows = table(packets)
        self.streams.feed(rows, anomalies)
        self.places += [(int(self.streams.flows.number[rows.flow[i]]), int(rows.direction[i])) for i in range(rows.rows)]
        self._collect(anomalies)

    def tick(self, now: int) -> None:
        anomalies = Anomalies()
        self.streams.tick(now, anomalies)
        self._collect(anomalies)

    def _collect(self, anomalies: Anomalies) -> None:
        streams = self.streams
        number = streams.flows.number
        for protocol, pdus in enumerate(streams.pdus):
            for i in range(pdus.rows):
                self.pdus.append(Seen(protocol, int(number[pdus.flow[i]]), int(pdus.direction[i]), streams.octets.tobytes(pdus.start[i], pdus.end[i]),
                                      PduFlag(int(pdus.flags[i])), int(pdus.frame[i]), int(pdus.framing[i])))
        events = streams.flow_events
        self.events += [(FlowEvent(int(events.kind[i])).name, int(number[events.flow[i]])) for i in range(events.rows)]
        for i in range(anomalies.rows):
            self.anomalies.append(StreamAnomaly(int(anomalies.kind[i])).name)
            self.rows.append((self.anomalies[-1], int(anomalies.needed[i]), int(anomalies.had[i])))
        self.flows += [streams.flows.row(slot) for slot in streams.closed]

    def check(self) -> None:
        """The counters add up."""
        counters = self.streams.counters
        assert counters["stream_bytes"] == (counters["framed_bytes"] + counters["skipped_bytes"] + counters["unidentified_bytes"]
                                            + counters["pending_bytes"]), counters
        assert counters["datagram_bytes"] == counters["datagram_framed_bytes"] + counters["datagram_skipped_bytes"], counters
        assert counters["pending_bytes"] == counters["held_bytes"] == counters["streams"] == counters["flows_live"] == 0, counters
        assert counters["flows_opened"] == len(self.flows)
        assert counters["packets"] == counters["duplicates"] + sum(flow["packets_to_server"] + flow["packets_to_client"] for flow in self.flows)

    def data(self, direction: int, *, without: int = 0) -> list[bytes]:
        """The PDUs' bytes of one direction."""
        return [pdu.data for pdu in self.pdus if pdu.direction == direction and not pdu.flags & without]
