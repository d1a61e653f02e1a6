# The C side of addresses.py.

cdef class Addresses:
    cdef public Py_ssize_t rows
    cdef public Py_ssize_t limit
    cdef public long long refused
    cdef public long long forgotten
    cdef readonly Py_ssize_t live
    cdef unsigned long long[::1] high
    cdef unsigned long long[::1] low
    cdef int[::1] ids
    cdef int[::1] slots
    cdef int[::1] free
    cdef unsigned long long mask
    cdef Py_ssize_t used
    cdef Py_ssize_t free_count
    cdef int bits
    cdef unsigned long long seed
    cpdef int intern(self, unsigned long long high, unsigned long long low) except -2
    cdef int intern_ipv6(self, unsigned long long high, unsigned long long low) except -2
    cpdef int intern_mac(self, long long mac) except -2
    cpdef object grow(self)
    cpdef object rehash(self)
    cdef unsigned long long place(self, unsigned long long high, unsigned long long low) except? 0
