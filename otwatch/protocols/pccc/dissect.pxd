# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.pccc.message cimport Message
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class PcccDissector(Paired):
    cdef Message m
    cdef int text_characters
    cdef dict told
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object _message(self, Py_ssize_t flow, Py_ssize_t pdu, list facts)
    cdef object _request(self, Py_ssize_t flow)
    cdef object _refused(self, Py_ssize_t flow, int status)
    cdef object _response(self, Py_ssize_t flow, Py_ssize_t at, list facts)
    cdef object _status(self, Py_ssize_t flow, bytes octets, bint asked, list facts)
    cdef object _answered(self, Py_ssize_t queue, int entry, int status, Py_ssize_t data, Py_ssize_t end, unsigned int checksum)
    cpdef int forget(self, Py_ssize_t flow) except? -2
