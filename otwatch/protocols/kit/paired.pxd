# The C side of paired.py.
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Operations, Pdus

cdef class Paired(Rows):
    cdef int limit
    cdef readonly Pairing pairing
    cdef tuple columns
    cdef readonly Py_ssize_t flows
    cdef public unsigned char[::1] seen
    cdef object make_room(self, Py_ssize_t flow)
    cdef object answers(self, Operations operations, Py_ssize_t row, int entry)
    cdef Py_ssize_t slot(self, Pdus pdus, Py_ssize_t pdu) except -1
    cdef int forget_requests(self, Py_ssize_t flow) except? -1
