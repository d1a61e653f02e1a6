# The C side of parts.py.
from otwatch.tables cimport Octets

cdef class Parts:
    cdef Py_ssize_t limit
    cdef Py_ssize_t limit_total
    cdef readonly Py_ssize_t held
    cdef dict buffers
    cpdef Py_ssize_t size(self, long long key) except -1
    cpdef bint add(self, long long key, Octets source, Py_ssize_t at, Py_ssize_t end) except -1
    cpdef Py_ssize_t take(self, long long key, Octets target) except -1
    cpdef Py_ssize_t drop(self, long long key) except -1
    cpdef forget(self, long long key)
