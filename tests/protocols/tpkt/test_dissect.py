"""The carrier: what is wrong with TPKT and COTP, whole messages to the riders, and who rides."""

from __future__ import annotations

import dataclasses

import pytest

from otwatch.limits import Limits
from otwatch.protocols import protocol_of, riders_of
from otwatch.protocols.kit.cotp import CONTROL, MESSAGE
from otwatch.protocols.spec import Carrier
from otwatch.protocols.tpkt.spec import ANOMALIES
from otwatch.tables import Anomalies, Operations
from otwatch.vocabulary import PduFlag
from tests.protocols.s7comm.test_dissect import READ, STOP
from tests.protocols.s7comm.wire import MMS, PLUS, S7, Wire, connect, data, job, tpkt

SMALL = dataclasses.replace(Limits(), application_fragment_bytes=64)
PASSED = {
    "length": [(0, job(READ)[:-1])],
    "cotp-header": [(0, tpkt(b"\x02\x99\0")), (0, b"\x03\0\0\x07\x20\xf0\x80")],
    "cotp-parameter": [(0, tpkt(b"\x09\xe0\0\0\0\1\0\xc1\x09\1"))],
    "cotp-fragment": [(0, data(bytes(70), last=False))],
    "unknown-rider": [(0, data(b"hello"))],
}


@pytest.mark.parametrize("kind", [kind.name for kind in ANOMALIES])
def test_every_anomaly_is_reached(kind: str) -> None:
    wire = Wire(SMALL)
    for direction, packet in PASSED[kind]:
        wire.add(packet, direction)
    assert kind in wire.names()


def test_what_is_carried_is_a_table_of_pdus_of_each_rider() -> None:
    wire = Wire()
    assert isinstance(wire.carrier, Carrier)
    body = job(STOP)[7:]
    for message in (connect(), job(READ), data(body[:9], last=False), data(body[9:]), data(b"\x72\x01\0\0")):
        wire.ask(message)
    wire.ask(data(b"\x0d\0"), flow=1).add(b"", flow=1, flags=PduFlag.ENDED)
    wire.carrier.feed(wire.pdus, Operations(1), Anomalies(1), [])
    tables = {number: [(table.frame[row], table.framing[row], wire.octets.tobytes(table.start[row], table.end[row])[:1])
                       for row in range(table.rows) if not table.flags[row] & PduFlag.ENDED] for number, table in wire.carrier.riders.items()}
    assert tables == {S7: [(1, CONTROL, connect()[4:5]), (2, MESSAGE, b"\x32"), (4, MESSAGE, b"\x32"), (5, MESSAGE, b"\x72")],
                      MMS: [(6, MESSAGE, b"\x0d")]}
    assert [table.flags[table.rows - 1] for table in wire.carrier.riders.values()] == [PduFlag.ENDED] * 2


def test_a_gap_before_a_part_is_told_with_the_whole() -> None:
    body = job(STOP)[7:]
    wire = Wire().add(data(body[:9], last=False), 0, flags=PduFlag.AFTER_GAP).ask(data(body[9:]))
    wire.carrier.feed(wire.pdus, Operations(1), Anomalies(1), [])
    assert wire.carrier.riders[S7].flags[0] & PduFlag.AFTER_GAP


def test_who_rides() -> None:
    assert {(number, reader) for number, reader, _ in riders_of("tpkt")} == {(S7, S7), (PLUS, S7), (MMS, MMS)}
    assert riders_of("modbus") == []
    for number, _, spec in riders_of("tpkt"):
        assert protocol_of(number) is spec
        assert (spec.ports, spec.framings) == ((), ())
