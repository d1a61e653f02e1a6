"""The columns of the public tables, in order: the head of a CSV or Parquet file in which there is nothing. A test holds them to the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "operations": (
        "type", "time", "file", "frame", "src", "src_port", "dst", "dst_port", "community_id", "protocol", "role", "function", "function_name",
        "subfunction",
        "action", "unit", "area", "object", "object_name", "start", "count", "value", "status", "transaction", "item", "request_frame", "latency_ns",
        "flow", "behaviour",
    ),
    "flows": (
        "type", "flow", "file", "first_seen", "last_seen", "first_frame", "last_frame", "client", "client_port", "server", "server_port",
        "community_id",
        "mac_client", "mac_server", "ip_protocol", "ethertype", "service", "protocol", "protocol_how", "direction_how", "vlan", "vlan_inner",
        "tunnel", "tunnel_id", "packets_to_server", "packets_to_client", "bytes_to_server", "bytes_to_client", "payload_to_server",
        "payload_to_client", "pdus", "violations", "gaps", "gap_bytes", "retransmissions", "conflicts", "skipped_bytes", "duplicates",
        "mac_changes", "tcp_flags_to_server", "tcp_flags_to_client", "one_way", "unanswered_requests",
    ),
    "assets": (
        "type", "id", "recording", "addresses", "macs", "merged_by", "vendor", "vendor_source", "name", "name_source", "names", "identity",
        "conflicts", "unidentified_reason", "roles", "role_reasons", "behind", "zone", "zone_inferred", "zone_level", "level", "level_source",
        "vlans", "packets_sent", "packets_received", "bytes_sent", "bytes_received", "protocols", "facts", "children", "model", "order_number",
        "hardware", "firmware", "boot_loader", "software", "serial", "os", "first_seen", "last_seen",
    ),
    "conversations": (
        "type", "client", "server", "service", "protocol", "server_port", "flows", "counts", "actions", "one_way", "accepted",
        "unanswered_requests", "vlan", "tunnel", "recording", "first_seen", "last_seen",
    ),
    "facts": (
        "type", "time", "file", "frame", "address", "child", "kind", "value", "source", "confidence", "by",
    ),
    "anomalies": (
        "type", "time", "file", "frame", "flow", "src", "dst", "kind", "offset", "needed", "had",
    ),
    "alerts": (
        "type", "time", "first_seen", "last_seen", "id", "incident", "occurrence", "rule", "title", "severity", "confidence", "count", "src",
        "dst", "src_port", "dst_port", "src_mac", "dst_mac", "src_name", "dst_name", "src_zone", "dst_zone", "transport", "protocol", "action",
        "function", "function_name", "unit", "object", "value", "community_id", "outcome", "items", "attack", "attack_v18", "file", "frames",
        "bursts", "evidence",
        "why", "false_positives", "evaluable", "references",
    ),
    "incidents": (
        "type", "time", "first_seen", "last_seen", "id", "incident", "event", "occurrence", "follows", "merged_into", "ended", "title", "severity",
        "confidence", "actor", "path", "sources", "sources_count", "forged", "targets", "targets_count", "steps", "steps_count", "gravest",
        "succeeded", "failed", "techniques", "alerts", "lines", "chain", "next", "rule", "src", "src_mac", "src_name", "src_zone", "dst",
        "dst_name", "dst_zone", "transport", "src_port", "dst_port", "protocol", "action", "function", "function_name", "unit", "object",
        "value", "outcome", "items", "count", "attack", "attack_v18", "file", "frames", "why", "false_positives", "evaluable",
    ),
}
