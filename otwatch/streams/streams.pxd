# The C side of streams.py.
from otwatch.copying cimport piece
from otwatch.streams.connections cimport Connections
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.datagrams cimport Datagrams
from otwatch.streams.frames cimport Frames
from otwatch.streams.framing cimport Framer, Openings
from otwatch.streams.heads cimport Heads
from otwatch.streams.lifetimes cimport Lifetimes
from otwatch.streams.reassembly cimport Reassembler
from otwatch.streams.stream cimport Stream
from otwatch.streams.table cimport FlowTable
from otwatch.tables cimport Anomalies, FlowEvents, Flows, Octets, Packets

cdef class Streams:
    cdef readonly Flows flows
    cdef readonly FlowEvents flow_events
    cdef readonly Octets octets
    cdef readonly list pdus
    cdef readonly list closed
    cdef readonly object cards
    cdef Lifetimes life
    cdef Connections connections
    cdef FlowTable table
    cdef Cutter cutter
    cdef Reassembler reassembler
    cdef Datagrams datagrams
    cdef Frames frames
    cdef Heads heads
    cdef list framers
    cdef Openings openings
    cdef long long packets
    cdef long long duplicates
    cpdef object feed(self, Packets packets, Anomalies anomalies, Packets readings=*)
    cdef int packet(self, Packets packets, Py_ssize_t row) except -1
    cdef int note_first(self, Py_ssize_t slot, int state, int direction, int flags, int payload, long long now, long long frame) except -1
    cdef int tcp(self, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction, int payload, int missing) except -1
    cdef int head(self, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction, int payload, int missing) except -1
    cdef int payload(self, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction) except -1
    cdef int payload_in(self, const unsigned char[::1] data, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction) except -1
    cdef int spoken(self, Stream other, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction) except -1
    cdef int urgent_pointer(self, const unsigned char[::1] data, Py_ssize_t at, long long sequence) except -1
    cdef bint worth_another_look(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t slot, int direction,
                                 long long sequence) except -1
