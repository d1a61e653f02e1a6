"""How BACnet/IP is recognised: a datagram is a BVLC message (J.2), whose length is the datagram's, around a network layer message of version 1."""

from __future__ import annotations

from otwatch.protocols.bacnet import spec
from otwatch.protocols.spec import Framing, Verdict

_LONGEST = 1497 + 10  # J.2, and the address that a forwarded message carries


def probe(octets: bytes, _direction: int) -> Verdict:
    """YES with a BVLC function, its length, and behind it a network layer header whose fields fit."""
    if len(octets) < 4:
        return Verdict.NO
    function, length = octets[1], octets[2] << 8 | octets[3]
    if octets[0] != 0x81 or function not in spec.BVLC_FUNCTIONS or (length != len(octets) and len(octets) < 256) or length < len(octets):
        return Verdict.NO
    if function not in spec.NPDU_FUNCTIONS:
        if function in spec.BVLC_LENGTHS:
            return Verdict.YES if length == spec.BVLC_LENGTHS[function] else Verdict.NO
        return Verdict.YES if (length - 4) % 10 == 0 and length > 4 else Verdict.UNSURE
    return Verdict.YES if _is_network(octets, 10 if function == 0x04 else 4) else Verdict.NO


def _is_network(octets: bytes, at: int) -> bool:
    """Whether a network layer message of version 1 stands there (6.2): reserved bits 0, addresses inside, then a known message or APDU type."""
    if len(octets) < at + 3 or octets[at] != 1 or octets[at + 1] & 0x50:
        return False
    control, at = octets[at + 1], at + 2
    for bit in (0x20, 0x08):
        if control & bit:
            if len(octets) < at + 3:
                return False
            at += 3 + octets[at + 2]
    at += 1 if control & 0x20 else 0
    if at >= len(octets):
        return False
    if control & 0x80:
        return octets[at] in spec.NETWORK_MESSAGES or octets[at] >= 0x80
    kind = octets[at] >> 4
    if kind == 1:
        return octets[at] == 0x10 and len(octets) > at + 1 and octets[at + 1] in spec.UNCONFIRMED_SERVICES
    return kind <= 7 and len(octets) >= at + 3


DATAGRAMS = Framing(
    name="datagrams", header_bytes=4, magic=((0, 0xFF, 0x81),), length_at=2, length_bytes=2, min_bytes=4, max_bytes=_LONGEST, probe=probe,
    tells_end=True,
)
