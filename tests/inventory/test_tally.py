"""The tally against what it does, written down as plainly as possible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.inventory.hosts import Hosts
from otwatch.inventory.tally import SUMMED
from otwatch.limits import Limits
from tests.inventory.test_hosts import flows

ROW = st.fixed_dictionaries(
    {
        "client": st.integers(-1, 4),
        "server": st.integers(-1, 4),
        "mac_client": st.integers(-1, 6),
        "mac_server": st.integers(-1, 6),
        "ip_protocol": st.sampled_from((-1, 1, 6, 17)),
        "server_port": st.sampled_from((-1, 80, 502)),
        "ethertype": st.sampled_from((0x0800, 0x0806)),
        "protocol": st.integers(0, 2),
        "protocol_how": st.integers(0, 3),
        "vlan_outer": st.integers(-1, 3),
        "tunnel": st.integers(0, 2),
        "tcp_flags_to_client": st.sampled_from((0, 0x12, 0x14)),
        "first_ns": st.integers(1, 50),
        "last_ns": st.integers(50, 99),
        "first_frame": st.integers(1, 99),
        "packets_to_server": st.integers(0, 3),
        "packets_to_client": st.integers(0, 3),
        "bytes_to_server": st.integers(0, 999),
        "gap_bytes": st.integers(0, 5),
        "pdus": st.integers(0, 2),
    }
)


class Plain:
    """Dicts of dicts."""

    def __init__(self) -> None:
        self.hosts: dict[Any, dict[str, Any]] = {}
        self.talks: dict[Any, dict[str, Any]] = {}

    def fold(self, flow: dict[str, int], unanswered: int) -> None:
        ends = []
        for side, other in (("client", "server"), ("server", "client")):
            key = flow[side], -1 if flow[side] >= 0 else flow[f"mac_{side}"]
            ends.append(key)
            sent, received = flow[f"packets_to_{other}"], flow[f"packets_to_{side}"]
            host = self.hosts.setdefault(
                key,
                {"macs": {}, "vlans": set(), "first_ns": flow["first_ns"], "last_ns": 0, "packets_sent": 0, "packets_received": 0, "bytes_sent": 0,
                 "bytes_received": 0, "arp_macs": {}},
            )
            mac = flow[f"mac_{side}"]
            if mac >= 0 and (side == "client" or sent):
                host["macs"][mac] = host["macs"].get(mac, 0) + 1
            host["vlans"] |= {flow["vlan_outer"]} - {-1}
            host["first_ns"], host["last_ns"] = min(host["first_ns"], flow["first_ns"]), max(host["last_ns"], flow["last_ns"])
            host["packets_sent"] += sent
            host["packets_received"] += received
            host["bytes_sent"] += flow[f"bytes_to_{other}"]
            host["bytes_received"] += flow[f"bytes_to_{side}"]
        place = (*ends, flow["ip_protocol"], flow["server_port"] if flow["ip_protocol"] in (6, 17) else -1, flow["protocol"])
        talk = self.talks.setdefault(
            place,
            {"ethertype": flow["ethertype"], "vlan": flow["vlan_outer"], "tunnel": flow["tunnel"], "first_frame": flow["first_frame"],
             "first_ns": flow["first_ns"], "last_ns": 0, "flows": 0, "answered": 0, "unanswered_requests": 0, "protocol_how": 0,
             "tcp_flags_to_client": 0, "counts": dict.fromkeys(SUMMED, 0)},
        )
        talk["first_ns"], talk["last_ns"] = min(talk["first_ns"], flow["first_ns"]), max(talk["last_ns"], flow["last_ns"])
        talk["flows"] += 1
        talk["answered"] += flow["packets_to_server"] > 0 and flow["packets_to_client"] > 0
        talk["unanswered_requests"] += unanswered
        talk["protocol_how"] = max(talk["protocol_how"], flow["protocol_how"])
        talk["tcp_flags_to_client"] |= flow["tcp_flags_to_client"]
        for name in SUMMED:
            talk["counts"][name] += flow[name]


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=80), st.integers(1, 20), st.dictionaries(st.integers(0, 79), st.integers(1, 3), max_size=5))
def test_columns_hold_what_dicts_would(rows: list[dict[str, int]], cut: int, unanswered: dict[int, int]) -> None:
    table = flows(*rows)
    plain, hosts = Plain(), Hosts(Limits())
    for number in range(len(rows)):
        plain.fold(table.row(number), unanswered.get(number, 0))
    for start in range(0, len(rows), cut):
        hosts.fold(table, range(start, min(start + cut, len(rows))), unanswered)
    assert [key for key, _ in hosts.hosts.items()] == list(plain.hosts)
    for key, wanted in plain.hosts.items():
        found = hosts.hosts[key]
        assert {name: getattr(found, name) for name in wanted} == wanted
    assert list(hosts.conversations) == list(plain.talks)
    for place, wanted in plain.talks.items():
        talk = hosts.conversations[place]
        assert {name: getattr(talk, name) for name in wanted} == wanted


def test_many_rows_are_found_again() -> None:
    """Both hashes grow several times."""
    rows = [{"client": number, "server": 100_000 + number % 7, "server_port": number % 11} for number in range(1, 5000)]
    hosts = Hosts(replace(Limits(), assets=9000, conversations=9000))
    table = flows(*rows)
    for _ in range(2):
        hosts.fold(table, range(len(rows)), {})
    assert len(hosts.hosts) == 4999 + 7
    assert len(hosts.conversations) == 4999
    assert all(talk.flows == 2 for talk in hosts.conversations.values())
    assert all(hosts.hosts[key] == host for key, host in list(hosts.hosts.items())[::97])
    assert (5000, -1) not in hosts.hosts
