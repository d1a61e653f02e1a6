# The C side of pcap.py.
from otwatch.capture.walk cimport Walk

cdef class PcapWalk(Walk):
    cdef public bint big
    cdef public int header_bytes
    cdef public long long unit_ns
    cdef public int lengths
    cdef public int link_type
    cdef public long long most
    cpdef Py_ssize_t search(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, bint final) except -1
