"""The public records (DESIGN section 6): plain dicts of JSON values, the same for JSON lines, CSV, Parquet, the store and the report.

`SCHEMA_VERSION` changes when a field changes its meaning or goes; new fields do not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otwatch.addresses import Addresses, mac_text
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.inventory.services import service_name
from otwatch.outputs.siem.community_id import community_id_of
from otwatch.outputs.times import time_text
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.vocabulary import DirectionHow, ProtocolHow, Tunnel

SCHEMA_VERSION = 2
Record = dict[str, Any]


def _absent(number: int) -> int | None:
    return number if number >= 0 else None


def flow_record(flow: dict[str, int], unanswered: int, addresses: Addresses, protocols: Sequence[ProtocolSpec], file: str) -> Record:
    """One closed flow, from its row."""
    protocol = protocols[flow["protocol"] - 1].name if flow["protocol"] else ""
    client = addresses.text(flow["client"]) if flow["client"] >= 0 else mac_text(flow["mac_client"])
    server = addresses.text(flow["server"]) if flow["server"] >= 0 else mac_text(flow["mac_server"])
    client_port, server_port = _absent(flow["client_port"]), _absent(flow["server_port"])
    return {
        "type": "flow",
        "flow": flow["number"],
        "file": file,
        "first_seen": time_text(flow["first_ns"]),
        "last_seen": time_text(flow["last_ns"]),
        "first_frame": flow["first_frame"],
        "last_frame": flow["last_frame"],
        "client": client,
        "client_port": client_port,
        "server": server,
        "server_port": server_port,
        "community_id": community_id_of(flow["ip_protocol"], client, client_port, server, server_port),
        "mac_client": mac_text(flow["mac_client"]),
        "mac_server": mac_text(flow["mac_server"]),
        "ip_protocol": _absent(flow["ip_protocol"]),
        "ethertype": _absent(flow["ethertype"]),
        "service": protocol or service_name(flow["ip_protocol"], flow["server_port"], flow["ethertype"]),
        "protocol": protocol,
        "protocol_how": ProtocolHow(flow["protocol_how"]).name.lower(),
        "direction_how": DirectionHow(flow["direction_how"]).name.lower(),
        "vlan": _absent(flow["vlan_outer"]),
        "vlan_inner": _absent(flow["vlan_inner"]),
        "tunnel": Tunnel(flow["tunnel"]).name.lower() if flow["tunnel"] else None,
        "tunnel_id": _absent(flow["tunnel_id"]),
        **{
            name: flow[name]
            for name in (
                "packets_to_server",
                "packets_to_client",
                "bytes_to_server",
                "bytes_to_client",
                "payload_to_server",
                "payload_to_client",
                "pdus",
                "violations",
                "gaps",
                "gap_bytes",
                "retransmissions",
                "conflicts",
                "skipped_bytes",
                "duplicates",
                "mac_changes",
            )
        },
        "tcp_flags_to_server": flow["tcp_flags_to_server"],
        "tcp_flags_to_client": flow["tcp_flags_to_client"],
        "one_way": not (flow["packets_to_server"] and flow["packets_to_client"]),
        "unanswered_requests": unanswered,
    }


def anomaly_record(row: dict[str, int], name: str, flow_number: int, addresses: Addresses, file: str) -> Record:
    """One row of anomalies."""
    return {
        "type": "anomaly",
        "time": time_text(row["timestamp_ns"]),
        "file": file,
        "frame": row["frame"] or None,
        "flow": flow_number or None,
        "src": addresses.text(row["source"]) if row["source"] >= 0 else None,
        "dst": addresses.text(row["destination"]) if row["destination"] >= 0 else None,
        "kind": name,
        "offset": _absent(row["offset"]),
        "needed": _absent(row["needed"]),
        "had": _absent(row["had"]),
    }


def fact_record(fact: Fact, addresses: Addresses, file: str) -> Record:
    """One fact as a message told it."""
    return {
        "type": "fact",
        "time": time_text(fact.timestamp_ns),
        "file": file,
        "frame": fact.frame,
        "address": addresses.text(fact.address),
        "child": fact.child,
        "kind": fact.kind,
        "value": fact.value,
        "source": fact.source,
        "confidence": fact.confidence,
        "by": addresses.text(fact.peer) if fact.peer >= 0 else None,
    }


def asset_record(asset: Asset) -> Record:
    """One asset: identity attributes as plain fields, and again with source, file, frame, time, confidence and count in `identity`."""
    record = _fields(asset)
    record["facts"] = [_fields(fact) for fact in asset.facts]
    record["identity"] = {kind: _fields(fact) for kind, fact in asset.identity.items()}
    record["children"] = [{**_fields(child), "facts": [_fields(fact) for fact in child.facts]} for child in asset.children]
    first, last = record.pop("first_seen_ns"), record.pop("last_seen_ns")
    said = {kind: asset.said(kind) for kind in ("model", "order_number", "hardware", "firmware", "boot_loader", "software", "serial", "os")}
    for fact in (*record["facts"], *record["identity"].values(), *(fact for child in record["children"] for fact in child["facts"])):
        fact["first_seen"], fact["last_seen"] = (time_text(fact.pop(name)) if fact[name] else None for name in ("first_ns", "last_ns"))
    return {"type": "asset", **record, **said, "first_seen": time_text(first), "last_seen": time_text(last)}


def _fields(of: Asset | Child | KnownFact | Talk) -> Record:
    """The fields of a dataclass as they are; `asdict` copies all that is in them, which takes ten times as long."""
    return {name: getattr(of, name) for name in of.__dataclass_fields__}


def talk_record(talk: Talk) -> Record:
    """One conversation."""
    record = _fields(talk)
    first, last = record.pop("first_seen_ns"), record.pop("last_seen_ns")
    return {"type": "conversation", **record, "first_seen": time_text(first), "last_seen": time_text(last)}
