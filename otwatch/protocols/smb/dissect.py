"""SMB messages of a batch -> facts: who the hosts say that they are, and what is done to a server. Plain Python: bulk data is not handed over."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.smb import one, two
from otwatch.protocols.smb.framing import NETBIOS, REQUEST, SESSION, SMB1, SMB2, is_whole
from otwatch.protocols.smb.sessions import Session
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag


class SmbDissector:
    """State: what each connection holds."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("smb", limits)
        self._sessions: dict[int, Session] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            self.telling.begin(pdus, pdu, facts)
            session = self._sessions.setdefault(int(pdus.flow[pdu]), Session())
            if pdus.flags[pdu] & PduFlag.AFTER_GAP:
                session.waiting.clear()
            if not is_whole(octets):
                continue
            if octets[0] == REQUEST:
                self._names(octets)
            elif octets[0] == SESSION and octets[4:8] == SMB2:
                two.read(octets[NETBIOS:], session, self.telling)
            elif octets[0] == SESSION and octets[4:8] == SMB1:
                one.read(octets[NETBIOS:], session, self.telling)

    def _names(self, octets: bytes) -> None:
        """NetBIOS names of who is called and who calls (RFC 1002 4.3.2, 4.1): sixteen characters as letters, the last one a type."""
        for address, at in ((self.telling.destination, 5), (self.telling.source, 39)):
            letters = octets[at : at + 32]
            if len(letters) == 32 and all(0x41 <= letter <= 0x50 for letter in letters):
                name = bytes(letters[i] - 0x41 << 4 | letters[i + 1] - 0x41 for i in range(0, 30, 2)).decode("latin-1").strip()
                if name and not name.startswith("*"):
                    self.telling.say(address, "name", name, "netbios_session")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self._sessions.pop(flow, None)
        self.telling.forget(flow)
        return 0
