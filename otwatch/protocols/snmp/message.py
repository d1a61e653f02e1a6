"""A message of SNMP: what BER says, as far as it is read. Nothing that does not fit to the last byte is a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SEQUENCE, INTEGER, STRING, OBJECT = 0x30, 0x02, 0x04, 0x06
GET, GET_NEXT, RESPONSE, SET, TRAP_V1, GET_BULK, INFORM, TRAP, REPORT = range(0xA0, 0xA9)
_VERSIONS: Final = {0: "1", 1: "2c", 3: "3"}
_MOST_VARIABLES: Final = 128  # of a message that are read
_ARCS: Final = 128  # of an object identifier (RFC 3416 2.1)


@dataclass(frozen=True, slots=True)
class Variable:
    """A name and its value."""

    name: bytes  # an object identifier as encoded
    tag: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """The parts that are read. What is encrypted has the PDU type 0."""

    version: str
    community: bytes  # of v1 and v2c
    engine: bytes  # of v3: authoritative engine id
    pdu: int
    request: bytes = b""
    error: int = 0
    variables: tuple[Variable, ...] = ()


def element(octets: bytes, at: int, end: int) -> tuple[int, int, int] | None:
    """(tag, start, end) of the contents of an element with a definite length; None where it does not fit."""
    if at + 2 > end:
        return None
    size, start = octets[at + 1], at + 2
    if size & 0x80:
        width = size & 0x7F
        if not 0 < width <= 4 or start + width > end:
            return None
        size, start = int.from_bytes(octets[start : start + width], "big"), start + width
    return (octets[at], start, start + size) if start + size <= end else None


def elements(octets: bytes) -> list[tuple[int, bytes]] | None:
    """(tag, contents) of every element, to the last byte; None where they do not fit."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets):
        one = element(octets, at, len(octets))
        if one is None or len(found) > _MOST_VARIABLES:
            return None
        found.append((one[0], octets[one[1] : one[2]]))
        at = one[2]
    return found


def read(octets: bytes) -> Message | None:
    """The message; None if it is none."""
    outer = elements(octets)
    if outer is None or [tag for tag, _ in outer] != [SEQUENCE]:
        return None
    parts = elements(outer[0][1])
    if parts is None or len(parts) < 3 or parts[0][0] != INTEGER or len(parts[0][1]) != 1:
        return None
    version = _VERSIONS.get(parts[0][1][0], "")
    if version == "3":
        return _read_v3(parts)
    if not version or len(parts) != 3 or parts[1][0] != STRING:
        return None
    return _pdu(version, parts[1][1], b"", *parts[2])


def _read_v3(parts: list[tuple[int, bytes]]) -> Message | None:
    """RFC 3412 6, RFC 3414 2.4: header, security parameters, and the scoped PDU or what is encrypted."""
    if [tag for tag, _ in parts[1:3]] != [SEQUENCE, STRING] or len(parts) != 4:
        return None
    header, wrapped = elements(parts[1][1]), elements(parts[2][1])
    security = elements(wrapped[0][1]) if wrapped and wrapped[0][0] == SEQUENCE else None
    if header is None or [tag for tag, _ in header] != [INTEGER, INTEGER, STRING, INTEGER] or not security or security[0][0] != STRING:
        return None
    engine = security[0][1]
    if parts[3][0] != SEQUENCE:
        return Message("3", b"", engine, 0)
    scoped = elements(parts[3][1])
    return _pdu("3", b"", engine, *scoped[2]) if scoped is not None and len(scoped) == 3 else None


def _pdu(version: str, community: bytes, engine: bytes, kind: int, content: bytes) -> Message | None:
    parts = elements(content)
    if parts is None or not GET <= kind <= REPORT:
        return None
    tags = [tag for tag, _ in parts]
    if kind == TRAP_V1:  # enterprise, agent, generic, specific, time, variables
        if len(parts) != 6 or tags[0] != OBJECT:
            return None
        request, error = b"", 0
    else:
        if tags != [INTEGER, INTEGER, INTEGER, SEQUENCE]:
            return None
        request, error = parts[0][1], int.from_bytes(parts[1][1][:4], "big", signed=True)
    variables = _variables(parts[-1][1])
    return Message(version, community, engine, kind, request, error, variables) if variables is not None else None


def _variables(content: bytes) -> tuple[Variable, ...] | None:
    listed = elements(content)
    if listed is None:
        return None
    found = []
    for tag, binding in listed:
        pair = elements(binding) if tag == SEQUENCE else None
        if pair is None or len(pair) != 2 or pair[0][0] != OBJECT:
            return None
        found.append(Variable(pair[0][1], *pair[1]))
    return tuple(found)


def dotted(encoded: bytes) -> str:
    """An object identifier as people write it (X.690 8.19); empty where it is none."""
    arcs = list(_arcs(encoded))
    if not arcs or len(arcs) > _ARCS or encoded[-1] & 0x80:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def _arcs(encoded: bytes) -> Iterator[int]:
    arc = 0
    for octet in encoded:
        arc = min(arc << 7 | octet & 0x7F, 1 << 40)  # arcs have 32 bits
        if not octet & 0x80:
            yield arc
            arc = 0
