# The C side of lifetimes.py.
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.datagrams cimport Datagrams
from otwatch.streams.heads cimport Heads
from otwatch.streams.reassembly cimport Reassembler
from otwatch.streams.stream cimport Stream
from otwatch.streams.table cimport FlowTable
from otwatch.tables cimport Anomalies, FlowEvents, Flows, Octets, Packets

cdef class Lifetimes:
    cdef readonly Flows flows
    cdef readonly FlowEvents flow_events
    cdef readonly Octets octets
    cdef readonly list pdus
    cdef readonly list closed
    cdef dict claims
    cdef dict twins
    cdef FlowTable table
    cdef Cutter cutter
    cdef Reassembler reassembler
    cdef Datagrams datagrams
    cdef readonly Heads heads
    cdef list framers
    cdef long long alarm_ns
    cdef long long history_bytes
    cdef Py_ssize_t most_streams
    cdef long long flows_evicted
    cdef long long flows_idle
    cdef long long streams_evicted
    cdef long long turn
    cdef int[::1] one_way
    cdef long long[::1] turn_of
    cdef int begin(self, Anomalies anomalies) except -1
    cdef int alarm(self, long long now) except -1
    cdef int new_flow(self, Packets packets, Py_ssize_t row) except -2
    cdef bint is_unanswered(self, Py_ssize_t slot) except -1
    cdef int evict(self, Py_ssize_t victim, Packets packets, Py_ssize_t row) except -1
    cdef int open_streams(self, Py_ssize_t slot) except -1
    cdef int finished_with_streams(self) except -2
    cdef int end_streams(self, Py_ssize_t slot) except -1
    cdef int close(self, Py_ssize_t slot) except -1
