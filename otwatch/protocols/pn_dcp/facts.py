"""What blocks tell about the device that sent them."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.pn_dcp import spec
from otwatch.protocols.pn_dcp.values import address, content, roles, text

_TEXTS: Final = {spec.NAME: "name", spec.TYPE: "model", spec.ALIAS: "alias"}


def told(number: int, octets: bytes) -> list[tuple[str, str]]:
    """(kind, value) of each fact in a block of option << 8 | suboption, without its first two bytes."""
    if number in _TEXTS:
        said = text(octets)
        return [(_TEXTS[number], said)] if said else []
    if number in (spec.IP_PARAMETER, spec.IP_SUITE) and len(octets) >= 12:
        return [("ip_address", address(octets))] if any(octets[:4]) else []
    if number == spec.DEVICE_ID and len(octets) >= 4:
        vendor = spec.VENDORS.get(int.from_bytes(octets[:2]))
        return [("device_id", str(content(number, octets)))] + ([("vendor", vendor)] if vendor else [])
    if number == spec.ROLE and octets and octets[0] & 0x0F:
        return [("role", roles(octets[0]))]
    if number == spec.INSTANCE and len(octets) >= 2 and any(octets[:2]):
        return [("instance", str(content(number, octets)))]
    if number == spec.OEM_ID and len(octets) >= 4 and any(octets[:4]):
        return [("oem_device_id", str(content(number, octets)))]
    return []
