# The C side of dissect.py.
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class MmsDissector:
    cdef int protocol
    cdef readonly Pairing pairing
    cdef int message(self, Pdus pdus, Py_ssize_t pdu, Operations operations, list facts) except -1
    cdef int pair(self, Pdus pdus, Py_ssize_t pdu, Operations operations, Py_ssize_t row, int tag) except -1
