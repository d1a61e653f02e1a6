# The C side of dissect.py.
cimport cython
from otwatch.protocols.bacnet.services cimport Message
from otwatch.protocols.kit.early cimport Early
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class BacnetDissector(Paired):
    cdef Message m
    cdef object segments
    cdef readonly Early early
    cdef Py_ssize_t reported
    cdef bint may_wait
    cdef bint unasked
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object _message(self, Pdus pdus, Py_ssize_t pdu, bint may_wait)
    cdef object _late(self, object held, Pdus pdus, Py_ssize_t pdu)
    cdef object _came(self, Pdus pdus, Py_ssize_t pdu)
    cdef bint _waits(self, int entry, int service, bint asked) except -1
    cdef object _bvlc(self, Py_ssize_t flow)
    cdef object _network(self, Py_ssize_t flow, Py_ssize_t at)
    cdef Py_ssize_t _address(self, Py_ssize_t at) except? -2
    cdef object _network_message(self, Py_ssize_t at)
    cdef object _apdu(self, Py_ssize_t flow, Py_ssize_t at)
    cdef object _confirmed(self, Py_ssize_t flow, Py_ssize_t at, int flags)
    cdef object _segment(self, Py_ssize_t flow, Py_ssize_t at, int kind, int service, Py_ssize_t data, int flags)
    cdef object _unconfirmed(self, Py_ssize_t at)
    cdef object _request(self, Py_ssize_t flow, int service, Py_ssize_t at)
    cdef int _folded(self, long long unit) except? -2
    cdef object _answer(self, Py_ssize_t flow, int service, int status, Py_ssize_t at)
    cpdef int forget(self, Py_ssize_t flow) except? -2
