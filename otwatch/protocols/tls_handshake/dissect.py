"""The handshake records of a batch -> facts of both sides."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.kit.tls import CERTIFICATE, CLIENT_HELLO, HANDSHAKE, SERVER_HELLO, Messages, certificate_facts, read_hello, records
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag


class TlsHandshakeDissector:
    """State per flow slot: the handshake messages of each side that are under way."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("tls_handshake", limits)
        self._sides: dict[tuple[int, int], Messages] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            self.telling.begin(pdus, pdu, facts)
            side = self._sides.setdefault((int(pdus.flow[pdu]), int(pdus.direction[pdu]) & 1), Messages())
            if pdus.flags[pdu] & PduFlag.AFTER_GAP:
                side.encrypted = True  # what comes cannot be put together
            for kind, _, contents in records(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])):
                for message, body in side.add(contents) if kind == HANDSHAKE else ():
                    self._message(message, body)

    def _message(self, kind: int, body: bytes) -> None:
        telling = self.telling
        hello = read_hello(kind, body) if kind in (CLIENT_HELLO, SERVER_HELLO) else None
        said = hello.facts() if hello is not None else certificate_facts(body) if kind == CERTIFICATE else []
        for kind_of_fact, value in said:
            telling.say(telling.source, kind_of_fact, value, "hello" if hello is not None else "certificate")
        if hello is not None and kind == CLIENT_HELLO and hello.server_name:
            telling.say(telling.destination, "server_name", hello.server_name, "hello")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        for direction in range(2):
            self._sides.pop((flow, direction), None)
        self.telling.forget(flow)
        return 0
