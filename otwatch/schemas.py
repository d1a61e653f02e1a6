"""The tables, declared once: the contract between the stages. docs/reference/tables.md is generated from here.

A column holds one number per row. `-1` means "not there" in every signed column, unless the column says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its NumPy dtype, what it means (with its unit), and what a row holds that does not set it."""

    name: str
    dtype: str
    doc: str
    default: int = -1


@dataclass(frozen=True, slots=True)
class Schema:
    """A table's name and its columns, in order."""

    name: str
    columns: tuple[Column, ...]


_I32, _I64, _U8 = "int32", "int64", "uint8"

PACKETS = Schema("packets", (
    # filled by capture
    Column("timestamp_ns", _I64, "capture time, nanoseconds since 1970-01-01 UTC", 0),
    Column("frame", _I64, "1-based number of the packet in its file", 0),
    Column("at", _I64, "offset of the first captured byte in the batch's data", 0),
    Column("captured_length", _I32, "bytes captured", 0),
    Column("wire_length", _I32, "bytes on the wire", 0),
    Column("link_type", _I32, "LINKTYPE_ value of the interface (tcpdump.org registry)", 1),
    Column("interface", _I32, "interface number in the file or of the sensor", 0),
    Column("vlan_stripped", _I32, "802.1Q tag control information that the network card took off, where a live source gives it back"),
    # filled by decode: innermost headers after unwrapping tunnels
    Column("mac_source", _I64, "48-bit source MAC of the innermost Ethernet header"),
    Column("mac_destination", _I64, "48-bit destination MAC"),
    Column("vlan_outer", _I32, "VLAN id of the outermost tag"),
    Column("vlan_inner", _I32, "VLAN id of the second tag"),
    Column("vlan_count", _U8, "number of tags", 0),
    Column("ethertype", _I32, "EtherType of the innermost payload; 802.3 frames: the LLC DSAP/SSAP pair, negated minus 2"),
    Column("link_protocol", _U8, "id of the protocol that takes the frame whole (ProtocolSpec.links), 0 where none does", 0),
    Column("tunnel", _U8, "Tunnel: outermost encapsulation that was unwrapped", 0),
    Column("tunnel_id", _I64, "its id: ERSPAN session, VXLAN/Geneve VNI, GRE key, MPLS label, PPPoE session"),
    Column("arp_operation", _U8, "1 request, 2 reply, 0 not ARP; then source and destination are the sender's and target's IP", 0),
    Column("arp_mac", _I64, "sender hardware address inside ARP"),
    Column("source", _I32, "interned id of the source IP address"),
    Column("destination", _I32, "interned id of the destination IP address"),
    Column("ip_protocol", _I32, "IP protocol number of the innermost header"),
    Column("ttl", _I32, "IPv4 time to live or IPv6 hop limit"),
    Column("source_port", _I32, "TCP or UDP port; ICMP: type"),
    Column("destination_port", _I32, "TCP or UDP port; ICMP: code"),
    Column("tcp_flags", _I32, "the nine TCP flag bits, FIN = 1", 0),
    Column("tcp_sequence", _I64, "sequence number of the first payload byte (after SYN: of the SYN)"),
    Column("tcp_acknowledgement", _I64, "acknowledgement number, -1 without ACK"),
    Column("payload_at", _I64, "offset of the payload in data, or in side when the packet was reassembled from fragments", 0),
    Column("payload_length", _I32, "payload bytes that are there", 0),
    Column("payload_missing", _I32, "payload bytes that were on the wire and not captured (snap length)", 0),
    Column("flags", _I32, "PacketFlag bits", 0),
    # filled by streams
    Column("flow", _I32, "slot of the packet's flow"),
    Column("direction", _U8, "0 client to server, 1 server to client", 0),
))

