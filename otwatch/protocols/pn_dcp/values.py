"""Values, decoded late and only for rows that are shown or asked for: the contents of blocks."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.pn_dcp import spec

_TEXT_CHARACTERS: Final = Limits().text_characters
_IP_INFO: Final = {0: "not set", 1: "set", 2: "set by DHCP"}


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one. What a Set keeps only until the next power-off says so."""
    if kind == spec.PLAIN:
        return content(row["subfunction"], octets)
    if len(octets) < 2:
        return None
    number = row["subfunction"] if kind != spec.OWN_NAME else spec.NAME
    head, shown = int.from_bytes(octets[:2]), content(number, octets[2:])
    if kind != spec.QUALIFIED:
        return shown
    if number == spec.RESET_TO_FACTORY:
        return spec.RESETS.get(head & ~1, f"reset mode {head}")
    if number >> 8 == 5:
        return None  # the command says it all
    return shown if head & 1 else f"{shown} (temporary)"


def content(number: int, octets: bytes) -> Any:
    """A block of option << 8 | suboption as text or number; other bytes in hex."""
    if number in (spec.NAME, spec.TYPE, spec.ALIAS) or (number >> 8 == 3 and number & 0xFF in (12, 60, 81)):
        return text(octets)
    if number == spec.IP_PARAMETER and len(octets) >= 12:
        return address(octets)
    if number == spec.IP_SUITE and len(octets) >= 12:
        servers = [str(IPv4Address(octets[at:at + 4])) for at in range(12, min(len(octets) - 3, 28), 4) if any(octets[at:at + 4])]
        return address(octets) + (f", name servers {', '.join(servers)}" if servers else "")
    if number == spec.MAC and len(octets) >= 6:
        return ":".join(f"{byte:02x}" for byte in octets[:6])
    if number in (spec.DEVICE_ID, spec.OEM_ID) and len(octets) >= 4:
        return f"{octets[:2].hex()}:{octets[2:4].hex()}"
    if number == spec.ROLE and len(octets) >= 1:
        return roles(octets[0])
    if number == spec.INSTANCE and len(octets) >= 2:
        return f"{octets[0]}.{octets[1]}"
    return octets.hex()


def text(octets: bytes) -> str:
    """A string of the wire, tolerantly."""
    return octets.rstrip(b"\0 ").decode("utf-8", "replace")[:_TEXT_CHARACTERS]


def address(octets: bytes) -> str:
    """`192.168.0.2/24, gateway 192.168.0.1`; a mask that is none as it is."""
    ip, mask, gateway = (IPv4Address(octets[at:at + 4]) for at in (0, 4, 8))
    bits = int(mask)
    prefix = bits.bit_count()
    width = str(prefix) if bits == (0xFFFFFFFF << (32 - prefix) & 0xFFFFFFFF) else str(mask)
    return f"{ip}/{width}" + (f", gateway {gateway}" if int(gateway) and gateway != ip else "")


def roles(bits: int) -> str:
    """`IO device`, `IO controller and IO device`."""
    return " and ".join(name for bit, name in enumerate(spec.ROLES) if bits >> bit & 1) or "none"


def is_name(octets: bytes) -> bool:
    """Whether the rules for names of station (those of host names, RFC 1034) allow it; none at all is allowed. They prescribe lower case, but devices
    that came before that rule have capitals."""
    if not octets:
        return True
    labels = octets.split(b".")
    return len(octets) <= spec.NAME_BYTES and all(
        0 < len(label) <= 63 and not label.startswith(b"-") and not label.endswith(b"-")
        and all(0x61 <= byte | 0x20 <= 0x7A or 0x30 <= byte <= 0x39 or byte == 0x2D for byte in label) for label in labels)
