# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class EnipDissector(Paired):
    cdef readonly dict riders
    cdef Pdus carried
    cdef dict told
    cdef public long long[::1] session
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef int _u16(self, Py_ssize_t at) except? -1
    cdef Py_ssize_t _u32(self, Py_ssize_t at) except? -1
    cdef Py_ssize_t _context(self, Py_ssize_t at) except? -1
    cdef object _message(self, Py_ssize_t pdu, Py_ssize_t flow)
    cdef object _carries(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end)
    cdef object _items(self, Py_ssize_t pdu, Py_ssize_t start, Py_ssize_t at, Py_ssize_t end, Py_ssize_t session, Py_ssize_t context)
    cdef object _hand_on(self, Py_ssize_t pdu, Py_ssize_t start, Py_ssize_t end, int kind, long long channel, long long reference)
    cdef object _command(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end, int command)
    cdef object _pair(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t row, int command, int context, int role)
    cdef object _listed(self, Py_ssize_t pdu, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end)
    cpdef int forget(self, Py_ssize_t flow) except -1
