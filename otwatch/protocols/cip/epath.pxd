# The C side of epath.py.
cimport cython

@cython.final
cdef class Path:
    cdef public Py_ssize_t class_
    cdef public long long instance
    cdef public long long attribute
    cdef public long long point
    cdef public long long element
    cdef public long long name
    cdef public long long unit
    cdef public int key_vendor
    cdef public int key_type
    cdef public bint whole
    cdef public bint listing
    cdef public Py_ssize_t wrong_at
    cdef unsigned char[::1] text
    cdef Py_ssize_t used
    cdef unsigned char[::1] route
    cdef Py_ssize_t route_used
    cdef int hops
    cdef public int connection_points
    cdef public long long point_2
    cdef object clear(self)
    cpdef bint read(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -1
    cdef Py_ssize_t segment(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -2
    cdef Py_ssize_t port(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -2
    cdef Py_ssize_t logical(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -2
    cdef object take(self, int kind, Py_ssize_t value)
    cdef object member(self, Py_ssize_t value)
    cdef object symbol(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end)
    cdef object put(self, int octet)
    cdef object digits(self, Py_ssize_t value)
    cdef object hop(self, const unsigned char[::1] data, int port, Py_ssize_t at, Py_ssize_t end)
    cdef object step(self, str text)
    cdef object finish(self)
