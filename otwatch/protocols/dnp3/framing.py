"""How DNP3 is cut and recognised (IEEE 1815-2012 9.2.4): 05 64, length, header CRC, then blocks of 16 octets with a CRC each."""

from __future__ import annotations

from functools import cache

from otwatch.protocols.spec import Framing, Verdict

HEADER_BYTES = 10
MAX_FRAME_BYTES = 292


@cache
def crc_table() -> tuple[int, ...]:
    """CRC-16/DNP of each single octet: polynomial 0x3D65, reflected, first register 0 (annex E)."""
    table = []
    for octet in range(256):
        register = octet
        for _ in range(8):
            register = (register >> 1) ^ 0xA6BC if register & 1 else register >> 1
        table.append(register)
    return tuple(table)


def crc(octets: bytes) -> int:
    """CRC-16/DNP, as sent least significant octet first."""
    table, register = crc_table(), 0
    for octet in octets:
        register = (register >> 8) ^ table[(register ^ octet) & 0xFF]
    return register ^ 0xFFFF


def is_header(octets: bytes) -> bool:
    """Whether ten octets are a link header: start octets and CRC."""
    return octets[:2] == b"\x05\x64" and len(octets) >= HEADER_BYTES and crc(octets[:8]) == octets[8] | octets[9] << 8


def probe(octets: bytes, _direction: int) -> Verdict:
    """YES with a whole header anywhere (48 bits have to fit; a stream may be picked up inside a frame), NO when there is none in 256 octets."""
    at = octets.find(b"\x05\x64")
    while at >= 0:
        if is_header(octets[at:at + HEADER_BYTES]):
            return Verdict.YES
        at = octets.find(b"\x05\x64", at + 1)
    return Verdict.NO if len(octets) >= 256 else Verdict.UNSURE


def ends(octets: bytes, _direction: int, length: int) -> int:
    """Behind the last octet that is there, where all blocks up to it have right CRCs though the last one is shorter than the length calls for."""
    if len(octets) <= HEADER_BYTES or len(octets) >= length:
        return 0
    at = HEADER_BYTES
    while at < len(octets):
        stop = min(at + 18, len(octets))
        if stop - at < 3 or crc(octets[at:stop - 2]) != octets[stop - 2] | octets[stop - 1] << 8:
            return 0
        if stop == len(octets) and stop - at == 18:
            return 0  # a full block: the next one may follow
        at = stop
    return len(octets)


def pairs(asked: bytes, replied: bytes) -> bool:
    """A response with the addresses swapped and the application sequence of the request."""
    if len(asked) < 13 or len(replied) < 13 or asked[4:6] != replied[6:8] or asked[6:8] != replied[4:6]:
        return False
    return asked[12] < 0x80 <= replied[12] and (asked[11] ^ replied[11]) & 0x0F == 0


# min_bytes admits headers whose length octet is below 5: the dissector reports them, the framer goes on behind them.
FRAMES = Framing(
    name="frames", header_bytes=HEADER_BYTES, magic=((0, 0xFF, 0x05), (1, 0xFF, 0x64)), length_at=2, length_bytes=1, length_add=5,
    block_after=HEADER_BYTES, block_bytes=16, block_crc_bytes=2, header_crc16_dnp=True, min_bytes=5, max_bytes=MAX_FRAME_BYTES, probe=probe,
    ends=ends, pairs=pairs,
    tells_end=True,
)
