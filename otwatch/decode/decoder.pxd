# The C side of decoder.py.
from otwatch.addresses cimport Addresses
from otwatch.tables cimport Anomalies, Packets
from otwatch.decode.frame cimport Frame
from otwatch.decode.duplicates cimport Duplicates
from otwatch.decode.links cimport Links
from otwatch.decode.bridged cimport etherip, fabricpath, nsh, pbb, trill
from otwatch.decode.link cimport ethernet, link, tagged
from otwatch.decode.overlays cimport l2tpv3
from otwatch.decode.recognise cimport Recognised, ip_inside
from otwatch.decode.network cimport arp, extension, ipv4, ipv6
from otwatch.decode.transport cimport icmp, tcp, udp
from otwatch.decode.tunnels cimport gre, ip_in_ip, mpls, pppoe

cdef class Decoder:
    cdef public object limits
    cdef Frame frame
    cdef Links links
    cdef Duplicates recent
    cdef object fragments
    cdef readonly Packets readings
    cdef list unread
    cdef long long fragments_due_ns
    cdef long long decoded
    cdef long long undecoded
    cdef long long malformed
    cdef long long header_missing
    cdef long long snapped
    cdef long long duplicates
    cdef long long fragments_seen
    cdef long long reassembled
    cdef long long[::1] undecoded_ethertypes
    cdef const unsigned char[::1] control_ethertypes
    cdef const unsigned char[::1] control_protocols
    cdef object undecoded_links
    cdef object undecoded_llc
    cdef object undecoded_snap
    cdef object undecoded_ppp
    cdef Recognised recognised
    cdef unsigned long long[::1] pairs
    cdef readonly unsigned long long factor
    cdef int[::1] pair_source
    cdef int[::1] pair_destination
    cdef int pair(self, Packets packets, Py_ssize_t row, unsigned long long source, unsigned long long destination) except -1
    cdef int any(self, Packets packets, Py_ssize_t row) except -1
    cdef int take(self, Packets packets, Py_ssize_t row) except -1
    cdef int one(self) except -1
    cdef int fragment(self) except -1
    cdef int count(self, int link_type, int ethertype) except -1
