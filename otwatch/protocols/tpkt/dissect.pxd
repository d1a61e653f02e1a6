# The C side of dissect.py.
from otwatch.protocols.kit.parts cimport Parts
from otwatch.tables cimport Anomalies, Octets, Operations, Pdus

cdef class Carried:
    cdef public int rider
    cdef public long long unit
    cdef public list opening
    cdef public int reference
    cdef public long long frame
    cdef public long long time_ns
    cdef public int asked_by
    cdef public Py_ssize_t held
    cdef public int flags_0
    cdef public int flags_1
    cdef public bytes called
    cdef public bint joined
    cdef public tuple claimed
    cdef public int skip_0
    cdef public int skip_1

cdef class TpktDissector:
    cdef int protocol
    cdef int layer
    cdef readonly Parts parts
    cdef readonly Py_ssize_t held
    cdef Py_ssize_t held_limit
    cdef dict rides
    cdef dict read_by
    cdef readonly int usual
    cdef readonly dict riders
    cdef list first
    cdef list flows
    cdef readonly Operations operations
    cdef Anomalies anomalies
    cpdef Carried carried(self, int flow)
    cpdef report(self, Pdus pdus, Py_ssize_t pdu, int kind, int offset, long long needed, long long had)
    cpdef bint hold(self, Carried carried, Py_ssize_t size) except -1
    cdef int packet(self, Pdus pdus, Py_ssize_t pdu) except -1
    cdef int message_or_part(self, Carried carried, Pdus pdus, Py_ssize_t pdu, Py_ssize_t at, Py_ssize_t end, bint whole, bint cut) except -1
    cdef int skip(self, Carried carried, int direction, int value) except -1
    cdef int message(self, Carried carried, Pdus pdus, Py_ssize_t pdu, Py_ssize_t at, Py_ssize_t end) except -1
    cdef int row(self, Pdus table, Pdus pdus, Py_ssize_t pdu, Py_ssize_t start, Py_ssize_t end, int framing, int flags) except -1
