# The C side of pcap.py.
from otwatch.capture.walk cimport Walk

cdef class PcapWalk(Walk):
    cdef public bint big
    cdef public int header_bytes
    cdef public long long unit_ns
    cdef public int lengths
    cdef public int link_type
    cdef public long long most
