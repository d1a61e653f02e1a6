"""The tables of a lake, declared once: their columns in Parquet and ClickHouse, and docs/reference/lake.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from otwatch.outputs.json_text import json_text
from otwatch.outputs.operation_parquet import pyarrow_module

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `kind`: time, name (text that repeats), text, number, real, flag, or json (anything, as JSON text)."""

    name: str
    kind: str
    doc: str


@dataclass(frozen=True, slots=True)
class LakeTable:
    """`time` is the column by which a row belongs to a day."""

    name: str
    doc: str
    fields: tuple[Field, ...]
    time: str = "time"


_PLACE: Final = (Field("site", "name", "the plant, as the site file names it"), Field("sensor", "name", "who observed it"))
_WHAT: Final = (
    Field("protocol", "name", "protocol"),
    Field("role", "name", "request, response or event"),
    Field("function", "number", "function code of the wire"),
    Field("function_name", "name", "its name"),
    Field("subfunction", "number", "subfunction code"),
    Field("action", "name", "what it does, in one word for all protocols"),
    Field("unit", "number", "unit id, link address, rack and slot, common address"),
    Field("area", "name", "address space inside the device"),
    Field("object", "number", "object inside the area"),
    Field("object_name", "name", "how people of the field write the object"),
    Field("start", "number", "first address"),
    Field("count", "number", "how many"),
)
_OPERATION: Final = (
    *_PLACE,
    Field("time", "time", "time of the packet in which the message ends, to the nanosecond"),
    Field("file", "name", "capture or interface"),
    Field("frame", "number", "number of that packet in its file"),
    Field("src", "name", "sender"),
    Field("src_port", "number", "its port"),
    Field("dst", "name", "receiver"),
    Field("dst_port", "number", "its port"),
    Field("community_id", "name", "Community ID version 1, as Zeek, Suricata and Arkime have it"),
    *_WHAT,
    Field("value", "json", "decoded value"),
    Field("status", "name", "ok, or the error of the protocol"),
    Field("transaction", "number", "transaction or sequence number"),
    Field("item", "number", "index of the item within its message"),
    Field("request_frame", "number", "frame of the request that a response answers"),
    Field("latency_ns", "number", "time from request to response"),
    Field("flow", "number", "number of the flow in its recording"),
    Field("behaviour", "number", "behaviour id in its recording"),
)
_SEEN: Final = (Field("first_seen", "time", "first time"), Field("last_seen", "time", "last time"))
_STORY: Final = (
    Field("severity", "name", "info, low, medium, high or critical"),
    Field("title", "text", "what it is"),
    Field("src", "name", "who acted"),
    Field("dst", "name", "the target"),
    Field("protocol", "name", "protocol"),
    Field("action", "name", "gravest action"),
    Field("outcome", "name", "what became of it"),
    Field("count", "number", "how often"),
    Field("attack", "json", "ATT&CK techniques"),
    Field("record", "json", "the whole record, as in JSON lines"),
)

