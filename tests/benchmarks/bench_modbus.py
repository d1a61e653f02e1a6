"""Nanoseconds per PDU of Modbus dissection, pairing included: `python tests/benchmarks/bench_modbus.py`. No test: it only prints."""

from __future__ import annotations

import struct
import time

from otwatch import is_compiled
from otwatch.limits import Limits
from otwatch.protocols.modbus import PROTOCOL
from otwatch.tables import Anomalies, Octets, Operations, Pdus

PDUS = 8192  # a batch
REPEATS = 50
READ = b"\x03\x00\x64\x00\x0a"
PAIRS = {
    "read 10 registers": (READ, b"\x03\x14" + bytes(20)),
    "read 125 registers": (b"\x03\x00\x64\x00\x7d", b"\x03\xfa" + bytes(250)),
    "write 10 registers": (b"\x10\x00\x64\x00\x0a\x14" + bytes(20), b"\x10\x00\x64\x00\x0a"),
    "write one register": (b"\x06\x00\x64\x00\x0a", b"\x06\x00\x64\x00\x0a"),
}


def batch(request: bytes, response: bytes) -> Pdus:
    """Requests and their responses over eight flows."""
    pdus = Pdus(Octets(), PDUS)
    for index in range(PDUS):
        body = response if index % 2 else request
        message = struct.pack(">HHHB", index // 2 & 0xFFFF, 0, len(body) + 1, 1) + body
        start = pdus.octets.append(message, 0, len(message))
        row = pdus.new_row()
        for name, value in (("packet", index), ("timestamp_ns", 1000 * index), ("frame", index + 1), ("flow", index // 2 % 8),
                            ("direction", index % 2), ("source", index % 2), ("destination", 1 - index % 2), ("start", start),
                            ("end", start + len(message)), ("framing", 0), ("flags", 0)):
            getattr(pdus, name)[row] = value
    return pdus


def main() -> None:
    print(f"compiled: {is_compiled()}")
    for name, (request, response) in PAIRS.items():
        pdus = batch(request, response)
        dissector = PROTOCOL.dissector(1, Limits())
        operations, anomalies = Operations(PDUS), Anomalies()
        best = float("inf")
        for _ in range(REPEATS if is_compiled() else 1):
            operations.clear()
            anomalies.clear()
            began = time.perf_counter()
            dissector.feed(pdus, operations, anomalies, [])
            best = min(best, time.perf_counter() - began)
        assert operations.rows == PDUS
        assert anomalies.rows == 0
        print(f"{name:20} {best / PDUS * 1e9:7.1f} ns/PDU")


if __name__ == "__main__":
    main()
