# The C side of headers.py.
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Operations

cdef class Headers(Rows):
    cdef unsigned char[::1] what
    cdef short[::1] sizes
    cdef unsigned char[::1] known
    cdef Py_ssize_t start
    cdef bint cut
    cdef long long allowed
    cdef long long left
    cdef int item
    cdef int function
    cdef int asked
    cdef long long unit
    cdef int role
    cdef int sequence
    cdef long long request_frame
    cdef long long latency_ns
    cdef int status
    cdef Py_ssize_t row(self, int area, int variation, long long start, long long count) except -1
    cdef value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t length)
    cdef truncated(self, Py_ssize_t at, long long needed, long long had)
    cdef objects(self, Py_ssize_t at, Py_ssize_t end)
    cdef Py_ssize_t run(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int size, long long index, long long count) except -1
    cdef Py_ssize_t packed(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int bits, long long index, long long count) except -1
    cdef Py_ssize_t rest(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, long long index, long long count) except -1
    cdef Py_ssize_t each(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int size, long long index, long long count, int prefix) except -1
    cdef Py_ssize_t sized(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, long long count, int prefix) except -1
    cdef sized_status(self, Py_ssize_t row, int group, int variation, Py_ssize_t at, long long size)
    cdef Py_ssize_t attributes(self, Py_ssize_t at, Py_ssize_t end, int variation, long long index, long long count, int prefix) except -1
    cdef attribute_fact(self, int variation, Py_ssize_t at, long long size)
