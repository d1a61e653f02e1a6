# The types of tables.py. Written by docs/reference/declare_tables.py from schemas.py.
from typing import Any

import numpy as np

from otwatch.schemas import Schema

Bytes = memoryview[int] | bytes | bytearray

class Octets:
    data: memoryview[int]
    used: int
    def __init__(self, capacity: int = ...) -> None: ...
    def reserve(self, length: int) -> int: ...
    def append(self, source: Bytes, start: int, end: int) -> int: ...
    def clear(self) -> None: ...
    def tobytes(self, start: int, end: int) -> bytes: ...

class Table:
    schema: Schema
    rows: int
    capacity: int
    columns: dict[str, np.ndarray[Any, Any]]
    def __init__(self, schema: Schema, capacity: int = ...) -> None: ...
    def grow(self, capacity: int) -> Any: ...
    def new_row(self) -> int: ...
    def clear(self) -> None: ...
    def array(self, name: str) -> np.ndarray[Any, Any]: ...
    def row(self, index: int) -> dict[str, int]: ...

class Packets(Table):
    data: memoryview[int]
    side: Octets
    file: Any
    timestamp_ns: memoryview[int]
    frame: memoryview[int]
    at: memoryview[int]
    captured_length: memoryview[int]
    wire_length: memoryview[int]
    link_type: memoryview[int]
    interface: memoryview[int]
    vlan_stripped: memoryview[int]
    mac_source: memoryview[int]
    mac_destination: memoryview[int]
    vlan_outer: memoryview[int]
    vlan_inner: memoryview[int]
    vlan_count: memoryview[int]
    ethertype: memoryview[int]
    link_protocol: memoryview[int]
    tunnel: memoryview[int]
    tunnel_id: memoryview[int]
    arp_operation: memoryview[int]
    arp_mac: memoryview[int]
    source: memoryview[int]
    destination: memoryview[int]
    ip_protocol: memoryview[int]
    ttl: memoryview[int]
    source_port: memoryview[int]
    destination_port: memoryview[int]
    tcp_flags: memoryview[int]
    tcp_sequence: memoryview[int]
    tcp_acknowledgement: memoryview[int]
    payload_at: memoryview[int]
    payload_length: memoryview[int]
    payload_missing: memoryview[int]
    flags: memoryview[int]
    flow: memoryview[int]
    direction: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...

class Flows(Table):
    number: memoryview[int]
    client: memoryview[int]
    server: memoryview[int]
    client_port: memoryview[int]
    server_port: memoryview[int]
    ip_protocol: memoryview[int]
    ethertype: memoryview[int]
    mac_client: memoryview[int]
    mac_server: memoryview[int]
    mac_changes: memoryview[int]
    vlan_outer: memoryview[int]
    vlan_inner: memoryview[int]
    tunnel: memoryview[int]
    tunnel_id: memoryview[int]
    first_ns: memoryview[int]
    last_ns: memoryview[int]
    first_frame: memoryview[int]
    last_frame: memoryview[int]
    packets_to_server: memoryview[int]
    packets_to_client: memoryview[int]
    bytes_to_server: memoryview[int]
    bytes_to_client: memoryview[int]
    payload_to_server: memoryview[int]
    payload_to_client: memoryview[int]
    answered_ns: memoryview[int]
    refused_ns: memoryview[int]
    data_to_server_ns: memoryview[int]
    data_to_client_ns: memoryview[int]
    tcp_flags_to_server: memoryview[int]
    tcp_flags_to_client: memoryview[int]
    direction_how: memoryview[int]
    protocol: memoryview[int]
    protocol_how: memoryview[int]
    pdus: memoryview[int]
    violations: memoryview[int]
    gaps: memoryview[int]
    gap_bytes: memoryview[int]
    retransmissions: memoryview[int]
    conflicts: memoryview[int]
    skipped_bytes: memoryview[int]
    duplicates: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...

class FlowEvents(Table):
    timestamp_ns: memoryview[int]
    frame: memoryview[int]
    flow: memoryview[int]
    kind: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...

class Pdus(Table):
    octets: Octets
    packets: Packets | None
    packet: memoryview[int]
    timestamp_ns: memoryview[int]
    frame: memoryview[int]
    flow: memoryview[int]
    direction: memoryview[int]
    source: memoryview[int]
    destination: memoryview[int]
    start: memoryview[int]
    end: memoryview[int]
    framing: memoryview[int]
    flags: memoryview[int]
    sequence: memoryview[int]
    awaits: memoryview[int]
    channel: memoryview[int]
    reference: memoryview[int]
    def __init__(self, octets: Octets, capacity: int = ...) -> None: ...

class Operations(Table):
    packet: memoryview[int]
    timestamp_ns: memoryview[int]
    frame: memoryview[int]
    flow: memoryview[int]
    direction: memoryview[int]
    source: memoryview[int]
    destination: memoryview[int]
    role: memoryview[int]
    protocol: memoryview[int]
    function: memoryview[int]
    subfunction: memoryview[int]
    action: memoryview[int]
    unit: memoryview[int]
    area: memoryview[int]
    object: memoryview[int]
    start: memoryview[int]
    count: memoryview[int]
    status: memoryview[int]
    transaction: memoryview[int]
    item: memoryview[int]
    value_kind: memoryview[int]
    value_at: memoryview[int]
    value_length: memoryview[int]
    request_frame: memoryview[int]
    latency_ns: memoryview[int]
    contradicts: memoryview[int]
    behaviour: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...
    def add(self, pdus: Pdus, pdu: int, role: int, protocol: int, function: int, action: int) -> int: ...
    def reorder(self, order: np.ndarray[Any, Any]) -> None: ...

class Anomalies(Table):
    packet: memoryview[int]
    timestamp_ns: memoryview[int]
    frame: memoryview[int]
    flow: memoryview[int]
    source: memoryview[int]
    destination: memoryview[int]
    layer: memoryview[int]
    kind: memoryview[int]
    offset: memoryview[int]
    needed: memoryview[int]
    had: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...
    def add(self, pdus: Pdus, pdu: int, layer: int, kind: int, offset: int, needed: int, had: int) -> int: ...

class Behaviours(Table):
    source: memoryview[int]
    destination: memoryview[int]
    protocol: memoryview[int]
    role: memoryview[int]
    function: memoryview[int]
    subfunction: memoryview[int]
    action: memoryview[int]
    unit: memoryview[int]
    area: memoryview[int]
    object: memoryview[int]
    start: memoryview[int]
    count: memoryview[int]
    status: memoryview[int]
    answered: memoryview[int]
    messages: memoryview[int]
    first_ns: memoryview[int]
    second_ns: memoryview[int]
    third_ns: memoryview[int]
    last_ns: memoryview[int]
    first_frame: memoryview[int]
    last_frame: memoryview[int]
    def __init__(self, capacity: int = ...) -> None: ...
