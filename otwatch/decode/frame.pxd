# The C side of frame.py.
from otwatch.addresses cimport Addresses
from otwatch.tables cimport Anomalies, Packets

cdef class Frame:
    cdef Addresses addresses
    cdef Packets packets
    cdef Anomalies anomalies
    cdef Py_ssize_t row
    cdef const unsigned char[::1] data
    cdef Py_ssize_t start
    cdef Py_ssize_t at
    cdef Py_ssize_t end
    cdef Py_ssize_t wire_end
    cdef int next
    cdef int flags
    cdef int depth
    cdef int tunnel_depth
    cdef int extensions
    cdef bint header_missing
    cdef bint open_ended
    cdef bint compared
    cdef Py_ssize_t network_at
    cdef int version
    cdef int outer_source
    cdef int outer_destination
    cdef long long fragment_id
    cdef int fragment_offset
    cdef bint fragment_more
    cdef int fragment_protocol
    cdef public object counts
    cdef public long long[::1] tunnels
    cdef public long long[::1] unread
    cdef long long snap
    cdef int ppp
    cdef Py_ssize_t datagram_at
    cdef public long long[::1] ip_unread
    cdef bint side
    cdef int begin(self, Packets packets, Anomalies anomalies) except -1
    cdef int open(self, Py_ssize_t row) except -1
    cdef int note(self, int layer, int kind, Py_ssize_t offset, long long needed, long long had) except -1
    cdef int fail(self, int layer, int kind, Py_ssize_t offset, long long needed, long long had) except -1
    cdef int lacks(self, int layer, int kind, Py_ssize_t start, Py_ssize_t needed) except -1
    cdef int bound(self, Py_ssize_t end) except -1
    cdef int payload(self, Py_ssize_t at) except -1
    cdef int undecoded(self, int ethertype) except -1
    cdef bint carries_ethernet(self, Py_ssize_t at) except -1
    cdef int carries_ip(self, Py_ssize_t at, bint exact) except -1
    cdef int unwrap(self, int tunnel, long long tunnel_id) except -1
