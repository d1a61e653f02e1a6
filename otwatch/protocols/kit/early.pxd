# The C side of early.py.
from otwatch.tables cimport Octets, Pdus

cdef class Early:
    cdef int most
    cdef Py_ssize_t most_bytes
    cdef long long udp_ns
    cdef public int held_count
    cdef public Py_ssize_t held_bytes
    cdef public long long deadline_ns
    cdef public long long tcp_answers
    cdef readonly long long paired
    cdef readonly long long largest_ns
    cdef public long long largest_tcp_ns
    cdef readonly long long full
    cdef dict flows
    cdef Pdus pdus
    cpdef bint may_come(self, int flags) except -1
    cpdef bint hold(self, Pdus pdus, Py_ssize_t pdu, Py_ssize_t start, Py_ssize_t end, object extra) except -1
    cpdef Pdus again(self, object held, Pdus pdus, Py_ssize_t pdu)
