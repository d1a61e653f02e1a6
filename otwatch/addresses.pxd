# The C side of addresses.py.

cdef class Addresses:
    cdef public Py_ssize_t rows
    cdef public Py_ssize_t limit
    cdef public long long refused
    cdef unsigned long long[::1] high
    cdef unsigned long long[::1] low
    cdef int[::1] slots
    cdef unsigned long long mask
    cpdef int intern(self, unsigned long long high, unsigned long long low) except -2
    cpdef object grow(self)
