# The C side of behaviours.py.
from otwatch.tables cimport Behaviours, Flows, Operations

cdef class BehaviourIndex:
    cdef public Behaviours behaviours
    cdef public Py_ssize_t limit
    cdef public long long merged
    cdef readonly Py_ssize_t most_pairs
    cdef readonly Py_ssize_t most_unanswered
    cdef readonly dict pairs
    cdef readonly long long unanswered
    cdef readonly long long shared
    cdef readonly Py_ssize_t most_places
    cdef bint widened
    cdef public long long merged_pairs
    cdef Flows flows
    cdef int[::1] slots
    cdef unsigned long long[::1] hashes
    cdef unsigned long long[::1] keys
    cdef unsigned long long mask
    cdef unsigned long long seed
    cpdef Py_ssize_t feed(self, Operations operations, Flows flows=*) except -1
    cdef int find(self, int source, int destination, int protocol, int role, int function, int subfunction, int action, long long unit,
                  int area, long long object_, long long start, long long count, int status, int flow) except -2
    cdef bint admits(self, unsigned long long who, int flow) except? 0
    cdef bint is_answered(self, int flow) except? 0
    cdef object rehash(self)
