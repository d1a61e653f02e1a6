"""The first messages of RDP -> facts."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import text_of
from otwatch.protocols.kit.telling import Telling, utf16
from otwatch.protocols.rdp.framing import CONFIRM, DATA, REQUEST
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

# MS-RDPBCGR 2.2.1.2.1, what the server selected
SECURITY = {0: "RDP", 1: "TLS", 2: "CredSSP (NLA)", 4: "RDSTLS", 8: "CredSSP (NLA) early"}
_COOKIE = b"Cookie: mstshash="
_RESPONSE = 2  # type of a negotiation response
_CORE = b"\x01\xc0"  # CS_CORE, MS-RDPBCGR 2.2.1.3.2
_NAME_AT, _NAME_BYTES = 24, 32  # of the client's name in it


class RdpDissector:
    """State: none."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("rdp", limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        telling = self.telling
        for pdu in range(pdus.rows):
            telling.begin(pdus, pdu, facts)
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            kind = octets[5] if len(octets) > 5 else 0
            if kind == REQUEST:
                at = octets.find(_COOKIE)
                end = octets.find(b"\r\n", at)
                if at >= 0 and end > at:
                    telling.say(telling.source, "user", text_of(octets[at + len(_COOKIE) : end]), "cookie")
            elif kind == CONFIRM:
                answer = octets[11:19]
                if len(answer) == 8 and answer[0] == _RESPONSE:
                    selected = int.from_bytes(answer[4:8], "little")
                    telling.say(telling.source, "rdp_security", SECURITY.get(selected, f"protocol {selected}"), "negotiation")
                elif len(octets) == 11:
                    telling.say(telling.source, "rdp_security", SECURITY[0], "connection_confirm")
            elif kind == DATA and not pdus.direction[pdu]:
                self._settings(octets)

    def _settings(self, octets: bytes) -> None:
        """The client's name, behind `Duca`, which begins its settings in the conference request."""
        at = octets.find(_CORE, octets.find(b"Duca") + 4) if b"Duca" in octets else -1
        name = octets[at + _NAME_AT : at + _NAME_AT + _NAME_BYTES] if at >= 0 else b""
        if len(name) == _NAME_BYTES:
            self.telling.say(self.telling.source, "name", utf16(name), "client_core_data")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self.telling.forget(flow)
        return 0
