# The C side of services.py.
cimport cython
from otwatch.protocols.opcua.fields cimport Fields
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.opcua.reader cimport Reader
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Message(Fields):
    cdef int items
    cdef Py_ssize_t handles_most
    cdef readonly dict handles
    cdef readonly Py_ssize_t handles_held
    cdef readonly long long handles_dropped
    cdef object request(self, int function, int action)
    cdef object finish(self)
    cdef Py_ssize_t all_of(self, str shape) except -1
    cdef object request_items(self, int function, int action, str shape)
    cdef int action(self, int function, int action) except -1
    cdef object remember(self, long long key)
    cdef object forget(self, Py_ssize_t flow)
    cdef object activate(self, int action)
    cdef object response(self, int function, int action)
    cdef object set_status(self, Py_ssize_t row, long long code)
    cdef object identify(self, Py_ssize_t row)
    cdef object publish(self)
    cdef Py_ssize_t notified(self, long long subscription, dict known) except -1
    cdef object discovery(self, int function)
    cdef object application(self, str source, bint other)
