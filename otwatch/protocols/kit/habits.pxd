# The C side of habits.py.
from otwatch.tables cimport Pdus

cdef class Habits:
    cdef readonly str source
    cdef readonly dict numbers
    cdef readonly list devices
    cdef public long long[::1] good
    cdef public unsigned char[::1] odd
    cpdef int device(self, Pdus pdus, Py_ssize_t pdu) except -1
    cpdef bint is_habit(self, int device, int kind) except -1
    cpdef bint may_be(self, int device, bint doubtful) except -1
    cpdef int deviates(self, int device, int kind, Pdus pdus, Py_ssize_t pdu, str text, list facts) except -1
    cpdef bint is_proven(self, int device, int kind) except -1
    cpdef bint ended(self, int device, int kind) except -1
