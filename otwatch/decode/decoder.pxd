# The C side of decoder.py.
from otwatch.addresses cimport Addresses
from otwatch.tables cimport Anomalies, Packets
from otwatch.decode.frame cimport Frame
from otwatch.decode.link cimport ethernet, link, ppp
from otwatch.decode.network cimport arp, extension, ipv4, ipv6
from otwatch.decode.transport cimport icmp, tcp, udp

cdef class Decoder:
    cdef public object limits
    cdef Frame frame
    cdef long long decoded
    cdef long long undecoded
    cdef long long malformed
    cdef long long header_missing
    cdef long long snapped
    cdef long long[::1] undecoded_ethertypes
    cdef object undecoded_links
    cdef long long undecoded_llc
    cdef int one(self) except -1
    cdef int count(self, int link_type, int ethertype) except -1
