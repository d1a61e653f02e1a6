# The C side of rows.py.
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class Rows:
    cdef public int protocol
    cdef public int layer
    cdef public Pdus pdus
    cdef public Operations operations
    cdef public Anomalies anomalies
    cdef public list facts
    cdef public const unsigned char[::1] data
    cdef public Py_ssize_t pdu
    cpdef object start_batch(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cpdef object report(self, int kind, Py_ssize_t offset, long long needed, long long had)
    cpdef object report_sent(self, int kind, Py_ssize_t offset, long long needed, long long had)
