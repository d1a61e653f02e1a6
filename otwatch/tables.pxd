# The C side of tables.py: column types for the compiled modules. Written by docs/reference/declare_tables.py from schemas.py.
from otwatch.copying cimport copy, piece

cdef class Octets:
    cdef public unsigned char[::1] data
    cdef public Py_ssize_t used
    cpdef Py_ssize_t reserve(self, Py_ssize_t length) except -1
    cpdef Py_ssize_t append(self, const unsigned char[::1] source, Py_ssize_t start, Py_ssize_t end) except -1

cdef class Table:
    cdef public object schema
    cdef public Py_ssize_t rows
    cdef public Py_ssize_t capacity
    cdef public dict columns
    cpdef Py_ssize_t new_row(self) except -1
    cpdef grow(self, Py_ssize_t capacity)

cdef class Packets(Table):
    cdef public const unsigned char[::1] data
    cdef public Octets side
    cdef public object file
    cdef public long long[::1] timestamp_ns
    cdef public long long[::1] frame
    cdef public long long[::1] at
    cdef public int[::1] captured_length
    cdef public int[::1] wire_length
    cdef public int[::1] link_type
    cdef public int[::1] interface
    cdef public int[::1] vlan_stripped
    cdef public long long[::1] mac_source
    cdef public long long[::1] mac_destination
    cdef public int[::1] vlan_outer
    cdef public int[::1] vlan_inner
    cdef public unsigned char[::1] vlan_count
    cdef public int[::1] ethertype
    cdef public unsigned char[::1] link_protocol
    cdef public unsigned char[::1] tunnel
    cdef public long long[::1] tunnel_id
    cdef public unsigned char[::1] arp_operation
    cdef public long long[::1] arp_mac
    cdef public int[::1] source
    cdef public int[::1] destination
    cdef public int[::1] ip_protocol
    cdef public int[::1] ttl
    cdef public int[::1] source_port
    cdef public int[::1] destination_port
    cdef public int[::1] tcp_flags
    cdef public long long[::1] tcp_sequence
    cdef public long long[::1] tcp_acknowledgement
    cdef public long long[::1] payload_at
    cdef public int[::1] payload_length
    cdef public int[::1] payload_missing
    cdef public int[::1] flags
    cdef public int[::1] flow
    cdef public unsigned char[::1] direction

cdef class Flows(Table):
    cdef public long long[::1] number
    cdef public int[::1] client
    cdef public int[::1] server
    cdef public int[::1] client_port
    cdef public int[::1] server_port
    cdef public int[::1] ip_protocol
    cdef public int[::1] ethertype
    cdef public long long[::1] mac_client
    cdef public long long[::1] mac_server
    cdef public int[::1] mac_changes
    cdef public int[::1] vlan_outer
    cdef public int[::1] vlan_inner
    cdef public unsigned char[::1] tunnel
    cdef public long long[::1] tunnel_id
    cdef public long long[::1] first_ns
    cdef public long long[::1] last_ns
    cdef public long long[::1] first_frame
    cdef public long long[::1] last_frame
    cdef public long long[::1] packets_to_server
    cdef public long long[::1] packets_to_client
    cdef public long long[::1] bytes_to_server
    cdef public long long[::1] bytes_to_client
    cdef public long long[::1] payload_to_server
    cdef public long long[::1] payload_to_client
    cdef public long long[::1] answered_ns
    cdef public long long[::1] refused_ns
    cdef public long long[::1] data_to_server_ns
    cdef public long long[::1] data_to_client_ns
    cdef public int[::1] tcp_flags_to_server
    cdef public int[::1] tcp_flags_to_client
    cdef public unsigned char[::1] direction_how
    cdef public unsigned char[::1] protocol
    cdef public unsigned char[::1] protocol_how
    cdef public long long[::1] pdus
    cdef public long long[::1] violations
    cdef public int[::1] gaps
    cdef public long long[::1] gap_bytes
    cdef public int[::1] retransmissions
    cdef public int[::1] conflicts
    cdef public long long[::1] skipped_bytes
    cdef public long long[::1] duplicates

cdef class FlowEvents(Table):
    cdef public long long[::1] timestamp_ns
    cdef public long long[::1] frame
    cdef public int[::1] flow
    cdef public unsigned char[::1] kind

cdef class Pdus(Table):
    cdef public Octets octets
    cdef public object packets
    cdef public int[::1] packet
    cdef public long long[::1] timestamp_ns
    cdef public long long[::1] frame
    cdef public int[::1] flow
    cdef public unsigned char[::1] direction
    cdef public int[::1] source
    cdef public int[::1] destination
    cdef public long long[::1] start
    cdef public long long[::1] end
    cdef public unsigned char[::1] framing
    cdef public int[::1] flags
    cdef public long long[::1] sequence
    cdef public long long[::1] awaits
    cdef public long long[::1] channel
    cdef public long long[::1] reference

cdef class Operations(Table):
    cdef long long[::1] spare_64
    cdef int[::1] spare_32
    cdef unsigned char[::1] spare_8
    cdef public int[::1] packet
    cdef public long long[::1] timestamp_ns
    cdef public long long[::1] frame
    cdef public int[::1] flow
    cdef public unsigned char[::1] direction
    cdef public int[::1] source
    cdef public int[::1] destination
    cdef public unsigned char[::1] role
    cdef public unsigned char[::1] protocol
    cdef public int[::1] function
    cdef public int[::1] subfunction
    cdef public unsigned char[::1] action
    cdef public long long[::1] unit
    cdef public int[::1] area
    cdef public long long[::1] object
    cdef public long long[::1] start
    cdef public long long[::1] count
    cdef public int[::1] status
    cdef public long long[::1] transaction
    cdef public int[::1] item
    cdef public int[::1] value_kind
    cdef public long long[::1] value_at
    cdef public int[::1] value_length
    cdef public long long[::1] request_frame
    cdef public long long[::1] latency_ns
    cdef public unsigned char[::1] contradicts
    cdef public int[::1] behaviour
    cpdef Py_ssize_t add(self, Pdus pdus, Py_ssize_t pdu, int role, int protocol, int function, int action) except -1

cdef class Anomalies(Table):
    cdef public int[::1] packet
    cdef public long long[::1] timestamp_ns
    cdef public long long[::1] frame
    cdef public int[::1] flow
    cdef public int[::1] source
    cdef public int[::1] destination
    cdef public unsigned char[::1] layer
    cdef public int[::1] kind
    cdef public int[::1] offset
    cdef public long long[::1] needed
    cdef public long long[::1] had
    cpdef Py_ssize_t add(self, Pdus pdus, Py_ssize_t pdu, int layer, int kind, int offset, long long needed, long long had) except -1

cdef class Behaviours(Table):
    cdef public int[::1] source
    cdef public int[::1] destination
    cdef public unsigned char[::1] protocol
    cdef public unsigned char[::1] role
    cdef public int[::1] function
    cdef public int[::1] subfunction
    cdef public unsigned char[::1] action
    cdef public long long[::1] unit
    cdef public int[::1] area
    cdef public long long[::1] object
    cdef public long long[::1] start
    cdef public long long[::1] count
    cdef public int[::1] status
    cdef public unsigned char[::1] answered
    cdef public long long[::1] messages
    cdef public long long[::1] first_ns
    cdef public long long[::1] second_ns
    cdef public long long[::1] third_ns
    cdef public long long[::1] last_ns
    cdef public long long[::1] first_frame
    cdef public long long[::1] last_frame
