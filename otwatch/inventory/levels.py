"""The Purdue level of an asset, and where it is from: what it does comes before where it stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"))
)
LEVEL_OF_ROLE: Final = {
    "drive": 0.0,
    "controller": 1.0,
    "outstation": 1.0,
    "gateway": 1.0,
    "ied": 1.0,
    "sis": 1.0,
    "ot_device": 1.0,
    "io_controller": 1.0,
    "io_device": 1.0,
    "io_supervisor": 2.0,
    "hmi": 2.0,
    "scada_server": 2.0,
    "engineering_station": 2.0,
    "ot_client": 2.0,
    "historian": 3.0,
    "jump_host": 3.5,
    "router": 3.5,
    "firewall": 3.5,
    "it_host": 4.0,
}
ROUTERS: Final = ("router", "firewall")
# what an identity is expected of
OT_DEVICES: Final = frozenset({"controller", "outstation", "gateway", "ied", "sis", "drive", "ot_device", "io_controller", "io_device"})


def level_of(role: str, addresses: Iterable[str], zone_level: float | None) -> tuple[float | None, str]:
    """Level and source. Unknown stays unknown: a zone's level holds only for hosts whose role says nothing."""
    if role in LEVEL_OF_ROLE and not (role == "it_host" and zone_level is not None):
        return (5.0, "public address") if role == "it_host" and is_public(addresses) else (LEVEL_OF_ROLE[role], "role")
    if zone_level is not None:
        return nearest_level(zone_level), "zone"
    return (5.0, "public address") if is_public(addresses) else (None, "")


def nearest_level(level: float) -> float:
    """One of the rows of the map."""
    return min((0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0), key=lambda row: (abs(row - level), row))


def is_public(texts: Iterable[str]) -> bool:
    """Whether all of these addresses are of the internet; not when there are none."""
    addresses = [ipaddress.ip_address(text) for text in texts]
    if not addresses or any(address.version == 6 and not address.is_global for address in addresses):
        return False
    return not any(address in network for address in addresses if address.version == 4 for network in _PRIVATE)


def is_group(address: str) -> bool:
    """Whether it is a multicast or broadcast address, IP or MAC: never a host."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        first = address.partition(":")[0]
        return len(first) == 2 and address.count(":") == 5 and all(digit in "0123456789abcdefABCDEF" for digit in first) and bool(int(first, 16) & 1)
    return ip.is_multicast or (ip.version == 4 and int(ip) & 0xFF == 0xFF)
