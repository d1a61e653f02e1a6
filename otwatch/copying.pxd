# The C side of copying.py.
from libc.string cimport memcmp, memcpy

cpdef int copy(unsigned char[::1] target, Py_ssize_t to, const unsigned char[::1] source, Py_ssize_t at, Py_ssize_t length) except -1
cpdef bint same(const unsigned char[::1] one, Py_ssize_t at, const unsigned char[::1] other, Py_ssize_t other_at, Py_ssize_t length) except -1
cpdef bytes piece(const unsigned char[::1] source, Py_ssize_t at, Py_ssize_t end)
