"""How connectionless DCE/RPC is recognised: a header of 80 bytes whose body is the rest of the datagram, in either byte order (C706, 12.5.1)."""

from __future__ import annotations

from otwatch.protocols.dcerpc import spec
from otwatch.protocols.spec import Framing, Verdict


def probe(octets: bytes, _direction: int) -> Verdict:
    """YES where version, type, flags, data representation, reserved bytes and the variants of three UUIDs fit, and the length where it is seen.
    Version 4 is also the first byte of other protocols' messages (DNS, for one)."""
    if len(octets) < spec.HEADER or octets[0] != spec.VERSION or octets[1] > spec.CANCEL_ACK or octets[2] & 0x81 or octets[3] & 0xFD:
        return Verdict.NO
    if octets[4] not in (0x10, 0x00) or octets[5] != 0 or octets[6] != 0:
        return Verdict.NO
    order: str = "little" if octets[4] == 0x10 else "big"
    length = spec.HEADER + int.from_bytes(octets[74:76], order)  # type: ignore[arg-type]
    if length < len(octets) or (len(octets) < 256 and length != len(octets)) or octets[32] & 0xC0 != 0x80:
        return Verdict.NO
    version = octets[31 if order == "little" else 30] >> 4
    if version not in range(1, 9):
        return Verdict.NO
    return Verdict.YES


LITTLE = Framing(
    name="little-endian",
    header_bytes=spec.HEADER,
    magic=((0, 0xFF, spec.VERSION), (4, 0xFF, 0x10)),
    length_at=74,
    length_bytes=2,
    little_endian=True,
    length_add=spec.HEADER,
    min_bytes=spec.HEADER,
    max_bytes=65_535,
    probe=probe,
)
BIG = Framing(
    name="big-endian",
    header_bytes=spec.HEADER,
    magic=((0, 0xFF, spec.VERSION), (4, 0xFF, 0x00)),
    length_at=74,
    length_bytes=2,
    length_add=spec.HEADER,
    min_bytes=spec.HEADER,
    max_bytes=65_535,
    probe=probe,
)
