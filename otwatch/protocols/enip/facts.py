"""What an identity item of a list answer tells of a device (volume 2, table 2-4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otwatch.protocols.enip.spec import STATES, VALUE_IDENTITY
from otwatch.protocols.kit.cip import device_type, vendor
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

_SOURCE: Final = "enip.list_identity"


def identity(octets: bytes) -> dict[str, Any]:
    """The fields of an identity item, as far as they are there."""
    found: dict[str, Any] = {}
    if len(octets) >= 18:
        found["address"] = ".".join(str(octet) for octet in octets[6:10])
        found["port"] = int.from_bytes(octets[4:6], "big")
    if len(octets) >= 32:
        found["vendor"] = vendor(int.from_bytes(octets[18:20], "little"))
        found["type"] = device_type(int.from_bytes(octets[20:22], "little"))
        found["product_code"] = int.from_bytes(octets[22:24], "little")
        found["firmware"] = f"{octets[24]}.{octets[25]:03}"
        found["status"] = int.from_bytes(octets[26:28], "little")
        found["serial"] = f"{int.from_bytes(octets[28:32], 'little'):08X}"
    if len(octets) > 32:
        end = 33 + octets[32]
        found["model"] = octets[33:end].decode("latin-1")
        if end < len(octets):
            found["state"] = STATES.get(octets[end], str(octets[end]))
    return found


def identity_facts(facts: list[Fact], pdus: Pdus, pdu: int, octets: bytes) -> None:
    """Facts of the sender."""
    found = identity(octets)
    told = {name: str(found[name]) for name in ("vendor", "type", "model", "firmware", "serial", "state") if found.get(name)}
    if "product_code" in found:
        told["product_code"] = str(found["product_code"])
    for kind, text in told.items():
        facts.append(Fact(timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]),
                          address=int(pdus.source[pdu]), kind=kind, value=text[:256], source=_SOURCE))


def value(kind: int, octets: bytes, _row: Mapping[str, int]) -> Any:
    """The value of a list answer: an identity as its fields; services as their name and what they can."""
    if kind == VALUE_IDENTITY:
        return identity(octets) or None
    if len(octets) < 4:
        return octets.hex() or None
    flags = int.from_bytes(octets[2:4], "little")
    return {"name": octets[4:20].split(b"\0")[0].decode("latin-1"), "tcp": bool(flags & 0x20), "udp_io": bool(flags & 0x100)}
