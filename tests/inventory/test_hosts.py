"""Closed flows to hosts and conversations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

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


SMALL = replace(Limits(), assets=4, conversations=8)


def test_the_limits_hold_and_count() -> None:
    hosts = folded(*({"client": number, "packets_to_client": 0} for number in range(10, 30)), limits=SMALL)
    assert len(hosts.hosts) == 4
    assert hosts.refused_hosts == 17
    assert len(hosts.conversations) == 9
    assert hosts.merged_conversations == 12
    assert hosts.conversations[(-1, -1), (2, -1), 6, -1, 0].flows == 12
    assert sum(conversation.flows for conversation in hosts.conversations.values()) == 20


def test_a_flood_without_answers_leaves_room_for_who_is_answered() -> None:
    flood = [{"client": number, "packets_to_client": 0} for number in range(10, 30)]
    hosts = folded(*flood, {"client": 90}, {"client": 91}, limits=SMALL)
    assert (90, -1) in hosts.hosts
    assert len(hosts.hosts) == 5
    assert ((90, -1), (2, -1), 6, 502, 0) in hosts.conversations
    assert len(hosts.conversations) == 10


def test_messages_of_a_known_protocol_are_proof_enough() -> None:
    flood = [{"client": number, "packets_to_client": 0} for number in range(10, 30)]
    hosts = folded(*flood, {"client": 90, "packets_to_client": 0, "pdus": 1, "protocol": 1}, limits=SMALL)
    assert (90, -1) in hosts.hosts


@pytest.mark.parametrize("many", ["client", "server", "both", "server_port", "ip_protocol"])
def test_no_kind_of_flood_makes_more_conversations_than_there_is_room_for(many: str) -> None:
    names = ("client", "server") if many == "both" else (many,)
    rows = [dict.fromkeys(names, number) | {"packets_to_client": number % 2} for number in range(10, 240)]
    hosts = folded(*rows, limits=replace(Limits(), conversations=40, assets=40))
    most = 40 * 7 // 4 + (230 if many == "ip_protocol" else 1)
    assert len(hosts.conversations) <= most
    assert len(hosts.hosts) <= 50
    assert sum(conversation.flows for conversation in hosts.conversations.values()) == 230
    assert hosts.merged_conversations >= 180


def test_a_scan_beyond_the_limit_stays_with_who_scans() -> None:
    rows = [{"client": 7, "server": number, "packets_to_client": 0} for number in range(10, 240)]
    hosts = folded(*rows, limits=replace(Limits(), conversations=40))
    assert hosts.conversations[(7, -1), (-1, -1), 6, -1, 0].flows == 230 - 60


def test_macs_and_vlans_of_a_host_are_kept_to_the_limit_and_counted() -> None:
    rows = [{"mac_client": 100 + number, "vlan_outer": number} for number in range(10)]
    hosts = folded(*rows, *rows, limits=replace(Limits(), macs_per_asset=4))
    assert hosts.hosts[1, -1].macs == {100: 2, 101: 2, 102: 2, 103: 2}
    assert hosts.hosts[1, -1].vlans == {0, 1, 2, 3}
    assert hosts.hosts[2, -1].vlans == {0, 1, 2, 3}
    assert hosts.refused_macs == 3 * 12


def test_what_is_copied_stands_apart() -> None:
    rows = [{"client": number % 50, "mac_client": number, "vlan_outer": number % 3} for number in range(1, 200)]
    whole, before = folded(*rows), folded(*rows)
    later = before.copy()
    assert (dict(later.hosts), dict(later.conversations)) == (dict(whole.hosts), dict(whole.conversations))
    later.fold(flows({"client": 3, "mac_client": 999_999, "vlan_outer": 9}, {"client": 900}), [0, 1], {})
    assert (dict(before.hosts), dict(before.conversations)) == (dict(whole.hosts), dict(whole.conversations))
    assert (900, -1) in later.hosts


def test_what_is_set_is_got() -> None:
    hosts = folded(*({"client": number % 50, "mac_client": number, "vlan_outer": number % 3} for number in range(1, 400)))
    hosts.arp(arp((1, 10), (1, 11), (1, 10)))
    again = Hosts(Limits())
    for key, host in hosts.hosts.items():
        again.hosts[key] = host
    for place, talk in hosts.conversations.items():
        again.conversations[place] = talk
    assert again.hosts == hosts.hosts
    assert again.conversations == hosts.conversations
    row = {"client": 7, "mac_client": 7, "vlan_outer": 2}
    again.fold(flows(row), [0], {})
    hosts.fold(flows(row), [0], {})
    assert again.hosts == hosts.hosts


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
    assert not hosts.hosts


def test_arrays_hold_everything() -> None:
    hosts = folded(*({"client": number % 50, "mac_client": number, "vlan_outer": number % 3} for number in range(1, 400)))
    hosts.arp(arp((1, 10), (1, 11), (1, 10)))
    again = Hosts(Limits())
    again.restore({name: array.copy() for name, array in hosts.arrays().items()}, 51)
    assert again.hosts == hosts.hosts
    assert again.conversations == hosts.conversations
    for each in (again, hosts):
        each.fold(flows({"client": 7, "mac_client": 7, "vlan_outer": 2}, {"client": 700}), [0, 1], {})
    assert again.hosts == hosts.hosts


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("hosts.address", lambda column: column[:-1]),
        ("hosts.address", lambda column: column + 1000),
        ("hosts.address", lambda column: column * 0),
        ("conversations.client", lambda column: column - 9),
        ("conversations.client", lambda column: column * 0),
        ("conversations.flows", lambda column: column.astype("float64")),
        ("conversations.flows", lambda column: column.reshape(-1, 1)),
        ("hosts.shown", lambda column: column.reshape(-1)),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name: str, change: Callable[[Any], Any]) -> None:
    arrays = folded(*({"client": number % 50, "mac_client": number} for number in range(1, 400))).arrays()
    with pytest.raises(ValueError, match=r"."):
        Hosts(Limits()).restore({**arrays, name: change(arrays[name])}, 51)
