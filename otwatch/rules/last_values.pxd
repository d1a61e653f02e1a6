# The C side of last_values.py.
from otwatch.copying cimport copy
from otwatch.tables cimport Octets, Operations

cdef class LastValues:
    cdef public Py_ssize_t most
    cdef public Py_ssize_t dropped
    cdef public Octets octets
    cdef public unsigned char[::1] follows
    cdef public int[::1] row
    cdef public int[::1] kind
    cdef public int[::1] room
    cdef public int[::1] length
    cdef public long long[::1] at
    cdef public long long[::1] frame
    cdef public long long[::1] timestamp_ns
    cpdef feed(self, Operations operations, Octets octets)
