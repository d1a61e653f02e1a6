# The C side of frames.py.
cimport cython
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Stream:
    cdef int provider
    cdef long long last_ns
    cdef int counter
    cdef int step
    cdef int status
    cdef long long frames
    cdef long long lost_ns
    cdef long long order_ns
    cdef long long foreign_ns
    cdef long long transfer_ns

@cython.final
cdef class Frames:
    cdef int protocol
    cdef int layer
    cdef readonly dict streams
    cdef dict others
    cdef Py_ssize_t most
    cdef bint capped
    cdef Pdus pdus
    cdef Operations operations
    cdef Anomalies anomalies
    cdef Py_ssize_t pdu
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies)
    cdef object _report(self, int kind, int offset, long long needed, long long had)
    cdef Py_ssize_t _row(self, int function, int sub, int action, long long number) except? -2
    cdef bint _is_new(self, int kind) except -1
    cdef object _once(self, int kind, int function, int action)
    cdef object _cyclic(self, int kind)
    cdef object _counted(self, Stream stream, int counter, long long now, Py_ssize_t start, Py_ssize_t end)
    cdef object _alarm(self, int kind)
