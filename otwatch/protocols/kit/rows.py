# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The tables of the batch at hand, which PDUs are read from and rows written to: the one place for all dissectors and their messages."""

from __future__ import annotations

import cython

from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

_CUT = cython.declare(cython.int, PduFlag.CUT)


class Rows:
    """`pdu` is the row of `pdus` that is read; `data` the octets that it lies in."""

    def __init__(self, protocol: cython.int) -> None:
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.pdu = 0
        self.start_batch(Pdus(Octets(1), 1), Operations(1), Anomalies(1), [])

    def start_batch(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """The tables that the next PDUs are read from and written to."""
        self.pdus = pdus
        self.operations = operations
        self.anomalies = anomalies
        self.facts = facts
        self.data = pdus.octets.data
        return None

    def report(self, kind: cython.int, offset: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> object:
        """An anomaly of the PDU, at an offset of its own, -1 nowhere."""
        self.anomalies.add(self.pdus, self.pdu, self.layer, kind, cython.cast(cython.int, offset), needed, had)
        return None

    def report_sent(self, kind: cython.int, offset: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> object:
        """The same of what its sender did: not of a PDU that the capture cut off."""
        if self.pdus.flags[self.pdu] & _CUT == 0:
            self.report(kind, offset, needed, had)
        return None
