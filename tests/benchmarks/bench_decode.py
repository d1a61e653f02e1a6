"""ns a packet of decode: `python tests/benchmarks/bench_decode.py`. Prints; asserts nothing, for the machine decides.

Polling Modbus/TCP between 40 clients and one server, each packet other bytes; batches of the default size, decoded again and again
at later times. The smallest of many runs: what the code costs when nobody else uses the machine.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from otwatch.addresses import Addresses
from otwatch.decode.decoder import COLUMNS, Decoder
from otwatch.limits import Limits
from otwatch.tables import Anomalies
from tests.decode.craft import Raw, batches, ether, ip4, ip6, tcp, udp

_RUNS = 40


def _request(index: int) -> bytes:
    return struct.pack(">HHHBBHH", index & 0xFFFF, 0, 6, 1, 3, index & 0xFFF, 10)


def _tcp4(index: int) -> bytes:
    client = 1 + index % 40
    return ip4(
        tcp(_request(index), source=40000 + client, seq=index * 12, ack=index * 31),
        source=f"10.0.0.{client}",
        ident=index & 0xFFFF,
    )


CASES: dict[str, Callable[[int], bytes]] = {
    "Ethernet, VLAN, IPv4, TCP": lambda index: ether(_tcp4(index), 0x0800, 5),
    "Ethernet, IPv4, TCP": lambda index: ether(_tcp4(index)),
    "Ethernet, IPv4, TCP, 1400 bytes": lambda index: ether(
        ip4(tcp(struct.pack(">I", index) * 350, seq=index * 1400), ident=index & 0xFFFF)
    ),
    "Ethernet, IPv4, UDP": lambda index: ether(ip4(udp(_request(index)), 17, ident=index & 0xFFFF)),
    "Ethernet, IPv6, TCP": lambda index: ether(ip6(tcp(_request(index), seq=index * 12)), 0x86DD),
    "ERSPAN II of IPv4, TCP": lambda index: ether(
        ip4(
            bytes.fromhex("100088be")
            + struct.pack(">I", index)
            + bytes.fromhex("1005002100000000")
            + ether(_tcp4(index)),
            47,
        )
    ),
    "GOOSE (not decoded)": lambda index: ether(struct.pack(">I", index) + bytes(150), 0x88B8),
}


def main() -> None:
    limits = Limits()
    print(f"{'filling the columns with defaults':36} ", end="")
    packets = batches([Raw(b"x")] * limits.batch_packets)[0]
    best = min(
        _timed(lambda: [packets.array(column.name).fill(column.default) for column in COLUMNS]) for _ in range(_RUNS)
    )
    print(f"{best / packets.rows:7.1f} ns/packet")
    for name, make in CASES.items():
        packets = batches([Raw(make(index), time=index * 10_000) for index in range(limits.batch_packets)])[0]
        decoder, anomalies = Decoder(Addresses(), limits), Anomalies()
        best = 1 << 62
        for _ in range(_RUNS):
            np.asarray(packets.timestamp_ns)[:] += 10**9
            best = min(best, _timed(partial(decoder.feed, packets, anomalies)))
        assert decoder.counters["duplicates"] == 0
        print(f"{name:36} {best / packets.rows:7.1f} ns/packet")


def _timed(work: Callable[[], object]) -> int:
    start = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - start


if __name__ == "__main__":
    main()
