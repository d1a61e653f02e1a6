"""PROFINET IO: what comes straight in frames, and what the RPC carries, to one set of rows."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.pn_io.calls import Calls
from otwatch.protocols.pn_io.frames import Frames
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag


class PnIoDissector:
    """One table of PDUs holds frames or calls, never both."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.frames = Frames(protocol, limits)
        self.calls = Calls(protocol, limits)

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        if pdus.rows and pdus.flags[0] & PduFlag.FRAME:
            return self.frames.feed(pdus, operations, anomalies)
        self.calls.feed(pdus, operations, anomalies, facts)
        return None

    def forget(self, flow: int) -> int:
        """The flow is over; returns how many calls stayed unanswered."""
        return self.calls.forget(flow)
