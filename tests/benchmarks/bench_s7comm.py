"""Nanoseconds per PDU of S7 dissection, pairing included: `python tests/benchmarks/bench_s7comm.py`. No test: it only prints."""

from __future__ import annotations

import struct
import time

from otwatch import is_compiled
from otwatch.limits import Limits
from otwatch.protocols import protocol_id
from otwatch.protocols.s7comm import PROTOCOL
from otwatch.protocols.spec import Carrier
from otwatch.protocols.tpkt import PROTOCOL as CARRIER
from otwatch.tables import Anomalies, Octets, Operations, Pdus

PDUS = 8192  # a batch
REPEATS = 50


def s7(kind: int, reference: int, parameters: bytes, values: bytes = b"") -> bytes:
    """One S7 PDU in its TPKT packet."""
    body = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameters), len(values)) + (b"\0\0" if kind == 3 else b"") + parameters + values
    return struct.pack(">BBH", 3, 0, len(body) + 7) + b"\x02\xf0\x80" + body


def item(number: int, count: int) -> bytes:
    return struct.pack(">BBBBHHBBH", 0x12, 10, 0x10, 2, count, number, 0x84, 0, 80)


def read(items: int, size: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Parameters and data of request and answer."""
    answer = b"".join(struct.pack(">BBH", 0xFF, 4, 8 * size) + bytes(size) for _ in range(items))
    return bytes([4, items]) + b"".join(item(index, size) for index in range(items)), b"", bytes([4, items]), answer


PAIRS = {
    "read 1 item, 32 bytes": read(1, 32),
    "read 5 items": read(5, 8),
    "read 20 items": read(20, 4),
    "write 1 item": (b"\x05\x01" + item(1, 4), b"\0\x04\0\x20\1\2\3\4", b"\x05\x01", b"\xff"),
}


def batch(pair: tuple[bytes, bytes, bytes, bytes]) -> Pdus:
    """Requests and their answers over eight flows."""
    pdus = Pdus(Octets(), PDUS)
    for index in range(PDUS):
        reference = index // 2 & 0xFFFF
        message = s7(3, reference, pair[2], pair[3]) if index % 2 else s7(1, reference, pair[0], pair[1])
        start = pdus.octets.append(message, 0, len(message))
        row = pdus.new_row()
        for name, value in (("packet", index), ("timestamp_ns", 1000 * index), ("frame", index + 1), ("flow", index // 2 % 8),
                            ("direction", index % 2), ("source", index % 2), ("destination", 1 - index % 2), ("start", start),
                            ("end", start + len(message)), ("framing", 0), ("flags", 0)):
            getattr(pdus, name)[row] = value
    return pdus


def main() -> None:
    print(f"compiled: {is_compiled()}")
    for name, pair in PAIRS.items():
        pdus = batch(pair)
        assert PROTOCOL.dissector is not None
        number = protocol_id("s7comm")
        dissector = PROTOCOL.dissector(number, Limits())
        assert CARRIER.dissector is not None
        carrier = CARRIER.dissector(protocol_id("tpkt"), Limits())
        assert isinstance(carrier, Carrier)
        operations, anomalies = Operations(PDUS), Anomalies()
        best = float("inf")
        for _ in range(REPEATS if is_compiled() else 1):
            operations.clear()
            anomalies.clear()
            began = time.perf_counter()
            carrier.feed(pdus, operations, anomalies, [])
            dissector.feed(carrier.riders[number], operations, anomalies, [])
            best = min(best, time.perf_counter() - began)
        assert operations.rows >= PDUS
        assert anomalies.rows == 0
        print(f"{name:24} {best / PDUS * 1e9:7.1f} ns/PDU {best / operations.rows * 1e9:7.1f} ns/row")


if __name__ == "__main__":
    main()
