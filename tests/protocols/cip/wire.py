"""EtherNet/IP messages made by hand, and the two dissectors fed with them."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.limits import Limits
from otwatch.names import NAMES, is_name
from otwatch.protocols import riders_of
from otwatch.protocols.cip.dissect import CipDissector
from otwatch.protocols.cip.spec import ANOMALIES
from otwatch.protocols.cip.words import function_name, object_name, unit_name
from otwatch.protocols.enip.dissect import EnipDissector
from otwatch.protocols.enip.spec import ANOMALIES as BELOW
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER
from tests.protocols.feeding import Feed

ENIP, CIP = 1, 2  # ids of the protocols in these tests
SESSION = 0x11020100


def enip(command: int, data: bytes = b"", *, session: int = SESSION, status: int = 0, context: bytes = b"context.") -> bytes:
    """An encapsulation message."""
    return struct.pack("<HHII8sI", command, len(data), session, status, context, 0) + data


def items(*parts: tuple[int, bytes]) -> bytes:
    """The common packet format."""
    return struct.pack("<H", len(parts)) + b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in parts)


def unconnected(cip: bytes, **more: Any) -> bytes:
    """SendRRData."""
    return enip(0x6F, struct.pack("<IH", 0, 5) + items((0, b""), (0xB2, cip)), **more)


def connected(cip: bytes, connection: int, sequence: int, **more: Any) -> bytes:
    """SendUnitData."""
    data = items((0xA1, struct.pack("<I", connection)), (0xB1, struct.pack("<H", sequence) + cip))
    return enip(0x70, struct.pack("<IH", 0, 0) + data, **{"context": bytes(8), **more})


def io(connection: int, sequence: int, data: bytes = b"\1\0data") -> bytes:
    """A datagram of connected data."""
    return items((0x8002, struct.pack("<II", connection, sequence)), (0xB1, data))


def logical(class_: int, instance: int | None = None, attribute: int | None = None) -> bytes:
    """A path of numbers, each as short as it can be."""
    path = b""
    for kind, number in ((0x20, class_), (0x24, instance), (0x30, attribute)):
        if number is not None:
            path += struct.pack("<BB", kind, number) if number < 256 else struct.pack("<BxH", kind | 1, number) if number < 65536 else struct.pack(
                "<BxI", kind | 2, number)
    return path


def tag(*parts: str | int) -> bytes:
    """A path of names and indices."""
    path = b""
    for part in parts:
        if isinstance(part, int):
            form, kind = ("<BB", 0x28) if part < 256 else ("<BxH", 0x29) if part < 65536 else ("<BxI", 0x2A)
            path += struct.pack(form, kind, part)
        else:
            name = part.encode()
            path += struct.pack("<BB", 0x91, len(name)) + name + b"\0" * (len(name) % 2)
    return path


def request(service: int, path: bytes, data: bytes = b"") -> bytes:
    """A request to a service."""
    return struct.pack("<BB", service, len(path) // 2) + path + data


def response(service: int, data: bytes = b"", status: int = 0, *extended: int) -> bytes:
    """Its response."""
    return struct.pack("<BBBB", service | 0x80, 0, status, len(extended)) + struct.pack(f"<{len(extended)}H", *extended) + data


def packed(*parts: bytes) -> bytes:
    """The data of a Multiple_Service_Packet."""
    offsets, at = [], 2 + 2 * len(parts)
    for part in parts:
        offsets.append(at)
        at += len(part)
    return struct.pack(f"<{len(parts) + 1}H", len(parts), *offsets) + b"".join(parts)


def routed(cip: bytes, route: bytes = b"\1\0") -> bytes:
    """An Unconnected_Send."""
    data = struct.pack("<BBH", 5, 100, len(cip)) + cip + b"\0" * (len(cip) % 2) + struct.pack("<BB", len(route) // 2, 0) + route
    return request(0x52, logical(6, 1), data)


def forward_open(serial: int = 7, *, transport: int = 0xA3, path: bytes = b"\1\0\x20\2\x24\1", rpi: int = 10_000, multiplier: int = 1) -> bytes:
    """A Forward_Open."""
    ids = 10, 14, 0, 0x80001234, serial, 0x1337, 0xCAFE
    data = struct.pack("<BBIIHHIB3xIHIHBB", *ids, multiplier, rpi, 0x43F4, rpi, 0x43F4, transport, len(path) // 2)
    return request(0x54, logical(6, 1), data + path)


def opened(out: int, in_: int, serial: int = 7) -> bytes:
    """Its response."""
    return response(0x54, struct.pack("<IIHHIIIBB", out, in_, serial, 0x1337, 0xCAFE, 10_000, 10_000, 0, 0))


class Wire(Feed):
    """Messages in order; `run` gives the rows of both protocols and the names of the anomalies. Direction 0 is the client."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        limits = limits or Limits()
        cip = next(spec for _, _, spec in riders_of("enip"))
        self.below = EnipDissector(ENIP, limits, [(CIP, CIP, cip)])
        self.above = CipDissector(CIP, limits, [])
        self.facts: list[Fact] = []

    def add(self, message: bytes, direction: int = 0, *, flow: int = 1, flags: int = 0, framing: int = 0, source: int | None = None,
            ms: int = 1) -> Wire:
        """One PDU, a millisecond after the one before."""
        of_another = {} if source is None else {"source": source}
        return self.put(message, direction, after=ms, packet=-1, flow=flow, flags=flags, framing=framing, **of_another)

    def run(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Rows with words for their numbers, names of anomalies; the next messages follow on."""
        operations, anomalies = Operations(), Anomalies()
        self.below.feed(self.pdus, operations, anomalies, self.facts)
        for carried in self.below.riders.values():
            self.above.feed(carried, operations, anomalies, self.facts)
        rows = self.rows(operations, _said)
        self.empty()
        names = {ENIP: {kind.code: kind.name for kind in BELOW}, CIP: {kind.code: kind.name for kind in ANOMALIES}}
        layers = anomalies.array("layer").tolist()
        return rows, [names[layer - FIRST_PROTOCOL_LAYER][kind] for layer, kind in zip(layers, anomalies.array("kind").tolist(), strict=True)]


def _said(row: dict[str, Any], octets: bytes) -> dict[str, Any]:
    if row["protocol"] != CIP:
        return {"octets": octets}
    return {
        "octets": octets,
        "words": function_name(row["function"], row["subfunction"]),
        "place": object_name(row),
        "module": unit_name(row["unit"]),
        "tag": NAMES.text(row["object"]) if is_name(row["object"]) else row["object"],
    }
