# The C side of links.py.

cdef class Links:
    cdef dict shared
    cdef dict snaps
    cdef dict llcs
    cdef const unsigned char[::1] types
    cdef int taker(self, int ethertype, long long snap, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -1
