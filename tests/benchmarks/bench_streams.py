"""Cost of the streams stage: `python -m tests.benchmarks.bench_streams`. Prints nanoseconds a packet of the best batch; asserts nothing."""

from __future__ import annotations

import resource
import time

import numpy as np

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies
from tests.streams import specs
from tests.streams.wire import ACK, MS, SYN, P, table

BATCH = 8192
ROUNDS = 60


def polling(flows: int, *, acks: bool, registers: int = 10) -> tuple[list[P], int]:
    """One round of Modbus polling on each flow: request, response, and the bare acknowledgement."""
    request, response = specs.modbus_request(1, 0, registers), specs.modbus_response(1, bytes(2 * registers))
    packets = []
    rounds = BATCH // (flows * (3 if acks else 2))
    for turn in range(max(1, rounds)):
        for flow in range(flows):
            port, seq, ack = 40000 + flow % 20000, 100 + 12 * turn, 200 + len(response) * turn
            client = 10 + flow // 20000
            packets.append(P(request, seq, ack, client_port=port, source=client, at=turn * MS))
            packets.append(P(response, ack, seq + 12, back=True, client_port=port, source=client, at=turn * MS))
            if acks:
                packets.append(P(b"", seq + 12, ack + len(response), client_port=port, source=client, at=turn * MS))
    return packets, max(1, rounds)


def measure(name: str, packets: list[P], step: tuple[int, int]) -> None:
    """Feeds the same batch again and again, its sequence numbers moved on."""
    best = 1e9
    for _ in range(5):
        batch = table(packets)
        streams = Streams(Addresses(), Limits(), specs.SPECS)
        anomalies = Anomalies()
        back = batch.array("source") == 2
        sequence, acknowledgement, times = batch.array("tcp_sequence"), batch.array("tcp_acknowledgement"), batch.array("timestamp_ns")
        forward = np.where(back, step[1], step[0])
        backward = np.where(back, step[0], step[1])
        streams.feed(batch, anomalies)
        pdus = 0
        for _ in range(ROUNDS):
            sequence[:] = (sequence + forward) & 0xFFFFFFFF
            acknowledgement[:] = (acknowledgement + backward) & 0xFFFFFFFF
            times += 10 * MS
            started = time.perf_counter()
            streams.feed(batch, anomalies)
            best = min(best, (time.perf_counter() - started) / batch.rows)
            pdus += sum(table.rows for table in streams.pdus)
    print(f"{name:40} {best * 1e9:8.1f} ns a packet, {pdus / ROUNDS / batch.rows:.2f} PDUs a packet, {anomalies.rows} anomalies")


def flood(flows: int) -> None:
    """SYN packets, each of a new flow, and the memory afterwards."""
    batch = table([P(flags=SYN, seq=7)] * BATCH)
    streams = Streams(Addresses(), Limits(), specs.SPECS)
    sources, ports, times = batch.array("source"), batch.array("source_port"), batch.array("timestamp_ns")
    started, number = time.perf_counter(), 0
    for first in range(0, flows, BATCH):
        numbers = np.arange(first, first + BATCH)
        sources[:] = 10 + numbers // 60000
        ports[:] = 1 + numbers % 60000
        times[:] = numbers
        streams.feed(batch, Anomalies())
        number += BATCH
        if number in {BATCH * 64, BATCH * 256}:
            print(f"  {number:10} flows, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    spent = time.perf_counter() - started
    print(f"{'flood of new flows':40} {spent / number * 1e9:8.1f} ns a packet, {number} flows, peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, {streams.counters['flows_evicted']} evicted")


def main() -> None:
    """All of them."""
    for flows in (1, 50, 2000):
        packets, rounds = polling(flows, acks=False)
        length = len(specs.modbus_response(1, bytes(20)))
        measure(f"{flows} flows, request and response", packets, (12 * rounds, length * rounds))
        packets, rounds = polling(flows, acks=True)
        measure(f"{flows} flows, with bare acknowledgements", packets, (12 * rounds, length * rounds))
    measure("50 flows, acknowledgements only", [P(b"", 1, 1, client_port=40000 + i % 50, flags=ACK) for i in range(BATCH)], (0, 0))
    measure("50 flows of unknown UDP", [P(b"\xff" * 64, proto=17, server_port=9999, client_port=40000 + i % 50) for i in range(BATCH)], (0, 0))
    flood(4_000_000)


if __name__ == "__main__":
    main()
