# The C side of recognise.py.
from otwatch.decode.frame cimport Frame

cdef class Recognised:
    cdef Py_ssize_t limit
    cdef dict flows
    cdef dict candidates
    cdef int datagram(self, Frame frame, Py_ssize_t at, int source, int destination) except -1
    cdef int known(self, Frame frame, int source, int destination) except -2
    cdef bint counts_on(self, Frame frame, Py_ssize_t at, int source, int destination) except -1

cdef bint ip_inside(Frame frame, Py_ssize_t at) except -1
cdef int echo(Frame frame, Py_ssize_t at) except -1
