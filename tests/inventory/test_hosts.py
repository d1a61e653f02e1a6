"""Closed flows to hosts and conversations."""

from __future__ import annotations

from dataclasses import replace

from otwatch.inventory.hosts import Hosts
from otwatch.limits import Limits
from otwatch.tables import Flows, Packets


def flows(*rows: dict[str, int]) -> Flows:
    table = Flows(max(1, len(rows)))
    for row in rows:
        index = table.new_row()
        given = {"client": 1, "server": 2, "server_port": 502, "ip_protocol": 6, "ethertype": 0x0800, "mac_client": 10, "mac_server": 20,
                 "packets_to_server": 3, "packets_to_client": 2, "first_ns": 5, "last_ns": 9, **row}
        for column in table.schema.columns:
            getattr(table, column.name)[index] = given.get(column.name, column.default)
    return table


def folded(*rows: dict[str, int], limits: Limits | None = None) -> Hosts:
    hosts = Hosts(limits or Limits())
    hosts.fold(flows(*rows), range(len(rows)), {0: 4})
    return hosts


def test_flows_of_one_service_add_up() -> None:
    hosts = folded({"first_ns": 50, "last_ns": 60}, {"first_ns": 10, "last_ns": 20})
    (conversation,) = hosts.conversations.values()
    assert (conversation.flows, conversation.answered, conversation.unanswered_requests) == (2, 2, 4)
    assert (conversation.first_ns, conversation.last_ns) == (10, 60)
    assert conversation.counts["packets_to_server"] == 6
    assert (hosts.hosts[1, -1].packets_sent, hosts.hosts[1, -1].packets_received) == (6, 4)


def test_folding_in_parts_is_the_same() -> None:
    rows = [{"first_ns": 50, "last_ns": 60}, {"client": 3}, {"client": 1, "protocol": 2}]
    parts = Hosts(Limits())
    for row in rows:
        parts.fold(flows(row), [0], {})
    whole = Hosts(Limits())
    whole.fold(flows(*rows), range(3), {})
    assert parts.hosts == whole.hosts
    assert parts.conversations == whole.conversations


def test_a_reset_is_no_service_and_an_accepted_connection_is() -> None:
    (refused,) = folded({"tcp_flags_to_client": 0x14}).conversations.values()
    (accepted,) = folded({"tcp_flags_to_client": 0x12}).conversations.values()
    assert not refused.served
    assert accepted.served


def test_a_silent_server_shows_no_mac() -> None:
    hosts = folded({"packets_to_client": 0})
    assert hosts.hosts[2, -1].macs == {}
    assert hosts.hosts[1, -1].macs == {10: 1}


def test_hosts_without_ip_are_told_apart_by_mac() -> None:
    hosts = folded({"client": -1, "server": -1, "ip_protocol": -1})
    assert set(hosts.hosts) == {(-1, 10), (-1, 20)}


def test_the_limits_hold_and_count() -> None:
    hosts = folded(*({"client": number} for number in range(10, 20)), limits=replace(Limits(), assets=4, conversations=3))
    assert len(hosts.hosts) == 4
    assert hosts.refused_hosts == 7
    assert len(hosts.conversations) == 4
    assert hosts.merged_conversations == 7
    assert sum(conversation.flows for conversation in hosts.conversations.values()) == 10


def arp(*rows: tuple[int, int]) -> Packets:
    packets = Packets(8)
    for address, mac in rows:
        row = packets.new_row()
        for column in packets.schema.columns:
            getattr(packets, column.name)[row] = column.default
        packets.arp_operation[row] = 1
        packets.source[row], packets.arp_mac[row], packets.frame[row], packets.timestamp_ns[row] = address, mac, row + 1, row + 100
    return packets


def test_every_mac_that_arp_names_is_kept() -> None:
    hosts = Hosts(Limits())
    hosts.arp(arp((1, 10), (1, 10), (1, 66), (2, 20)))
    assert hosts.hosts[1, -1].arp_macs == {10: 2, 66: 1}


def test_arp_of_nobody_is_nothing() -> None:
    hosts = Hosts(Limits())
    hosts.arp(arp((0, 10), (-1, 10), (3, -1)))
    assert hosts.hosts == {}
