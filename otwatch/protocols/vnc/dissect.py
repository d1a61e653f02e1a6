"""Versions and security types of RFB -> facts."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.spec import Fact
from otwatch.protocols.vnc.framing import VERSION_BYTES
from otwatch.tables import Anomalies, Operations, Pdus

# RFC 6143 7.2, and the registry of the IANA
SECURITY = {
    1: "none", 2: "VNC password", 5: "RA2", 6: "RA2ne", 16: "Tight", 17: "Ultra", 18: "TLS", 19: "VeNCrypt", 20: "SASL", 21: "MD5 hash", 22: "xvp",
    30: "Apple Remote Desktop", 35: "Apple Remote Desktop",
}  # fmt: skip
_LISTED = 16


class VncDissector:
    """State: none."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("vnc", limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        telling = self.telling
        for pdu in range(pdus.rows):
            telling.begin(pdus, pdu, facts)
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if octets.startswith(b"RFB ") and len(octets) == VERSION_BYTES:
                telling.say(telling.source, "vnc_version", text_of(octets), "protocol_version")
            elif pdus.direction[pdu]:
                for number in octets[1 : 1 + _LISTED] if octets[0] else octets[3:4]:
                    if number:
                        telling.say(telling.source, "vnc_security", SECURITY.get(number, f"type {number}"), "security")
            elif octets[0] == 1:
                telling.act(telling.destination, telling.source, "desktop_opened", "VNC, without authentication", "security")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self.telling.forget(flow)
        return 0
