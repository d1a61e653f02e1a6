"""ARP: one address, two cards."""

from __future__ import annotations

import pytest

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.bindings import Bindings
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets

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
