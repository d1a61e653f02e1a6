"""ARP: one address, two cards."""

from __future__ import annotations

import struct

import pytest

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.bindings import Bindings
from otwatch.decode.decoder import Decoder
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets
from tests.decode.craft import Raw, batches, ether

SECOND = 1_000_000_000
OWNER, INTRUDER = 0x001B1B000001, 0x00E04C000066


def told(*claims: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    """(claimant, address, MAC known, MAC said) for claims of (seconds, address, MAC), each in a batch of its own."""
    bindings, anomalies = Bindings(Limits()), Anomalies()
    for seconds, address, mac in claims:
        packets = Packets(1)
        row = packets.new_row()
        packets.timestamp_ns[row], packets.arp_operation[row] = seconds * SECOND, 2
        packets.source[row], packets.destination[row], packets.arp_mac[row] = address, 9, mac
        bindings.feed(packets, anomalies)
    assert set(anomalies.array("kind").tolist()) <= {NetworkAnomaly.ADDRESS_CONFLICT}
    return [(anomalies.source[i], anomalies.destination[i], anomalies.needed[i], anomalies.had[i]) for i in range(anomalies.rows)]


def test_an_intruder_who_takes_an_address_is_told_by_his_own() -> None:
    assert told((0, 5, OWNER), (1, 7, INTRUDER), (2, 5, INTRUDER)) == [(7, 5, OWNER, INTRUDER)]


def test_the_owner_who_insists_is_no_second_conflict() -> None:
    assert told((0, 5, OWNER), (1, 5, INTRUDER), (2, 5, OWNER)) == [(-1, 5, OWNER, INTRUDER)]


def test_an_address_may_move_after_ten_minutes() -> None:
    assert told((0, 5, OWNER), (601, 5, INTRUDER)) == []


@pytest.mark.parametrize("mac", [0x00005E000101, 0x00000C07AC0A, 0x00000C9FF00A])
def test_virtual_routers_move_by_design(mac: int) -> None:
    assert told((0, 5, OWNER), (1, 5, mac)) == []


def test_probes_claim_nothing() -> None:
    assert told((0, 5, OWNER), (1, 0, INTRUDER)) == []


def test_the_sender_of_a_probe_is_no_address() -> None:
    """RFC 5227 section 2.1.1: 0.0.0.0, which has an id like any other address, is left out where the packet is decoded."""
    frames = [Raw(ether(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac + bytes(10) + bytes([10, 0, 0, 9]), 0x0806, source=mac))
              for mac in (bytes.fromhex("001b1b000001"), bytes.fromhex("00e04c000066"))]
    for packets in batches(frames):
        addresses, anomalies = Addresses(), Anomalies()
        Decoder(addresses, Limits()).feed(packets, anomalies)
        Bindings(Limits()).feed(packets, anomalies)
        assert anomalies.rows == 0
        assert packets.array("source").tolist() == [-1, -1]
        assert [addresses.text(index) for index in packets.array("destination").tolist()] == ["10.0.0.9", "10.0.0.9"]
