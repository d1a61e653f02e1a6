# The C side of behaviours.py.
from otwatch.tables cimport Behaviours, Operations

cdef class BehaviourIndex:
    cdef public Behaviours behaviours
    cdef public Py_ssize_t limit
    cdef public long long merged
    cdef int[::1] slots
    cdef unsigned long long[::1] hashes
    cdef unsigned long long[::1] keys
    cdef unsigned long long mask
    cdef unsigned long long seed
    cpdef Py_ssize_t feed(self, Operations operations) except -1
    cdef int find(self, int source, int destination, int protocol, int role, int function, int subfunction, int action, long long unit,
                  int area, long long object_, long long start, long long count, int status) except -2
    cdef object rehash(self)
