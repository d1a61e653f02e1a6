"""The pages of the protocols: what each says of itself (`ProtocolSpec.reference`), between its framing, its values as recorded, and its anomalies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.markdown import code, table
from otwatch.outputs.operation_table import operation_records
from otwatch.protocols import protocol_id, protocols
from otwatch.protocols.spec import Framing, ProtocolSpec
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER

NOTE = "<!-- Written by docs/reference/generate.py: do not edit. -->\n"
PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
_VALUE_CHARACTERS = 160


def pages() -> dict[str, str]:
    """Every page by its path below docs/reference."""
    return {"protocols.md": _index(), **{f"protocols/{spec.name}.md": _page(spec) for spec in protocols()}}


def _ports(spec: ProtocolSpec) -> str:
    named = [f"{'TCP' if port.transport == 6 else 'UDP'} {port.number}" for port in spec.ports]
    named += [f"UDP {number}" for number in spec.datagrams]
    named += [f"TCP {number}" for number in spec.head.ports] if spec.head is not None else []
    named += dict.fromkeys(f"EtherType 0x{link.ethertype:04X}" for link in spec.links if link.ethertype >= 0)
    named += [f"SNAP {link.snap >> 16:06X}/{link.snap & 0xFFFF:04X}" for link in spec.links if link.snap >= 0]
    if spec.ride is not None:
        named.append("found beneath another protocol")
    return ", ".join(named) or "none: found beneath another protocol"


def _index() -> str:
    rows = [
        (f"[{spec.title}](protocols/{spec.name}.md)", code(spec.name), _ports(spec), str(len(spec.functions)), str(len(spec.anomalies)))
        for spec in protocols()
    ]
    return "\n".join(
        [
            "# Protocols\n",
            NOTE,
            "A protocol is recognised by its content; a port is a hint. One page each: functions, decoded fields, actions, facts, objects, statuses, "
            "how values look, anomalies, and what is left out. Those with no function are no OT protocols: they make facts about hosts, and nothing "
            "else. How they compare with tshark: [tshark.md](tshark.md).\n",
            table(("protocol", "name in records and rules", "port hints", "functions", "anomalies"), *rows),
        ]
    )


def _page(spec: ProtocolSpec) -> str:
    parts = [
        f"# {spec.title}\n",
        NOTE,
        f"Name in records and rules: `{spec.name}`. Port hints: {_ports(spec)}. "
        + ("Facts only, no operations.\n" if spec.facts_only else f"Anomaly layer {FIRST_PROTOCOL_LAYER + protocol_id(spec.name)}.\n"),
    ]
    if spec.references:
        parts.append("Sources: " + "; ".join(spec.references) + ".\n")
    parts.append("## How it is recognised and cut\n")
    if spec.framings:
        parts.append("Framings, tried in this order:\n")
        parts.append(table(("framing", "a PDU", "bytes", "recognised"), *(_framing(framing) for framing in spec.framings)))
    if spec.reference is not None:
        parts.append(spec.reference())
    elif spec.functions:
        parts.append(table(("function", "name"), *((f"{number} ({number:#04x})", code(name)) for number, name in sorted(spec.functions.items()))))
    if spec.areas:
        parts += ["## Areas\n", table(("area", "name"), *((str(number), code(name)) for number, name in sorted(spec.areas.items())))]
    examples = list(_examples(spec))
    if examples:
        parts += [
            "## How values look\n",
            "The first message of each function in the captures of `pcaps/plant`, recorded from real protocol stacks, as `otwatch export operations` "
            "writes it; the object as alerts name it. Long values are cut here.\n",
            table(("function", "role", "object", "value", "status", "frame"), *examples),
        ]
    if spec.anomalies:
        parts += [
            "## Anomalies\n",
            "A closed list; each has a shipped rule (see [rules](../rules.md)).\n",
            table(("kind", "meaning", "clause"), *((code(f"{spec.name}.{kind.name}"), kind.doc, kind.clause) for kind in spec.anomalies)),
        ]
    if spec.weaknesses:
        parts += [
            "## Weaknesses\n",
            "Facts that stand on the sheet of a device among what was observed.\n",
            table(("fact", "what is said"), *((code(weakness.kind), weakness.text) for weakness in spec.weaknesses)),
        ]
    return "\n".join(parts)


def _framing(framing: Framing) -> tuple[str, str, str, str]:
    magic = ", ".join(
        f"byte {at} is {value:#04x}" if mask == 0xFF else f"byte {at} & {mask:#04x} is {value:#04x}" for at, mask, value in framing.magic
    )
    if framing.cut is not None:
        length = "its length follows from its content, the CRC decides"
    else:
        order = "little-endian" if framing.little_endian else "big-endian"
        number = "one byte" if framing.length_bytes == 1 else f"{framing.length_bytes} bytes, {order}"
        length = f"length field at byte {framing.length_at} ({number})" + (f", plus {framing.length_add}" if framing.length_add else "")
    blocks = f"behind byte {framing.block_after} a CRC after every {framing.block_bytes} bytes" if framing.block_bytes else ""
    crc = "header CRC must be right" if framing.header_crc16_dnp else ""
    how = " ".join(((framing.probe.__doc__ or "").split("\n\n")[0]).split()) if framing.probe else ""
    return code(framing.name), "; ".join(part for part in (magic, length, blocks, crc) if part), f"{framing.min_bytes} to {framing.max_bytes}", how


def _records(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Operations of a capture as they are exported, each with the name of its object."""
    limits = Limits()
    pipeline = Pipeline(limits)
    with open_capture(str(path), limits) as reader:
        batches = (pipeline.feed(packets, file=path.name) for packets in reader)
        for batch in batches:
            for index, record in enumerate(operation_records(batch, pipeline.addresses, pipeline.protocols)):
                spec = pipeline.protocols[batch.operations.protocol[index] - 1]
                yield record, spec.object_name(batch.operations.row(index))


def _examples(spec: ProtocolSpec) -> Iterator[tuple[str, ...]]:
    """The first record of each function and role that has a value, and of each status that is not ok."""
    seen = set()
    for path in sorted(PLANT.glob(f"{spec.name}-*.pcap")):
        for record, name in _records(path):
            key = record["function_name"], record["role"], record["status"], record["area"]
            if record["protocol"] != spec.name or key in seen or (record["value"] is None and record["status"] == "ok"):
                continue
            seen.add(key)
            value = "" if record["value"] is None else json.dumps(record["value"], ensure_ascii=False)
            shown = value if len(value) <= _VALUE_CHARACTERS else value[:_VALUE_CHARACTERS] + " …"
            yield code(record["function_name"]), record["role"], name, code(shown), code(record["status"]), f"{path.name} {record['frame']}"
