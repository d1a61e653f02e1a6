# The C side of frames.py.
from otwatch.copying cimport copy
from otwatch.streams.cutter cimport Cutter
from otwatch.tables cimport Packets, Pdus

cdef class Frames:
    cdef Cutter cutter
    cdef list links
    cdef list nameless
    cdef int feed(self, Packets packets, Py_ssize_t row, const unsigned char[::1] data, Py_ssize_t slot, int direction) except -1
