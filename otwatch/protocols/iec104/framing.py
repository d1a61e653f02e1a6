"""How IEC 60870-5-104 is cut and recognised: start, length, four control octets (104 5), then an ASDU of just the length that its type needs."""

from __future__ import annotations

from otwatch.protocols.iec104 import spec
from otwatch.protocols.spec import Framing, Verdict

_SEGMENT = 125
_U_OCTETS = frozenset(spec.U_FRAMES)
_RESERVED = {"siq": 0x0E, "diq": 0x0C, "qds": 0x0E}  # bits of the last octet of an element that are always 0 (101 7.2.6)


def is_apdu(octets: bytes, at: int, end: int) -> bool | None:
    """Whether octets[at:end] is one whole APDU; None where it starts like one and there are too few bytes to know."""
    if end - at < spec.APCI_BYTES:
        return None
    first, second, third, fourth = octets[at + 2:at + 6]
    length = octets[at + 1] + 2
    if first & 1:
        if length != spec.APCI_BYTES or second:
            return False
        if first & 3 == 1:
            return first == 1 and not third & 1
        return first in _U_OCTETS and not third and not fourth
    if third & 1 or length < spec.APCI_BYTES + spec.ASDU_BYTES + spec.ADDRESS_BYTES:
        return False
    if end - at < spec.APCI_BYTES + 3:
        return None
    known = spec.TYPES.get(octets[at + 6])
    count, cause = octets[at + 7] & 0x7F, octets[at + 8] & 0x3F
    if known is None or not count or cause not in spec.CAUSES or octets[at + 10:at + 12] == b"\0\0":
        return False
    if known.size < 0:  # a file segment says its length; what secure authentication sends proves nothing
        return length == 19 + octets[at + 18] if known.code == _SEGMENT and end - at > 18 else None
    sequence = octets[at + 7] & 0x80
    addresses = 1 if sequence else count
    if length != spec.APCI_BYTES + spec.ASDU_BYTES + spec.ADDRESS_BYTES * addresses + count * known.size:
        return False
    mask = _RESERVED.get(known.layout.split(" ")[-1] if known.layout else "", 0)
    first_mark = at + spec.APCI_BYTES + spec.ASDU_BYTES + spec.ADDRESS_BYTES + known.element_bytes - 1
    step = known.size if sequence else known.size + spec.ADDRESS_BYTES
    marks = octets[first_mark:end:step] if mask and step else b""
    return not any(mark & mask for mark in marks[:count])


def ends(octets: bytes, _direction: int, length: int) -> int:
    """See Framing.ends: an S or U frame has no ASDU, and an ASDU is as long as its type and number of objects make it."""
    if len(octets) < spec.APCI_BYTES:
        return 0
    end = spec.APCI_BYTES
    if not octets[2] & 1:
        if len(octets) < spec.APCI_BYTES + spec.ASDU_BYTES:
            return 0
        known = spec.TYPES.get(octets[6])
        if known is None or (known.size < 0 and known.code != _SEGMENT):
            return 0
        count = octets[7] & 0x7F
        if known.size >= 0:
            end += spec.ASDU_BYTES + spec.ADDRESS_BYTES * (1 if octets[7] & 0x80 else count) + count * known.size
        elif len(octets) > 18:
            end = 19 + octets[18]
        else:
            return 0
    return -1 if end >= length else end


def pairs(asked: bytes, replied: bytes) -> bool:
    """A confirmation repeats type, originator, station and first address, with another cause; STARTDT, STOPDT and TESTFR have one of their own."""
    if len(asked) < spec.APCI_BYTES or len(replied) < spec.APCI_BYTES:
        return False
    if asked[2] & 3 == 3:
        return replied[2] == (asked[2] & 0xFC) << 1 | 3
    return (len(asked) >= 15 <= len(replied) and not asked[2] & 1 and not replied[2] & 1 and asked[6] == replied[6] and asked[9:15] == replied[9:15]
            and asked[8] & 0x3F != replied[8] & 0x3F)


def probe(octets: bytes, _direction: int) -> Verdict:
    """YES where every APDU fits as far as the octets go, and one at least is whole and no S frame, which is short."""
    at, size, proof = 0, len(octets), Verdict.UNSURE
    while at < size:
        if octets[at] != spec.START:
            return Verdict.NO
        fits = is_apdu(octets, at, size)
        if fits is False:
            return Verdict.NO
        length = octets[at + 1] + 2 if size - at > 1 else 0
        if fits is None or at + length > size:
            break
        if octets[at + 2] & 3 != 1:
            proof = Verdict.YES
        at += length
    return proof


APDUS = Framing(
    name="apdus", header_bytes=2, magic=((0, 0xFF, spec.START),), length_at=1, length_bytes=1, length_add=2, min_bytes=spec.APCI_BYTES,
    max_bytes=spec.MAX_APDU_BYTES + 2, probe=probe, ends=ends, pairs=pairs,
)
