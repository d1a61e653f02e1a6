"""A dissector of OPC UA fed with messages made by hand."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.opcua import PROTOCOL
from otwatch.protocols.opcua.dissect import OpcuaDissector
from otwatch.protocols.opcua.spec import ANOMALIES
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations
from tests.oracle.opcua import array, localized, message, node, open_channel, request, response, text
from tests.protocols.feeding import Feed

NAMES = {kind.code: kind.name for kind in ANOMALIES}
OPEN = request(446, bytes(4) + b"\x00\x00\x00\x00\x01\x00\x00\x00" + text(None) + bytes(4))
OPENED = response(449, bytes(4) + b"\x05\x00\x00\x00" + bytes(16) + text(None))
NO_DIAGNOSTICS = array(None)
TOKEN = text(None) * 2 + array(None) + array(None)  # what stands before the token of a user


def read_item(identifier: int | str | bytes, namespace: int, attribute: int = 13) -> bytes:
    """A node to be read: an attribute of it, the value where nothing else is said."""
    return node(identifier, namespace) + struct.pack("<I", attribute) + text(None) + bytes(2) + text(None)


def read(*items: bytes) -> bytes:
    """A read request."""
    return request(631, bytes(12) + array(list(items)))


def browse(*starts: bytes) -> bytes:
    """A browse request that starts at these nodes."""
    described = [start + struct.pack("<I", 0) + node(33) + b"\x01" + struct.pack("<II", 0, 63) for start in starts]
    return request(527, node(0) + bytes(16) + array(described))


def application(uri: str = "urn:plc", name: str = "Pump", product: str = "urn:maker:plc") -> bytes:
    """The description of an application."""
    return text(uri) + text(product) + localized(name) + bytes(4) + text(None) * 2 + array([text("opc.tcp://plc")])


class Wire(Feed):
    """Messages in order; `run` gives their rows with values and names, the names of anomalies, and facts. Direction 0 is the client."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.dissector = OpcuaDissector(1, limits or Limits())
        self.sequence = {0: 50, 1: 50}

    def add(self, pdu: bytes, direction: int = 0, *, flow: int = 1, flags: int = 0) -> Wire:
        """One chunk; a millisecond after the one before."""
        return self.put(pdu, direction, flow=flow, flags=flags)

    def opened(self) -> Wire:
        """A channel without security."""
        return self.add(open_channel(OPEN, 1, self.number(0))).add(open_channel(OPENED, 1, self.number(1), channel=5), 1)

    def number(self, direction: int) -> int:
        """The sequence number that is due."""
        self.sequence[direction] += 1
        return self.sequence[direction]

    def say(self, body: bytes, request_id: int, direction: int = 0, *, chunks: str = "MSGF", flags: int = 0) -> Wire:
        """A chunk with the sequence number that is due."""
        return self.add(message(body, request_id, self.number(direction), chunks=chunks), direction, flags=flags)

    def run(self) -> tuple[list[dict[str, Any]], list[str], list[Fact]]:
        """The next messages follow on."""
        operations, anomalies = Operations(), Anomalies()
        facts: list[Fact] = []
        self.dissector.feed(self.pdus, operations, anomalies, facts)
        rows = self.rows(operations, _said)
        self.empty()
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts


def _said(row: dict[str, Any], octets: bytes) -> dict[str, Any]:
    return {
        "octets": octets,
        "value": PROTOCOL.value(row["value_kind"], octets, row) if row["value_kind"] else None,
        "name": PROTOCOL.function_name(row["function"], row["subfunction"]),
        "node": PROTOCOL.object_name(row),
        "outcome": PROTOCOL.status_name(row["status"]),
    }
