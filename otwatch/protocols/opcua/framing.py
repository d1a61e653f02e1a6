"""How OPC UA binary is recognised: three letters, a chunk type, and the length of the chunk (7.1.2.2), then fields that fit."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.spec import Framing, Verdict

_LONGEST: Final = 262_144  # a chunk; stacks offer buffers of 64 kB
# least lengths: a hello and a reverse hello end with a string, of which null has no bytes; an open message has three
_LEAST: Final = {b"HEL": 32, b"ACK": 28, b"ERR": 16, b"RHE": 16, b"OPN": 24, b"MSG": 24, b"CLO": 24}
_WHOLE: Final = frozenset({b"HEL", b"ACK", b"ERR", b"RHE", b"OPN"})  # never in several chunks (7.1.2.2, 6.7.4)
_URI: Final = b"http://opcfoundation.org/UA/SecurityPolicy#"


def probe(octets: bytes, _direction: int) -> Verdict:
    """YES with a known type, chunk and length, and fields that only such a message has."""
    kind, size = octets[:3], int.from_bytes(octets[4:8], "little")
    if len(octets) < 8 or kind not in _LEAST or octets[3] not in b"FCA" or not _LEAST[kind] <= size <= _LONGEST or size < len(octets):
        return Verdict.NO
    if kind in _WHOLE and octets[3] != 0x46:
        return Verdict.NO
    if kind == b"HEL" and len(octets) >= 32:
        return Verdict.YES if int.from_bytes(octets[28:32], "little", signed=True) in (-1, size - 32) else Verdict.NO
    if kind == b"ACK":
        return Verdict.YES if size == 28 else Verdict.NO
    if kind == b"OPN" and len(octets) >= 16 + len(_URI):
        return Verdict.YES if octets[16:16 + len(_URI)] == _URI else Verdict.UNSURE
    return Verdict.YES


CHUNKS = Framing(
    name="chunks", header_bytes=8, magic=((0, 0xE0, 0x40), (1, 0xE0, 0x40), (2, 0xE0, 0x40), (3, 0xF8, 0x40)), length_at=4, length_bytes=4,
    little_endian=True, min_bytes=8, max_bytes=_LONGEST, probe=probe,
)
