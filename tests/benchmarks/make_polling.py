"""Write a capture of polling OT traffic, of any length, fast:  python make_polling.py --packets 2000000 --output x.pcap

Four HMIs poll 50 Modbus PLCs (each PLC by two of them), eight DNP3 outstations and eight S7 PLCs, once a second.
Every connection begins with its TCP handshake (S7: also COTP and setup communication) and then repeats its polls:
request, response with changing values, acknowledgement, with right sequence numbers, transaction numbers,
checksums and DNP3 CRCs. One cycle of the plant is a NumPy structured type; blocks of cycles are filled column by
column and written whole, so that time is about 1 microsecond a packet and memory does not depend on the number
of packets. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

START_NS = 1_790_000_000 * 1_000_000_000
CYCLE_NS = 1_000_000_000
BLOCK_BYTES = 16 << 20
SYN, ACK, SYN_ACK, PSH_ACK = 0x02, 0x10, 0x12, 0x18
HEADERS = 54  # Ethernet, IPv4, TCP without options
MINIMUM = 60  # shorter frames are padded on the wire
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Host:
    mac: bytes
    ip: int


def host(oui: str, net: int, number: int) -> Host:
    return Host(bytes.fromhex(oui) + bytes((net, 0, number)), 10 << 24 | 20 << 16 | net << 8 | number)


HMIS = [host("00d0c9", 0, 10 + i) for i in range(4)]
MODBUS_PLCS = [host("0080f4", 1, 1 + i) for i in range(50)]
OUTSTATIONS = [host("0030a7", 2, 1 + i) for i in range(8)]
S7_PLCS = [host("001b1b", 3, 1 + i) for i in range(8)]


# ---- wire formats ----


def packet_type(payload: int) -> np.dtype[Any]:
    """A pcap record with Ethernet, IPv4, TCP and `payload` bytes; without payload the frame is padded to 60 bytes."""
    return np.dtype(
        [
            *((name, "<u4") for name in ("seconds", "fraction", "captured", "length")),
            *(("dst_mac", "u1", 6), ("src_mac", "u1", 6), ("ethertype", ">u2")),
            *(("version", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("fragment", ">u2")),
            *(("ttl", "u1"), ("protocol", "u1"), ("ip_sum", ">u2"), ("src_ip", ">u4"), ("dst_ip", ">u4")),
            *(("src_port", ">u2"), ("dst_port", ">u2"), ("seq", ">u4"), ("ack", ">u4")),
            *(("offset", "u1"), ("flags", "u1"), ("window", ">u2"), ("tcp_sum", ">u2"), ("urgent", ">u2")),
            ("payload", "u1", (payload or MINIMUM - HEADERS,)),
        ]
    )


def fold(total: Array) -> Array:
    """The Internet checksum of a sum of 16-bit words."""
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def words(value: Array) -> Array:
    value = value.astype(np.int64)
    return (value >> 16) + (value & 0xFFFF)


def seal(packets: Array, size: int) -> None:
    """Fill in both checksums of packets with `size` bytes of payload."""
    addresses = words(packets["src_ip"]) + words(packets["dst_ip"])
    ip = 0x4500 + (40 + size) + packets["id"].astype(np.int64) + 0x4000 + packets["ttl"].astype(np.int64) * 256 + 6
    packets["ip_sum"] = fold(ip + addresses)
    total = addresses + 6 + 20 + size + packets["src_port"] + packets["dst_port"] + packets["window"]
    total += words(packets["seq"]) + words(packets["ack"]) + 0x5000 + packets["flags"]
    if size:
        payload = packets["payload"]
        total += payload[..., 0::2].sum(-1, dtype=np.int64) * 256 + payload[..., 1::2].sum(-1, dtype=np.int64)
    packets["tcp_sum"] = fold(total)


def crc_table() -> Array:
    """CRC-16/DNP (polynomial 0x3D65 reflected), IEEE 1815 clause 9.2.4."""
    table = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ 0xA6BC, table >> 1).astype(np.uint16)
    return table


CRC = crc_table()


def crc_blocks(payload: Array) -> None:
    """Write the CRC of the link header (8 bytes) and of each block of 16 data bytes behind it, in place."""
    at, end = 0, payload.shape[-1]
    while at < end:
        data = 8 if at == 0 else min(16, end - at - 2)
        crc = np.zeros(payload.shape[:-1], np.uint16)
        for i in range(at, at + data):
            crc = CRC[(crc ^ payload[..., i]) & 0xFF] ^ (crc >> 8)
        crc = ~crc
        payload[..., at + data] = crc & 0xFF
        payload[..., at + data + 1] = crc >> 8
        at += data + 2


def dnp3(control: int, destination: int, source: int, data: bytes) -> bytes:
    """A link frame around transport octet and application data; the CRCs stay empty for `crc_blocks`."""
    head = struct.pack("<HBBHH", 0x6405, 5 + len(data), control, destination, source) + bytes(2)
    return head + b"".join(data[i : i + 16] + bytes(2) for i in range(0, len(data), 16))


def s7(kind: int, parameters: bytes, data: bytes = b"", reference: int = 0) -> bytes:
    error = bytes(2) if kind == 3 else b""
    body = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameters), len(data)) + error + parameters + data
    return struct.pack(">BBHBBB", 3, 0, 7 + len(body), 2, 0xF0, 0x80) + body


# ---- who polls what ----


@dataclass
class Poll:
    """One request and its response, for every connection of a set; `vary` changes their payloads for each cycle.

    Templates have the shape (groups, members, bytes). `vary(request, response, number, random)` gets payloads with
    the cycles as an axis in front and `number`, the count of this poll since the start for each connection.
    """

    request: Array
    response: Array
    vary: Callable[[Array, Array, Array, np.random.Generator], None]


@dataclass
class Connections:
    """Connections of one protocol, as (groups, members): the members of a group poll at the same moment."""

    name: str
    port: int
    pairs: list[tuple[Host, Host]]
    members: int
    polls: list[Poll]
    opening: list[tuple[bytes, bytes]] = field(default_factory=list)

    def array(self, values: list[Any], dtype: str = "i8") -> Array:
        made = np.array(values, dtype)
        return made.reshape(-1, self.members, *made.shape[1:])

    def cycle_type(self) -> list[tuple[str, np.dtype[Any], tuple[int, ...]]]:
        kinds = []
        for k, poll in enumerate(self.polls):
            sizes = (("request", poll.request.shape[-1]), ("response", poll.response.shape[-1]), ("ack", 0))
            group = np.dtype([(name, packet_type(size), (self.members,)) for name, size in sizes])
            kinds.append((f"{self.name}{k}", group, (len(self.pairs) // self.members,)))
        return kinds


def templates(made: list[bytes], members: int) -> Array:
    return np.array([list(one) for one in made], np.uint8).reshape(-1, members, len(made[0]))


def modbus() -> Connections:
    pairs = [(HMIS[(i + turn) % 4], plc) for turn in (0, 1) for i, plc in enumerate(MODBUS_PLCS)]
    asked = ((3, 100, 10), (4, 0, 20), (1, 0, 32), (3, 200, 60))

    def vary(request: Array, response: Array, number: Array, random: np.random.Generator) -> None:
        for payload in (request, response):
            payload[..., 0], payload[..., 1] = number >> 8 & 0xFF, number & 0xFF
        coils = response[0, 0, 0, 7] == 1
        if coils:
            response[..., 9:] = random.integers(0, 256, response[..., 9:].shape, np.uint8)
        else:  # measurements: the low bytes move, the high bytes seldom
            response[..., 10::2] = random.integers(0, 256, response[..., 10::2].shape, np.uint8)

    polls = []
    for function, start, count in asked:
        size = (count + 7) // 8 if function == 1 else 2 * count
        requests = [
            struct.pack(">HHHBBHH", 0, 0, 6, 1, function, start + 10 * (i % 5), count) for i in range(len(pairs))
        ]
        responses = [struct.pack(">HHHBBB", 0, 0, 3 + size, 1, function, size) + bytes(size) for _ in pairs]
        polls.append(Poll(templates(requests, 4), templates(responses, 4), vary))
    return Connections("modbus", 502, pairs, 4, polls)


def outstations() -> Connections:
    pairs = [(HMIS[i % 2], outstation) for i, outstation in enumerate(OUTSTATIONS)]
    points = 8

    def vary(request: Array, response: Array, number: Array, random: np.random.Generator) -> None:
        for payload in (request, response):
            payload[..., 10], payload[..., 11] = 0xC0 | (number & 0x3F), 0xC0 | (number & 0x0F)
        if response.shape[-1] > 40:
            for place in values:
                response[..., place] = random.integers(0, 256, response.shape[:-1], np.uint8)
        crc_blocks(request)
        crc_blocks(response)

    # where the two low bytes of each 32-bit value lie in the frame: 10 bytes of link header, a CRC after every 16
    raw = [1 + 2 + 2 + 5 + 5 * point + 1 + low for point in range(points) for low in (0, 1)]
    values = [10 + at + 2 * (at // 16) for at in raw]
    read_range = bytes((0, 0, 1, 30, 1, 0, 0, points - 1))
    analogs = bytes((0, 0, 0x81, 0, 0, 30, 1, 0, 0, points - 1)) + bytes((1, 0, 0, 0, 0)) * points
    read_events = bytes((0, 0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6))
    nothing = bytes((0, 0, 0x81, 0, 0))
    polls = []
    for question, answer in ((read_range, analogs), (read_events, nothing)):
        requests = [dnp3(0xC4, 10 + i, 1 + i % 2, question) for i in range(len(pairs))]
        responses = [dnp3(0x44, 1 + i % 2, 10 + i, answer) for i in range(len(pairs))]
        polls.append(Poll(templates(requests, 2), templates(responses, 2), vary))
    return Connections("dnp3", 20000, pairs, 2, polls)


def s7_plcs() -> Connections:
    pairs = [(HMIS[2 + i % 2], plc) for i, plc in enumerate(S7_PLCS)]

    def vary(request: Array, response: Array, number: Array, random: np.random.Generator) -> None:
        for payload in (request, response):
            payload[..., 11], payload[..., 12] = number >> 8 & 0xFF, number & 0xFF
        response[..., 25::2] = random.integers(0, 256, response[..., 25::2].shape, np.uint8)

    polls = []
    for db, start, size in ((1, 0, 32), (2, 16, 64)):
        item = struct.pack(">BBBBBBHHB", 4, 1, 0x12, 10, 0x10, 2, size, db, 0x84) + (start * 8).to_bytes(3, "big")
        answer = struct.pack(">BBH", 0xFF, 4, size * 8) + bytes(size)
        polls.append(Poll(templates([s7(1, item)] * 8, 2), templates([s7(3, b"\x04\x01", answer)] * 8, 2), vary))
    request = bytes.fromhex("0300001611e00000000100c0010ac1020200c2020202")
    confirm = bytes.fromhex("0300001611d00001000200c0010ac1020200c2020202")
    setup = b"\xf0\x00" + struct.pack(">HHH", 1, 1, 480)
    return Connections("s7", 102, pairs, 2, polls, [(request, confirm), (s7(1, setup), s7(3, setup))])


# ---- from connections to packets ----


class Plant:
    """All connections with their sequence numbers; gives the opening packets and then block after block of cycles."""

    def __init__(self, seed: int, *, nanoseconds: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.unit = 1 if nanoseconds else 1000
        self.sets = [modbus(), outstations(), s7_plcs()]
        self.cycle = np.dtype([kind for connections in self.sets for kind in connections.cycle_type()])
        self.ports = [self.random.permutation(len(c.pairs)) + 49152 for c in self.sets]
        self.first = [self.random.integers(1 << 20, 1 << 31, (2, len(c.pairs))) for c in self.sets]
        self.number_of_packets = sum(3 * len(c.pairs) * len(c.polls) for c in self.sets)
        gaps = self.random.exponential(1, self.number_of_packets) + 0.02
        # the second half of each gap is free for jitter, so that the order never changes
        self.gaps = gaps / gaps.sum() * CYCLE_NS
        self.offsets = np.cumsum(self.gaps) - self.gaps

    def opening(self) -> Iterator[bytes]:
        """Handshake of every connection and what the protocol exchanges before the first poll, in order of time."""
        now = START_NS
        for s, connections in enumerate(self.sets):
            for i, (client, server) in enumerate(connections.pairs):
                seq = {client: int(self.first[s][0, i]), server: int(self.first[s][1, i])}
                steps: list[tuple[Host, int, bytes]] = [(client, SYN, b""), (server, SYN_ACK, b""), (client, ACK, b"")]
                for question, answer in connections.opening:
                    steps += [(client, PSH_ACK, question), (server, PSH_ACK, answer), (client, ACK, b"")]
                ports = {client: int(self.ports[s][i]), server: connections.port}
                for source, flags, payload in steps:
                    target = server if source is client else client
                    now += int(self.random.integers(20_000, 400_000))
                    one = np.zeros(1, packet_type(len(payload)))
                    self._head(one, source, target, len(payload))
                    one["src_port"], one["dst_port"], one["flags"] = ports[source], ports[target], flags
                    one["seq"], one["ack"] = seq[source], 0 if flags == SYN else seq[target]
                    one["seconds"], one["fraction"] = now // 10**9, now % 10**9 // self.unit
                    if payload:
                        one["payload"] = np.frombuffer(payload, np.uint8)
                    seal(one, len(payload))
                    seq[source] += len(payload) + (flags & SYN > 0)
                    yield one.tobytes()
                self.first[s][0, i], self.first[s][1, i] = seq[client], seq[server]
        self.start = now + 50_000_000

    @staticmethod
    def _head(packets: Array, source: Any, target: Any, size: int) -> None:
        """The constant part. `source` and `target` are hosts, or dictionaries of arrays shaped like the packets."""
        if isinstance(source, Host):
            source, target = ({"mac": np.frombuffer(h.mac, np.uint8), "ip": h.ip} for h in (source, target))
        packets["captured"] = packets["length"] = max(MINIMUM, HEADERS + size)
        packets["dst_mac"], packets["src_mac"] = target["mac"], source["mac"]
        packets["src_ip"], packets["dst_ip"] = source["ip"], target["ip"]
        packets["ethertype"], packets["version"], packets["total"] = 0x0800, 0x45, 40 + size
        packets["fragment"], packets["ttl"], packets["protocol"] = 0x4000, 64, 6
        packets["offset"], packets["window"] = 0x50, 8192

    def cycles(self, first: int, count: int) -> Array:
        """The packets of cycles `first` to `first + count`, in order of time."""
        block = np.zeros(count, self.cycle)
        number = np.arange(first, first + count, dtype=np.int64)[:, None, None]
        jitter = self.random.random((count, self.number_of_packets)) * 0.5
        times = (self.offsets + jitter * self.gaps).astype(np.int64) + (self.start + number[..., 0] * CYCLE_NS)
        position = 0
        for s, connections in enumerate(self.sets):
            position = self._fill(block, connections, s, number, times, position)
        return block

    def _fill(self, block: Array, connections: Connections, s: int, number: Array, times: Array, position: int) -> int:
        ends = [
            {"mac": connections.array([list(pair[side].mac) for pair in connections.pairs], "u1"),
             "ip": connections.array([pair[side].ip for pair in connections.pairs])}
            for side in (0, 1)
        ]  # fmt: skip
        port = connections.array(list(self.ports[s]))
        a, b = (connections.array(list(self.first[s][side])) for side in (0, 1))
        a = a + number * sum(poll.request.shape[-1] for poll in connections.polls)
        b = b + number * sum(poll.response.shape[-1] for poll in connections.polls)
        polls = len(connections.polls)
        for k, poll in enumerate(connections.polls):
            groups = block[f"{connections.name}{k}"]
            n, m = poll.request.shape[-1], poll.response.shape[-1]
            shape = groups["ack"].shape[1:]
            index = position + np.arange(3 * shape[0] * shape[1]).reshape(shape[0], 3, shape[1])
            position += index.size
            steps = (
                ("request", 0, n, a, b, PSH_ACK),
                ("response", 1, m, b, a + n, PSH_ACK),
                ("ack", 0, 0, a + n, b + m, ACK),
            )
            for turn, (name, side, size, seq, ack, flags) in enumerate(steps):
                packets = groups[name]
                self._head(packets, ends[side], ends[1 - side], size)
                packets["src_port"], packets["dst_port"] = (
                    (port, connections.port) if side == 0 else (connections.port, port)
                )
                packets["seq"], packets["ack"], packets["flags"] = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, flags
                packets["id"] = (port * 7 + number * 2 * polls + 2 * k + turn // 2) & 0xFFFF
                when = times[:, index[:, turn, :]]
                seconds = when // 10**9
                packets["seconds"], packets["fraction"] = seconds, (when - seconds * 10**9) // self.unit
            request, response = groups["request"]["payload"], groups["response"]["payload"]
            request[...], response[...] = poll.request, poll.response
            poll.vary(request, response, number * polls + k + port, self.random)
            seal(groups["request"], n)
            seal(groups["response"], m)
            seal(groups["ack"], 0)
            a, b = a + n, b + m
        return position

    def packet_ends(self) -> list[int]:
        """Byte offsets in a cycle at which its packets end, in order."""
        ends, at = [], 0
        for connections in self.sets:
            for poll in connections.polls:
                sizes = [packet_type(n).itemsize for n in (poll.request.shape[-1], poll.response.shape[-1], 0)]
                for _ in range(len(connections.pairs) // connections.members):
                    for size in sizes:
                        ends += [at + size * (i + 1) for i in range(connections.members)]
                        at = ends[-1]
        return ends


def write(path: Path, packets: int, seed: int = 1, *, nanoseconds: bool = False) -> None:
    """Write a pcap file of exactly `packets` packets to `path`."""
    plant = Plant(seed, nanoseconds=nanoseconds)
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, 1))
        opening = list(plant.opening())[:packets]
        out.write(b"".join(opening))
        left, cycle = packets - len(opening), 0
        per_block = max(1, BLOCK_BYTES // plant.cycle.itemsize)
        while left > 0:
            count = min(per_block, -(-left // plant.number_of_packets))
            block = plant.cycles(cycle, count)
            cycle += count
            whole, rest = divmod(min(left, count * plant.number_of_packets), plant.number_of_packets)
            block[:whole].tofile(out)
            if rest:
                out.write(block[whole : whole + 1].tobytes()[: plant.packet_ends()[rest - 1]])
            left -= whole * plant.number_of_packets + rest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--nanoseconds", action="store_true", help="nanosecond pcap instead of microsecond")
    wanted = parser.parse_args()
    if wanted.packets < 1:
        parser.error("--packets must be at least 1")
    write(wanted.output, wanted.packets, wanted.seed, nanoseconds=wanted.nanoseconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
