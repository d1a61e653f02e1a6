# The C side of tpacket.py.
from otwatch.tables cimport Packets

cdef class BlockWalk:
    cdef public int interface
    cdef public int link_type
    cdef public bint big
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end
    cdef public Py_ssize_t left
    cdef public long long frames
    cdef public long long captured_bytes
    cdef public long long wire_bytes
    cdef public long long outgoing
    cpdef Py_ssize_t walk(self, const unsigned char[::1] data, const unsigned int[::1] words, Packets packets, Py_ssize_t capacity) except -1
