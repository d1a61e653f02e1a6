# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.early cimport Early
from otwatch.protocols.kit.habits cimport Habits
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.modbus.message cimport Message
from otwatch.protocols.modbus.requests cimport request
from otwatch.protocols.modbus.responses cimport refusal, response
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class ModbusDissector(Paired):
    cdef Message m
    cdef object identity
    cdef readonly Early early
    cdef readonly Habits habits
    cdef bint released
    cdef bint unasked
    cdef public signed char[::1] orientation
    cdef public int[::1] devices  # by queue: who answers, -1 nobody yet
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object _release(self, object held, Pdus pdus, Py_ssize_t pdu, list facts, bint unasked)
    cdef object _end(self, Pdus pdus, Py_ssize_t pdu, list facts)
    cdef object _came(self, Pdus pdus, Py_ssize_t pdu, list facts)
    cdef int _device(self, Py_ssize_t queue) except -2
    cdef int _in_order(self, Py_ssize_t flow, Py_ssize_t queue, bint refused, int function, int flags, list facts) except -2
    cdef bint _as_long(self, int asked) except -1
    cdef object _habits(self, Py_ssize_t queue, int asked, list facts)
    cdef bint _open(self, Py_ssize_t pdu) except -1
    cdef bint _hidden(self, Py_ssize_t at) except -1
    cdef object _dissect(self, list facts)
    cdef int _fits(self) except -1
    cdef bint _counted(self, Py_ssize_t offset, int length) except -1
    cdef object _request(self, Py_ssize_t flow, int direction, bint from_client, bint conflict, list facts)
    cdef object _response(self, Py_ssize_t flow, Py_ssize_t queue, int asked, bint refused, int function, bint conflict, list facts)
    cdef object _answered(self, Py_ssize_t flow, Py_ssize_t queue, int asked, int function)
    cdef object _unasked(self, int answered, unsigned int digest)
    cpdef int forget(self, int flow) except -1
