# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.kit.parts cimport Parts
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.opcua.services cimport Message
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class OpcuaDissector(Paired):
    cdef readonly Message m
    cdef readonly Parts parts
    cdef dict open_parts
    cdef dict policies
    cdef public signed char[::1] policy
    cdef public long long[::1] channel
    cdef public long long[::1] next_number
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object _chunk(self, Py_ssize_t flow, int direction)
    cdef object _hello(self, Py_ssize_t flow, int direction)
    cdef object _client(self, Py_ssize_t flow, int direction)
    cdef object _error(self, Py_ssize_t flow, int direction)
    cdef object _reverse(self, Py_ssize_t flow, int direction)
    cdef object _open(self, Py_ssize_t flow, int direction)
    cdef object _sequence(self, Py_ssize_t flow, int direction)
    cdef object _message(self, Py_ssize_t flow, int direction, int chunk, bint closes)
    cdef Py_ssize_t _request_id(self, Py_ssize_t at) except? -2
    cdef bint _is_readable(self, Py_ssize_t at) except -1
    cdef object _part(self, Py_ssize_t flow, int direction, int chunk, long long key, bint held)
    cdef object _whole(self, Py_ssize_t flow, int direction)
    cdef object _service(self, Py_ssize_t flow, int direction, int number)
    cdef object _ask(self, Py_ssize_t flow, int direction, Py_ssize_t row)
    cdef object _respond(self, Py_ssize_t flow, int direction, int function, int action)
    cdef object _answer(self, Py_ssize_t flow, int direction, int function, int action, long long code, Py_ssize_t begin)
    cpdef int forget(self, Py_ssize_t flow) except? -2
