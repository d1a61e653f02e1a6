"""What answers of the Identity object, and of the TCP/IP Interface object, tell of a device, or of the module in a slot of its chassis."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.cip.values import IDENTITY_ATTRIBUTES, attribute_list, identity_all
from otwatch.protocols.cip.words import unit_name
from otwatch.protocols.kit.cip import device_type, vendor
from otwatch.protocols.spec import Fact
from otwatch.tables import Operations, Pdus

_MOST_TOLD: Final = 65_536
_HOST_NAME: Final = 6
_Told = dict[tuple[int, int, int, int, int], bytes]


def identity_facts(facts: list[Fact], told: _Told, pdus: Pdus, pdu: int, operations: Operations, row: int, octets: bytes) -> None:
    """Facts of the sender, where its answer is another than the one before to the same question."""
    area, attribute, unit = int(operations.area[row]), int(operations.start[row]), int(operations.unit[row])
    key = (int(pdus.source[pdu]), unit, area, int(operations.function[row]), attribute)
    if told.get(key) == octets:
        return
    if len(told) >= _MOST_TOLD:
        told.clear()
    told[key] = octets
    found: dict[str, object] = {}
    if int(operations.object[row]) != 1:
        return
    if area == 1:
        if operations.function[row] == 0x01:
            found = identity_all(octets)
        elif operations.function[row] == 0x03:
            found = attribute_list(1, octets)
        elif attribute in IDENTITY_ATTRIBUTES:
            name, read = IDENTITY_ATTRIBUTES[attribute]
            found = {name: read(octets, 0)[0]}
    elif attribute == _HOST_NAME and operations.function[row] == 0x0E and len(octets) >= 2:
        found = {"name": octets[2:2 + int.from_bytes(octets[:2], "little")].decode("latin-1")}
    texts = {
        "vendor": vendor(int(str(found["vendor"]))) if isinstance(found.get("vendor"), int) else "",
        "device_type": device_type(int(str(found["device_type"]))) if isinstance(found.get("device_type"), int) else "",
        **{kind: str(found.get(kind, "")) for kind in ("model", "firmware", "serial", "name")},
        "product_code": str(found["product_code"]) if found.get("product_code") is not None else "",
    }
    child = "" if unit < 0 else unit_name(unit)
    for kind, text in texts.items():
        if text:
            facts.append(Fact(timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]),
                              address=int(pdus.source[pdu]), child=child, kind=kind, value=text[:256],
                              source="cip.identity" if area == 1 else "cip.tcp_ip_interface"))

