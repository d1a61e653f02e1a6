# The C side of dissect.py.
cimport cython
from otwatch.protocols.cip.services cimport Services
from otwatch.protocols.cip.connections cimport Connection, Connections
from otwatch.protocols.cip.epath cimport Path
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class CipDissector(Services):
    cdef int items
    cdef readonly dict riders
    cdef Pdus carried
    cdef bint ridden
    cdef const unsigned char[::1] actions
    cdef int transaction
    cdef int dialogue
    cdef long long reference
    cdef long long unit
    cdef int item
    cdef bint routed
    cdef bint reading
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef int action(self, int service, Py_ssize_t class_) except? -1
    cdef object message(self, Py_ssize_t pdu, Py_ssize_t flow)
    cdef object request(self, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end, int direction)
    cdef object service(self, Py_ssize_t at, Py_ssize_t end, int depth)
    cdef object unconnected_send(self, Py_ssize_t at, Py_ssize_t end, int depth)
    cdef object multiple(self, Py_ssize_t at, Py_ssize_t end, int depth)
    cdef object single(self, int service, Py_ssize_t at, Py_ssize_t end)
    cdef int ask(self, int service, Py_ssize_t row) except? -2
    cdef object hand_on(self, Py_ssize_t start, Py_ssize_t end, int kind, long long unit, long long status)
    cdef object response(self, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end, int direction)
    cdef int head(self, Py_ssize_t flow, int service, Py_ssize_t at, Py_ssize_t end, int direction) except? -2
    cdef int packed(self, int entry, int service, int status, Py_ssize_t body, Py_ssize_t end, int depth) except? -2
    cdef object drop_readings(self)
    cdef int embedded(self, int entry, Py_ssize_t at, Py_ssize_t end, int depth) except? -2
    cdef object refused(self, Py_ssize_t flow, int direction, int status)
    cdef int status(self, int service, Py_ssize_t at, Py_ssize_t end) except? -1
    cdef Py_ssize_t answer(self, int entry, int service, int status, Py_ssize_t at, Py_ssize_t end, int item) except? -2
    cpdef int forget(self, Py_ssize_t flow) except? -2
