# The C side of tally.py.
from otwatch.tables cimport Flows, Packets, Table

cdef class HostRows(Table):
    cdef public int[::1] address
    cdef public long long[::1] mac
    cdef public long long[::1] shown_mac
    cdef public long long[::1] shown_times
    cdef public long long[::1] told_mac
    cdef public long long[::1] told_times
    cdef public int[::1] vlan
    cdef public long long[::1] first_ns
    cdef public long long[::1] last_ns
    cdef public long long[::1] packets_sent
    cdef public long long[::1] packets_received
    cdef public long long[::1] bytes_sent
    cdef public long long[::1] bytes_received
    cdef public long long[::1] to_group

cdef class TalkRows(Table):
    cdef public int[::1] client
    cdef public long long[::1] client_mac
    cdef public int[::1] server
    cdef public long long[::1] server_mac
    cdef public int[::1] ip_protocol
    cdef public int[::1] server_port
    cdef public int[::1] protocol
    cdef public int[::1] ethertype
    cdef public int[::1] vlan
    cdef public int[::1] tunnel
    cdef public long long[::1] first_ns
    cdef public long long[::1] last_ns
    cdef public long long[::1] first_frame
    cdef public long long[::1] flows
    cdef public long long[::1] answered
    cdef public long long[::1] unanswered_requests
    cdef public int[::1] protocol_how
    cdef public int[::1] tcp_flags_to_client
    cdef public long long[::1] packets_to_server
    cdef public long long[::1] packets_to_client
    cdef public long long[::1] bytes_to_server
    cdef public long long[::1] bytes_to_client
    cdef public long long[::1] payload_to_server
    cdef public long long[::1] payload_to_client
    cdef public long long[::1] pdus
    cdef public long long[::1] violations
    cdef public long long[::1] gaps
    cdef public long long[::1] gap_bytes
    cdef public long long[::1] retransmissions
    cdef public long long[::1] conflicts
    cdef public long long[::1] duplicates
    cdef public long long[::1] skipped_bytes

cdef class Tally:
    cdef readonly HostRows hosts
    cdef readonly TalkRows talks
    cdef readonly dict shown
    cdef readonly dict told
    cdef readonly dict vlans
    cdef public long long refused_hosts
    cdef public long long merged_talks
    cdef public long long refused_macs
    cdef readonly Py_ssize_t most_hosts
    cdef readonly Py_ssize_t most_talks
    cdef readonly Py_ssize_t most_unanswered_hosts
    cdef readonly Py_ssize_t most_unanswered_talks
    cdef readonly Py_ssize_t unanswered_hosts
    cdef readonly Py_ssize_t unanswered_talks
    cdef readonly Py_ssize_t most_macs
    cdef unsigned long long seed
    cdef int[::1] host_slots
    cdef int[::1] talk_slots
    cdef unsigned long long at
    cpdef object fold(self, Flows flows, long long[::1] slots, dict unanswered)
    cpdef object arp(self, Packets packets)
    cpdef int find_host(self, int address, long long mac) except -2
    cpdef int host(self, int address, long long mac, int proven) except -2
    cpdef int find_talk(self, int client, long long client_mac, int server, long long server_mac, int ip_protocol, int port, int protocol) except -2
    cpdef int talk(self, int client, long long client_mac, int server, long long server_mac, int ip_protocol, int port, int protocol,
                   int proven) except -2
    cdef bint has_room(self, int proven, int quarters) except? 0
    cdef int new_talk(self, int client, long long client_mac, int server, long long server_mac, int ip_protocol, int port, int protocol) except -2
    cdef int add_host(self, int row, Flows flows, Py_ssize_t slot, bint is_client) except -1
    cdef int add_talk(self, int row, Flows flows, Py_ssize_t slot, bint answered, long long unanswered) except -1
    cdef int note(self, dict more, int row, long long mac) except -1
    cdef unsigned long long hash_host(self, int address, long long mac) except? 0
    cdef unsigned long long hash_talk(self, int client, long long client_mac, int server, long long server_mac, int ip_protocol, int port,
                                      int protocol) except? 0
    cpdef object recount(self)
    cpdef object rehash(self)