FLOWS = Schema("flows", (
    Column("number", _I64, "the flow's own number, counted from 1 in order of appearance; slots are reused, numbers never", 0),
    Column("client", _I32, "interned address of the side that opened the flow, as far as is known"),
    Column("server", _I32, "interned address of the other side"),
    Column("client_port", _I32, "port of the client"),
    Column("server_port", _I32, "port of the server"),
    Column("ip_protocol", _I32, "IP protocol number; -1 for link-layer flows"),
    Column("ethertype", _I32, "EtherType"),
    Column("mac_client", _I64, "MAC first seen for the client (of the router when the client is behind one)"),
    Column("mac_server", _I64, "MAC first seen for the server"),
    Column("mac_changes", _I32, "times the MAC of either side changed within the flow", 0),
    Column("vlan_outer", _I32, "outermost VLAN id of the first packet"),
    Column("vlan_inner", _I32, "second VLAN id of the first packet"),
    Column("tunnel", _U8, "Tunnel of the first packet", 0),
    Column("tunnel_id", _I64, "its id"),
    Column("first_ns", _I64, "time of the first packet", 0),
    Column("last_ns", _I64, "time of the last packet", 0),
    Column("first_frame", _I64, "frame of the first packet", 0),
    Column("last_frame", _I64, "frame of the last packet", 0),
    Column("packets_to_server", _I64, "packets from the client", 0),
    Column("packets_to_client", _I64, "packets from the server", 0),
    Column("bytes_to_server", _I64, "bytes on the wire from the client", 0),
    Column("bytes_to_client", _I64, "bytes on the wire from the server", 0),
    Column("payload_to_server", _I64, "transport payload bytes from the client", 0),
    Column("payload_to_client", _I64, "transport payload bytes from the server", 0),
    Column("answered_ns", _I64, "time of the first packet of the second side to be heard that is not a reset"),
    Column("refused_ns", _I64, "time of the first reset of the second side, where nothing else had come from it"),
    Column("data_to_server_ns", _I64, "time of the client's first payload"),
    Column("data_to_client_ns", _I64, "time of the server's first payload"),
    Column("tcp_flags_to_server", _I32, "all TCP flags seen from the client", 0),
    Column("tcp_flags_to_client", _I32, "all TCP flags seen from the server", 0),
    Column("direction_how", _U8, "DirectionHow: how client and server were distinguished", 0),
    Column("protocol", _U8, "id of the application protocol, 0 unknown", 0),
    Column("protocol_how", _U8, "ProtocolHow: by port hint only, confirmed by content, or detached", 0),
    Column("pdus", _I64, "well-formed PDUs", 0),
    Column("violations", _I64, "PDUs that broke the framing", 0),
    Column("gaps", _I32, "times bytes were missing in the stream", 0),
    Column("gap_bytes", _I64, "bytes that were never captured", 0),
    Column("retransmissions", _I32, "segments that only repeated bytes", 0),
    Column("conflicts", _I32, "segments that repeated a range with other bytes", 0),
    Column("skipped_bytes", _I64, "stream bytes skipped to find the next PDU", 0),
    Column("duplicates", _I64, "packets of the flow that the tap delivered twice", 0),
))

FLOW_EVENTS = Schema("flow_events", (
    Column("timestamp_ns", _I64, "time", 0),
    Column("frame", _I64, "frame", 0),
    Column("flow", _I32, "slot"),
    Column("kind", _U8, "FlowEvent", 0),
))

PDUS = Schema("pdus", (
    Column("packet", _I32, "row in packets of the packet in which the PDU ends"),
    Column("timestamp_ns", _I64, "its time", 0),
    Column("frame", _I64, "its frame number", 0),
    Column("flow", _I32, "slot of the flow"),
    Column("direction", _U8, "0 client to server, 1 server to client", 0),
    Column("source", _I32, "interned address of the sender"),
    Column("destination", _I32, "interned address of the receiver"),
    Column("start", _I64, "first byte in octets", 0),
    Column("end", _I64, "one past the last byte in octets", 0),
    Column("framing", _U8, "index into the protocol's framings", 0),
    Column("flags", _I32, "PduFlag bits", 0),
    Column("sequence", _I64, "TCP sequence number of the byte behind it; -1 of a datagram or a frame"),
    Column("awaits", _I64, "TCP acknowledgement number of its segment, where bytes of the other side before it were not captured yet; else -1"),
    # filled by carriers only, for those who ride on them
    Column("channel", _I64, "the carrier's dialogue that it belongs to: see the carrier's page"),
    Column("reference", _I64, "what the carrier pairs by, or says of it beside"),
))

