# The C side of connections.py.
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.lifetimes cimport Lifetimes
from otwatch.streams.stream cimport Stream
from otwatch.streams.table cimport FlowTable
from otwatch.tables cimport Packets

cdef class Connections:
    cdef Lifetimes life
    cdef FlowTable table
    cdef Cutter cutter
    cdef dict claims
    cdef dict twins
    cdef int direction(self, Py_ssize_t slot) except -1
    cdef int syn(self, Py_ssize_t slot, Packets packets, Py_ssize_t row) except -2
    cdef int claim(self, Py_ssize_t slot, int direction, long long number, long long other, Packets packets, Py_ssize_t row) except -1
    cdef int place(self, Py_ssize_t slot, Packets packets, Py_ssize_t row) except -1
    cdef long long distance(self, Py_ssize_t slot, long long sequence) except? -1
    cdef bint unlike(self, Py_ssize_t slot, int direction, long long acknowledgement) except -1
    cdef int succeed(self, Py_ssize_t slot, tuple claim, Packets packets, Py_ssize_t row) except -1
    cdef int doubt(self, Py_ssize_t slot) except -1
    cdef int revive(self, Py_ssize_t slot, long long payload) except -1
    cdef int opens_or_ends(self, Packets packets, Py_ssize_t row, Py_ssize_t slot, int direction) except -1
    cdef bint parted(self, Py_ssize_t slot, int direction, long long acknowledgement) except -1
    cdef int ends(self, Py_ssize_t slot, int direction, int flags, long long acknowledgement) except -1
