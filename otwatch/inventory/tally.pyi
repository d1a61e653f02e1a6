# The types of tally.py, which is compiled.
from typing import Final

from otwatch.limits import Limits
from otwatch.schemas import Schema
from otwatch.tables import Flows, Packets, Table

SUMMED: Final[tuple[str, ...]]
HOSTS: Final[Schema]
TALKS: Final[Schema]

class HostRows(Table):
    address: memoryview[int]
    mac: memoryview[int]
    shown_mac: memoryview[int]
    shown_times: memoryview[int]
    told_mac: memoryview[int]
    told_times: memoryview[int]
    vlan: memoryview[int]
    first_ns: memoryview[int]
    last_ns: memoryview[int]
    packets_sent: memoryview[int]
    packets_received: memoryview[int]
    bytes_sent: memoryview[int]
    bytes_received: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...

class TalkRows(Table):
    client: memoryview[int]
    client_mac: memoryview[int]
    server: memoryview[int]
    server_mac: memoryview[int]
    ip_protocol: memoryview[int]
    server_port: memoryview[int]
    protocol: memoryview[int]
    ethertype: memoryview[int]
    vlan: memoryview[int]
    tunnel: memoryview[int]
    first_ns: memoryview[int]
    last_ns: memoryview[int]
    first_frame: memoryview[int]
    flows: memoryview[int]
    answered: memoryview[int]
    unanswered_requests: memoryview[int]
    protocol_how: memoryview[int]
    tcp_flags_to_client: memoryview[int]
    packets_to_server: memoryview[int]
    packets_to_client: memoryview[int]
    bytes_to_server: memoryview[int]
    bytes_to_client: memoryview[int]
    payload_to_server: memoryview[int]
    payload_to_client: memoryview[int]
    pdus: memoryview[int]
    violations: memoryview[int]
    gaps: memoryview[int]
    gap_bytes: memoryview[int]
    retransmissions: memoryview[int]
    conflicts: memoryview[int]
    duplicates: memoryview[int]
    skipped_bytes: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...

class Tally:
    hosts: HostRows
    talks: TalkRows
    shown: dict[int, dict[int, int]]
    told: dict[int, dict[int, int]]
    vlans: dict[int, dict[int, int]]
    refused_hosts: int
    merged_talks: int
    refused_macs: int
    most_hosts: int
    most_talks: int
    most_unanswered_hosts: int
    most_unanswered_talks: int
    unanswered_hosts: int
    unanswered_talks: int
    most_macs: int
    def __init__(self, limits: Limits) -> None: ...
    def copy(self, limits: Limits) -> Tally: ...
    def fold(self, flows: Flows, slots: memoryview[int], unanswered: dict[int, int]) -> None: ...
    def recount(self) -> None: ...
    def rehash(self) -> None: ...
    def arp(self, packets: Packets) -> None: ...
    def find_host(self, address: int, mac: int) -> int: ...
    def host(self, address: int, mac: int, proven: int) -> int: ...
    def find_talk(self, client: int, client_mac: int, server: int, server_mac: int, ip_protocol: int, port: int, protocol: int) -> int: ...
    def talk(
        self, client: int, client_mac: int, server: int, server_mac: int, ip_protocol: int, port: int, protocol: int, proven: int
    ) -> int: ...
