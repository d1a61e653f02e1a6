"""Control packets of MQTT (MQTT 3.1.1 2.2): type and flags, a length of one to four bytes. Large ones are not read to their end."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.spec import Verdict

CONNECT, CONNACK, PUBLISH, SUBSCRIBE = 0x10, 0x20, 0x30, 0x82
_NAMES: Final = (b"\0\4MQTT", b"\0\6MQIsdp")
KEPT: Final = 1_024


def length_at(octets: bytes, at: int) -> tuple[int, int]:
    """(bytes of the fixed header, those that follow it) of a packet; (0, 0) more are needed, (-1, 0) no length."""
    length = 0
    for i in range(1, 5):
        if at + i >= len(octets):
            return 0, 0
        length |= (octets[at + i] & 0x7F) << 7 * (i - 1)
        if octets[at + i] < 0x80:
            return i + 1, length
    return -1, 0


def begins(octets: bytes, direction: int) -> Verdict:
    """CONNECT with the name of the protocol; its answer."""
    if octets[0] != (CONNACK if direction else CONNECT):
        return Verdict.NO
    size, length = length_at(octets, 0)
    if size <= 0:
        return Verdict.UNSURE if size == 0 else Verdict.NO
    if direction:
        return Verdict.NO if length < 2 else Verdict.YES
    name = octets[size : size + 6]
    if len(name) < 6:
        return Verdict.UNSURE if any(known.startswith(name) for known in _NAMES) else Verdict.NO
    return Verdict.YES if any(known.startswith(name) for known in _NAMES) else Verdict.NO


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: the packet, as far as it holds names."""
    size, length = length_at(octets, at)
    if size <= 0:
        return size, 0
    return min(size + length, KEPT), size + length
