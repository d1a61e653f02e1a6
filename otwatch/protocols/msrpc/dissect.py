"""Fragments of connection-oriented RPC -> facts. Plain Python: administration is little traffic."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.ntlm import AUTHENTICATE, find_ntlm
from otwatch.protocols.kit.rpc import AUTH3, BIND_ACK, Calls, is_header
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.msrpc import cut
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_ANSWERS = frozenset({2, 3, BIND_ACK, 13, 15})


class MsrpcDissector:
    """State: the calls of each connection."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("msrpc", limits)
        self._calls: dict[int, Calls] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        telling = self.telling
        for pdu in range(pdus.rows):
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if not is_header(octets) or len(octets) < cut(octets, 0, 0, 0)[0]:
                continue
            telling.begin(pdus, pdu, facts)
            kind = octets[2]
            if (kind in _ANSWERS or kind >= 11) and (ntlm := find_ntlm(octets)) is not None:
                message = "ntlm_authenticate" if ntlm.kind == AUTHENTICATE else "ntlm_challenge"
                for what, value in ntlm.facts():
                    telling.say(telling.source, what, value, message)
            if kind == AUTH3:
                continue
            server, client = (telling.source, telling.destination) if kind in _ANSWERS else (telling.destination, telling.source)
            for what, value in self._calls.setdefault(int(pdus.flow[pdu]), Calls()).message(octets):
                telling.act(server, client, what, value, "bind" if what == "rpc_interface" else "call")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self._calls.pop(flow, None)
        self.telling.forget(flow)
        return 0