OPERATIONS = Schema("operations", (
    Column("packet", _I32, "row in packets of the packet in which the PDU ends"),
    Column("timestamp_ns", _I64, "its time", 0),
    Column("frame", _I64, "its frame number", 0),
    Column("flow", _I32, "slot of the flow"),
    Column("direction", _U8, "0 client to server, 1 server to client", 0),
    Column("source", _I32, "interned address of the sender"),
    Column("destination", _I32, "interned address of the receiver"),
    Column("role", _U8, "Role: request, response or event", 0),
    Column("protocol", _U8, "protocol id", 0),
    Column("function", _I32, "function code of the wire"),
    Column("subfunction", _I32, "subfunction code"),
    Column("action", _U8, "Action", 0),
    Column("unit", _I64, "unit id, link address, rack/slot, common address: see the protocol's page"),
    Column("area", _I32, "address space inside the device, as the protocol numbers it"),
    Column("object", _I64, "object inside the area: file, DB number, variation, instance; or a name (otwatch/names.py)"),
    Column("start", _I64, "first address"),
    Column("count", _I64, "how many"),
    Column("status", _I32, "0 ok, else the protocol's code", 0),
    Column("transaction", _I64, "transaction id, sequence number or PDU reference"),
    Column("item", _I32, "index of the item within its PDU", 0),
    Column("value_kind", _I32, "how to read the value bytes; 0 none; codes are the protocol's own", 0),
    Column("value_at", _I64, "first value byte in octets", 0),
    Column("value_length", _I32, "value bytes", 0),
    Column("request_frame", _I64, "frame of the request that a response answers"),
    Column("latency_ns", _I64, "time from request to response; -1 too where the response was captured first"),
    Column("contradicts", _U8, "1: a response that does not fit its request: another function, unit, object or value, or a second, different one", 0),
    Column("behaviour", _I32, "behaviour id"),
))

ANOMALIES = Schema("anomalies", (
    Column("packet", _I32, "row in packets, -1 when the anomaly is of no packet"),
    Column("timestamp_ns", _I64, "time", 0),
    Column("frame", _I64, "frame", 0),
    Column("flow", _I32, "slot of the flow"),
    Column("source", _I32, "interned address of the sender"),
    Column("destination", _I32, "interned address of the receiver"),
    Column("layer", _U8, "Layer, or FIRST_PROTOCOL_LAYER + protocol id", 0),
    Column("kind", _I32, "kind within the layer: a closed list per layer", 0),
    Column("offset", _I32, "offset in the layer's own bytes (frame, datagram, PDU) where it shows"),
    Column("needed", _I64, "bytes, or the value, that were needed"),
    Column("had", _I64, "bytes, or the value, that were there"),
))

BEHAVIOURS = Schema("behaviours", (
    Column("source", _I32, "interned address of who acts: sender of requests and events, receiver of responses"),
    Column("destination", _I32, "interned address of whom it acts on"),
    Column("protocol", _U8, "protocol id", 0),
    Column("role", _U8, "Role", 0),
    Column("function", _I32, "function code"),
    Column("subfunction", _I32, "subfunction code"),
    Column("action", _U8, "Action", 0),
    Column("unit", _I64, "unit"),
    Column("area", _I32, "area"),
    Column("object", _I64, "object"),
    Column("start", _I64, "first address"),
    Column("count", _I64, "how many"),
    Column("status", _I32, "status", 0),
    Column("answered", _U8, "1: packets were seen both ways in the flow of its first message", 1),
    Column("messages", _I64, "rows of operations that are this behaviour", 0),
    Column("first_ns", _I64, "first seen", 0),
    Column("second_ns", _I64, "seen for the second time", 0),
    Column("third_ns", _I64, "seen for the third time", 0),
    Column("last_ns", _I64, "last seen", 0),
    Column("first_frame", _I64, "frame of the first", 0),
    Column("last_frame", _I64, "frame of the last", 0),
))

SCHEMAS: tuple[Schema, ...] = (PACKETS, FLOWS, FLOW_EVENTS, PDUS, OPERATIONS, ANOMALIES, BEHAVIOURS)
