# The C side of datagrams.py.
from otwatch.copying cimport copy
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.framing cimport Framer
from otwatch.streams.table cimport FlowTable

cdef class Datagrams:
    cdef Cutter cutter
    cdef int most_wrong
    cdef bint other_reading
    cdef list framers
    cdef unsigned char[::1] takers
    cdef readonly long long bytes
    cdef readonly long long framed
    cdef readonly long long skipped
    cdef int feed(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing, Py_ssize_t slot, int direction) except -1
    cdef int hand_over(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing, Py_ssize_t slot, int direction) except -1
    cdef Framer sibling(self, Framer framer, const unsigned char[::1] data, Py_ssize_t here, Py_ssize_t end, int direction)
    cdef Framer identify(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t slot, int direction)
