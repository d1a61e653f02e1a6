"""What device attributes (group 0, IEEE 1815-2012 A.1) say about an outstation."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.dnp3.spec import unit_name
from otwatch.protocols.dnp3.values import attribute_value
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

KINDS: Final[dict[int, str]] = {  # variation -> kind of fact
    203: "location", 204: "location", 205: "location", 208: "plant", 242: "firmware", 243: "hardware", 245: "location", 246: "order_number",
    247: "name", 248: "serial", 249: "protocol_version", 250: "model", 252: "vendor",
}
_TEXT_CHARACTERS: Final = Limits().text_characters


def attribute(variation: int, octets: bytes, pdus: Pdus, pdu: int, unit: int) -> Fact | None:
    """The fact in one attribute of a response; None when it tells nothing about the device's identity."""
    kind = KINDS.get(variation)
    if kind is None:
        return None
    value = attribute_value(octets)
    text = str(value).strip("\x00 ")[:_TEXT_CHARACTERS] if isinstance(value, (str, int, float)) else ""
    if not text:
        return None
    return Fact(
        timestamp_ns=pdus.timestamp_ns[pdu], frame=pdus.frame[pdu], flow=pdus.flow[pdu], address=pdus.source[pdu], child=unit_name(unit),
        kind=kind, value=text, source="dnp3.device_attributes",
    )