TABLES: Final[Mapping[str, LakeTable]] = {
    table.name: table
    for table in (
        LakeTable("operations", "operations that act on a device, or fail: writes, controls, programs, clocks, errors; row by row", _OPERATION),
        LakeTable("reads", "all other operations row by row; only where they were asked for", _OPERATION),
        LakeTable(
            "behaviours",
            "all other operations as counts: a row for each kind of operation between two addresses in five minutes (sometimes several)",
            (
                *_PLACE,
                Field("time", "time", "start of the five minutes"),
                *_SEEN,
                Field("messages", "number", "how many rows of operations this row stands for"),
                Field("src", "name", "sender"),
                Field("dst", "name", "receiver"),
                *_WHAT,
                Field("status", "name", "ok"),
            ),
        ),
        LakeTable(
            "flows",
            "flows, when they are over",
            (
                *_PLACE,
                *_SEEN,
                Field("community_id", "text", "Community ID version 1, as Zeek, Suricata and Arkime have it"),
                Field("file", "name", "capture or interface"),
                Field("flow", "number", "number of the flow in its recording"),
                Field("client", "name", "who opened it"),
                Field("client_port", "number", "its port"),
                Field("server", "name", "the other side"),
                Field("server_port", "number", "its port"),
                Field("mac_client", "name", "MAC of the client or of the router before it"),
                Field("mac_server", "name", "MAC of the server or of the router before it"),
                Field("ip_protocol", "number", "IP protocol number"),
                Field("service", "name", "protocol, or what is usual on the port"),
                Field("protocol", "name", "application protocol that was recognised"),
                Field("vlan", "number", "outermost VLAN"),
                Field("packets_to_server", "number", "packets from the client"),
                Field("packets_to_client", "number", "packets from the server"),
                Field("bytes_to_server", "number", "bytes from the client"),
                Field("bytes_to_client", "number", "bytes from the server"),
                Field("payload_to_client", "number", "payload bytes from the server"),
                Field("pdus", "number", "messages"),
                Field("violations", "number", "messages that broke the framing"),
                Field("gap_bytes", "number", "bytes that were not captured"),
                Field("one_way", "flag", "only one side was seen"),
                Field("unanswered_requests", "number", "requests without a response"),
            ),
            "last_seen",
        ),
        LakeTable(
            "facts",
            "what devices say about themselves; each fact once an hour",
            (
                *_PLACE,
                Field("time", "time", "when it was said"),
                Field("file", "name", "capture or interface"),
                Field("frame", "number", "frame in which it was said"),
                Field("address", "name", "device"),
                Field("child", "name", "device behind it"),
                Field("kind", "name", "vendor, model, firmware, serial, name ..."),
                Field("value", "text", "what was said; self-reported"),
                Field("source", "name", "message that said it"),
                Field("confidence", "real", "from 0 to 1"),
            ),
        ),
        LakeTable(
            "anomalies",
            "what was malformed or outside its protocol",
            (
                *_PLACE,
                Field("time", "time", "when"),
                Field("file", "name", "capture or interface"),
                Field("frame", "number", "frame"),
                Field("flow", "number", "flow"),
                Field("src", "name", "sender"),
                Field("dst", "name", "receiver"),
                Field("kind", "name", "kind of anomaly"),
                Field("offset", "number", "where in the layer's bytes"),
                Field("needed", "number", "what was needed"),
                Field("had", "number", "what was there"),
            ),
        ),
        LakeTable(
            "alerts",
            "alerts; a later row of an id replaces the earlier ones",
            (
                *_PLACE,
                Field("time", "time", "time of the newest burst"),
                *_SEEN,
                Field("id", "text", "id"),
                Field("incident", "text", "id of its incident"),
                Field("rule", "name", "rule"),
                Field("community_id", "text", "Community ID of the connection, where it is one"),
                *_STORY,
            ),
            "last_seen",
        ),
        LakeTable(
            "incidents",
            "incidents; a later row of an id replaces the earlier ones",
            (*_PLACE, Field("time", "time", "time"), *_SEEN, Field("id", "text", "id"), *_STORY),
            "last_seen",
        ),
        LakeTable(
            "assets",
            "assets as they were known at the end of a recording or of an hour",
            (
                *_PLACE,
                *_SEEN,
                Field("id", "text", "id"),
                Field("name", "text", "name"),
                Field("vendor", "name", "vendor"),
                Field("model", "name", "model"),
                Field("firmware", "name", "firmware"),
                Field("serial", "text", "serial number"),
                Field("zone", "name", "zone of the site file"),
                Field("level", "real", "Purdue level"),
                Field("addresses", "json", "IP addresses"),
                Field("macs", "json", "MACs"),
                Field("roles", "json", "roles"),
                Field("record", "json", "the whole record, as in JSON lines"),
            ),
            "last_seen",
        ),
    )
}


def arrow_schema(table: str) -> Any:
    """The Arrow schema of a table."""
    arrow = pyarrow_module()
    kinds = {
        "time": arrow.timestamp("ns", "UTC"), "name": arrow.dictionary(arrow.int32(), arrow.string()), "text": arrow.string(),
        "number": arrow.int64(), "real": arrow.float64(), "flag": arrow.bool_(), "json": arrow.string(),
    }  # fmt: skip
    return arrow.schema([(one.name, kinds[one.kind]) for one in TABLES[table].fields])


def arrow_rows(table: str, records: Sequence[Record], site: str, sensor: str) -> Any:
    """Public records as rows of a table; what the table has no column for is left out."""
    arrow, schema = pyarrow_module(), arrow_schema(table)
    columns = []
    for one in TABLES[table].fields:
        if one.name in ("site", "sensor"):
            found: list[Any] = [site if one.name == "site" else sensor] * len(records)
        elif one.name == "record":
            found = list(records)
        else:
            found = [record.get(one.name) for record in records]
        columns.append(_column(arrow, one.kind, found))
    return arrow.Table.from_arrays(columns, schema=schema)


def _column(arrow: Any, kind: str, found: list[Any]) -> Any:
    if kind == "time":
        return arrow.array([time_ns(text) for text in found], arrow.timestamp("ns", "UTC"))
    if kind == "json":
        return arrow.array([None if value is None else json_text(value) for value in found], arrow.string())
    if kind in ("name", "text"):
        texts = arrow.array([None if value is None else str(value).encode("utf-8", "replace").decode() for value in found], arrow.string())
        return texts.dictionary_encode() if kind == "name" else texts
    if kind == "number":
        return arrow.array([value if isinstance(value, int) and -(2**63) <= value < 2**63 else None for value in found], arrow.int64())
    return arrow.array(found, arrow.float64() if kind == "real" else arrow.bool_())


_FIRST, _LAST = -(2**63) + 1, 2**63 - 1


def time_ns(text: str | None) -> int | None:
    """Nanoseconds of a time of our records; None where there is none."""
    if not text:
        return None
    number = int(np.datetime64(text.rstrip("Z")[:19], "s").astype(np.int64)) * 1_000_000_000 + int((text[20:].rstrip("Z") or "0")[:9].ljust(9, "0"))
    return max(_FIRST, min(_LAST, number))
