"""The reference page of DCP, made of the tables that the dissector reads."""

from __future__ import annotations

from otwatch.markdown import bullets, code, table
from otwatch.protocols.pn_dcp import spec

_COLUMNS = (
    ("src, dst", "MACs. A host that has an IP address, too, is one asset in the inventory."),
    ("function", "Service: 3 get, 4 set, 5 identify, 6 hello."),
    ("subfunction", "Option << 8 | suboption of the block; of an answer to identify, of the first filter that was asked with."),
    ("area", "Option."),
    ("object", "Suboption."),
    ("start", "Block qualifier of a set: bit 0 keeps the value over the next power-off; of a reset, what is reset."),
    ("value", "What the block holds; of a set that is kept only until the next power-off, with `(temporary)`."),
    ("item", "Place of the block in its message. An answer to identify has one row: what it tells is in the facts, its name in the value."),
    ("status", "`ok`, or why the device refused, by block."),
    ("transaction", "Transaction id (Xid)."),
    ("request_frame, latency_ns", "Of a response: its request, found by transaction id and MACs; many devices may answer one identify."),
)
_FACTS = (
    ("name of station", "name"), ("type of station", "model"), ("vendor and device id", "device_id, and vendor where the number is known"),
    ("device role", "role"), ("IP parameters", "ip_address"), ("alias name", "alias"), ("device instance", "instance"),
    ("OEM device id", "oem_device_id"),
)
_LEFT_OUT = (
    ("DHCP, TSN and management options", "named; their contents are shown in hex, except texts"),
    ("Manufacturers' options", "named by number; their contents are shown in hex"),
)


def reference() -> str:
    """Markdown below the head of the page."""
    functions = [("function", "name", "action"), *((str(number), code(name), spec.ACTIONS[number].name) for number, name in spec.FUNCTIONS.items())]
    blocks = [("subfunction", "name", "set does"), *(
        (f"{number >> 8}.{number & 0xFF}", code(name), spec.SET_ACTIONS.get(number, spec.ACTIONS[spec.SET]).name)
        for number, (name, _) in spec.SUBOPTIONS.items())]
    return "\n".join((
        "Known by EtherType 0x8892 and a frame id from 0xFEFC to 0xFEFF, in whatever VLAN or tunnel. It has no ports and no IP: who speaks is a MAC.",
        "", "## Columns", "", table(("column", "holds"), *_COLUMNS),
        "", "## Functions", "", table(*functions),
        "", "## Blocks", "", table(*blocks),
        "", "## Facts", "", "Of answers, hellos, and sets that the device accepted.", "", table(("block", "fact"), *_FACTS),
        "", "## Left out", "", bullets(*_LEFT_OUT),
    ))
