# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""What all dissectors have that pair responses with requests: the requests that wait, and what is remembered of each flow, by slot."""

from __future__ import annotations

import cython
import numpy as np

from otwatch.limits import Limits
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.kit.rows import Rows
from otwatch.tables import Operations, Pdus


class Paired(Rows):
    """`pairing` has two queues a slot, of the requests of each direction. `seen` is a byte of marks a slot; `columns` what the protocol has beside:
    (name, dtype, values a slot, the empty value), each an attribute."""

    def __init__(self, protocol: cython.int, limits: Limits, columns: tuple[tuple[str, type, int, int], ...] = ()) -> None:
        Rows.__init__(self, protocol)
        self.limit = max(1, limits.outstanding_requests)
        self.pairing = Pairing(self.limit)
        self.columns = (("seen", np.uint8, 1, 0), *columns)
        self.flows = 0
        self.make_room(63)

    def make_room(self, flow: cython.Py_ssize_t) -> object:
        """Slots up to this one can be used; what is known of the others stays."""
        size: cython.Py_ssize_t = max(flow + 1, 2 * self.flows)
        for name, dtype, each, empty in self.columns:
            larger = np.full(each * size, empty, dtype)
            if self.flows:
                larger[:each * self.flows] = np.asarray(getattr(self, name))
            setattr(self, name, memoryview(larger))
        self.flows = size
        self.pairing.make_room(2 * size)
        return None

    def slot(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The slot of a PDU's flow, which can be used."""
        flow: cython.Py_ssize_t = pdus.flow[pdu] if pdus.flow[pdu] > 0 else 0
        if flow >= self.flows:
            self.make_room(flow)
        return flow

    def answers(self, operations: Operations, row: cython.Py_ssize_t, entry: cython.int) -> object:
        """This row answers a request. One that was captured before it has no latency."""
        operations.request_frame[row] = self.pairing.frame[entry]
        if operations.timestamp_ns[row] >= self.pairing.timestamp_ns[entry]:
            operations.latency_ns[row] = operations.timestamp_ns[row] - self.pairing.timestamp_ns[entry]
        return None

    def forget_requests(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over: its marks and queues are empty; returns how many requests stayed unanswered."""
        if flow < 0 or flow >= self.flows:
            return 0
        self.seen[flow] = 0
        return self.pairing.forget(2 * flow) + self.pairing.forget(2 * flow + 1)

    @property
    def dropped(self) -> int:
        """Requests forgotten because more were waiting than limits.outstanding_requests."""
        return int(self.pairing.dropped)
