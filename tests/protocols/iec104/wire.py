"""APDUs made by hand, and a dissector fed with them."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.iec104.dissect import Iec104Dissector
from otwatch.protocols.iec104.spec import ANOMALIES
from otwatch.tables import Anomalies, Operations
from tests.protocols.feeding import Feed

NAMES = {kind.code: kind.name for kind in ANOMALIES}


def asdu(kind: int, cause: int, *objects: tuple[int, bytes], station: int = 47, originator: int = 0, sequence: bool = False,
         count: int | None = None) -> bytes:
    """An ASDU of objects (address, element); of a sequence one address with all elements, and their count."""
    structure = (len(objects) if count is None else count) | (0x80 if sequence else 0)
    head = struct.pack("<BBBBH", kind, structure, cause, originator, station)
    return head + b"".join(start.to_bytes(3, "little") + element for start, element in objects)


def i_frame(body: bytes, number: int = 0, received: int = 0) -> bytes:
    """An I frame."""
    return struct.pack("<BBHH", 0x68, 4 + len(body), number << 1, received << 1) + body


def u_frame(octet: int) -> bytes:
    """A U frame."""
    return bytes((0x68, 4, octet, 0, 0, 0))


def s_frame(received: int) -> bytes:
    """An S frame."""
    return struct.pack("<BBHH", 0x68, 4, 1, received << 1)


class Wire(Feed):
    """Messages in order; `run` gives their rows and the names of the anomalies. Direction 0 is the control station unless it is said otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.dissector = Iec104Dissector(1, Limits())
        self.numbers: dict[tuple[int, int], int] = {}

    def add(self, apdu: bytes, direction: int = 0, *, flow: int = 1, flags: int = 0) -> Wire:
        """One PDU; a millisecond after the one before."""
        return self.put(apdu, direction, flow=flow, flags=flags)

    def say(self, body: bytes, direction: int = 0, **more: Any) -> Wire:
        """An I frame with the number that is due."""
        key = more.get("flow", 1), direction
        number = self.numbers.get(key, 0)
        self.numbers[key] = (number + 1) & 0x7FFF
        return self.add(i_frame(body, number), direction, **more)

    def run(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Rows with their value bytes, names of anomalies; the next messages follow on."""
        operations, anomalies = Operations(), Anomalies()
        self.dissector.feed(self.pdus, operations, anomalies, [])
        rows = self.rows(operations, lambda _, octets: {"value": octets})
        self.empty()
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()]
