"""The lines of a batch -> facts."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import is_line, text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus


class SshDissector:
    """State: none."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("ssh", limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            self.telling.begin(pdus, pdu, facts)
            line = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if line.startswith(b"SSH-") and is_line(line):
                self.telling.say(self.telling.source, "ssh_version", text_of(line), "version_exchange")

    def forget(self, _flow: int) -> int:
        """Nothing is kept."""
        return 0
