"""Community ID version 1: one text for a connection, the same in Zeek, Suricata, Arkime and here (github.com/corelight/community-id-spec)."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import struct
from functools import lru_cache
from typing import Final

NUMBERS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
_NAMES: Final = {number: name for name, number in NUMBERS.items()}


def community_id_of(ip_protocol: int, src: str, src_port: int | None, dst: str, dst_port: int | None) -> str | None:
    """The same by the number of the IP protocol; None where there is none."""
    if ip_protocol not in _NAMES or src_port is None or dst_port is None:
        return None
    return community_id(_NAMES[ip_protocol], src, src_port, dst, dst_port) or None


@lru_cache(maxsize=4096)
def community_id(transport: str, src: str, src_port: int, dst: str, dst_port: int, *, seed: int = 0) -> str:
    """`1:LQU9qZlK+B5F3KDmev6m5PMibrg=`, whichever side is named first; empty when these are no two addresses of one kind, or not that transport."""
    number = NUMBERS.get(transport.lower())
    try:
        one, other = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    except ValueError:
        return ""
    if number is None or one.version != other.version or not (0 <= src_port <= 0xFFFF and 0 <= dst_port <= 0xFFFF):
        return ""
    (low, low_port), (high, high_port) = sorted(((one.packed, src_port), (other.packed, dst_port)))
    data = struct.pack("!H", seed) + low + high + struct.pack("!BBHH", number, 0, low_port, high_port)
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
