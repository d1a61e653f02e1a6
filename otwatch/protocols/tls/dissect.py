"""TLS records of a batch -> a row for each hello, alert and encrypted record. Plain Python: hellos are few. Facts are of `tls_handshake`.

The records of one connection after the handshake are counted, a row each, as encrypted. Which side is the client, the hellos say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.kit.tls import (
    CHANGE_CIPHER,
    CLIENT_HELLO,
    HANDSHAKE,
    SERVER_HELLO,
    Messages,
    read_hello,
    records,
)
from otwatch.protocols.spec import Fact
from otwatch.protocols.tls import ALERTED, ENCRYPTED, FUNCTIONS, HELLO
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_FATAL = 2


@dataclass(slots=True)
class _Flow:
    """What is known of a connection."""

    sides: tuple[Messages, Messages] = field(default_factory=lambda: (Messages(), Messages()))
    client: int = 0  # direction of the side that said hello first
    hello_frame: int = -1
    hello_ns: int = 0


class TlsDissector:
    """State per flow slot: handshake messages under way, and the hello that waits for its answer."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.protocol = protocol
        self._characters = limits.text_characters
        self._flows: dict[int, _Flow] = {}

    def feed(self, pdus: Pdus, operations: Operations, _anomalies: Anomalies, _facts: list[Fact]) -> None:
        """Appends the rows of a batch in PDU order."""
        for pdu in range(pdus.rows):
            flow = self._flows.setdefault(int(pdus.flow[pdu]), _Flow())
            direction = int(pdus.direction[pdu]) & 1
            if pdus.flags[pdu] & (PduFlag.AFTER_GAP | PduFlag.CONFLICT):
                flow.sides[direction].encrypted = True  # what comes cannot be put together
            for kind, _, body in records(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])):
                self._record(flow, kind, body, pdus, pdu, operations)

    def _record(self, flow: _Flow, kind: int, body: bytes, pdus: Pdus, pdu: int, operations: Operations) -> None:
        direction = int(pdus.direction[pdu]) & 1
        side = flow.sides[direction]
        if kind == CHANGE_CIPHER:
            side.encrypted = True
        elif kind == ENCRYPTED:
            side.encrypted = True
            self._row(operations, pdus, pdu, Role.REQUEST if direction == flow.client else Role.RESPONSE, ENCRYPTED)
        elif kind == ALERTED and not side.encrypted and len(body) == 2 and body[0] == _FATAL:
            row = self._row(operations, pdus, pdu, Role.EVENT, ALERTED)
            operations.status[row] = body[1]
        elif kind == HANDSHAKE and not side.encrypted:
            for message, content in side.add(body):
                self._message(flow, message, content, pdus, pdu, operations)

    def _message(self, flow: _Flow, kind: int, body: bytes, pdus: Pdus, pdu: int, operations: Operations) -> None:
        direction = int(pdus.direction[pdu]) & 1
        hello = read_hello(kind, body) if kind in (CLIENT_HELLO, SERVER_HELLO) else None
        if hello is None:
            return
        row = self._row(operations, pdus, pdu, Role.REQUEST if kind == CLIENT_HELLO else Role.RESPONSE, HELLO)
        operations.subfunction[row] = hello.version
        if kind == CLIENT_HELLO:
            flow.client, flow.hello_frame, flow.hello_ns = direction, int(pdus.frame[pdu]), int(pdus.timestamp_ns[pdu])
            if hello.server_name:
                name = hello.server_name.encode("ascii", "replace")[: self._characters]
                operations.value_kind[row], operations.value_length[row] = 1, len(name)
                operations.value_at[row] = pdus.octets.append(name, 0, len(name))
        elif flow.hello_frame >= 0:
            operations.request_frame[row] = flow.hello_frame
            operations.latency_ns[row] = int(pdus.timestamp_ns[pdu]) - flow.hello_ns
            flow.hello_frame = -1

    def _row(self, operations: Operations, pdus: Pdus, pdu: int, role: Role, function: int) -> int:
        return operations.add(pdus, pdu, int(role), self.protocol, function, int(FUNCTIONS[function][1]))

    def forget(self, flow: int) -> int:
        """The flow is over; a hello that got no answer is a request that stayed unanswered."""
        known = self._flows.pop(flow, None)
        return int(known is not None and known.hello_frame >= 0)
