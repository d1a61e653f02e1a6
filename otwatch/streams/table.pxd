# The C side of table.py.
from otwatch.tables cimport Flows, Packets

cdef class FlowTable:
    cdef public Flows flows
    cdef public object addresses
    cdef readonly Py_ssize_t live
    cdef readonly Py_ssize_t cap
    cdef readonly long long opened
    cdef bint low
    cdef bint tcp
    cdef bint udp
    cdef long long idle_tcp
    cdef long long idle_other
    cdef unsigned long long seed
    cdef long long a
    cdef long long b
    cdef long long[::1] key_a
    cdef long long[::1] key_b
    cdef int[::1] chain
    cdef int[::1] heads
    cdef unsigned long long mask
    cdef int[::1] newer
    cdef int[::1] older
    cdef int[::1] newest
    cdef int[::1] oldest
    cdef unsigned char[::1] row_list
    cdef unsigned char[::1] client_low
    cdef unsigned short[::1] state
    cdef unsigned char[::1] mode
    cdef int[::1] budget
    cdef long long[::1] start
    cdef long long[::1] octet
    cdef long long[::1] mac
    cdef unsigned char[::1] allowed
    cdef unsigned char[::1] hints
    cdef int[::1] free
    cdef Py_ssize_t free_count
    cdef Py_ssize_t used
    cdef int find(self, Packets packets, Py_ssize_t row) except -2
    cdef int open(self, Packets packets, Py_ssize_t row) except -2
    cdef int remove(self, Py_ssize_t slot) except -1
    cdef int release(self, Py_ssize_t slot) except -1
    cdef int touch(self, Py_ssize_t slot) except -1
    cdef int enter(self, Py_ssize_t slot, int mode) except -1
    cdef int move(self, Py_ssize_t slot, int to) except -1
    cdef int unlink(self, Py_ssize_t slot) except -1
    cdef int link(self, Py_ssize_t slot, int to) except -1
    cdef int reverse(self, Py_ssize_t slot, int how) except -1
    cdef int idle_longest(self) except -2
    cdef int due(self, long long now) except -2
    cdef long long next_due(self) except? -2
    cdef long long idle_limit(self, Py_ssize_t which) except? -2
    cdef int server_hint(self, int ip_protocol, int source_port, int destination_port) except -2
    cdef object resize(self, Py_ssize_t capacity)
