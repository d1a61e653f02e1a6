# The C side of stream.py.
from otwatch.copying cimport copy
from otwatch.streams.framing cimport Framer
from otwatch.tables cimport Octets, Pdus

cdef class Buffers:
    cdef unsigned char[::1] history
    cdef long long[::1] starts
    cdef Octets pending

cdef class Room:
    cdef public long long left
    cdef list spare

cdef class Stream:
    cdef readonly Py_ssize_t slot
    cdef public int direction
    cdef Framer framer
    cdef Pdus pdus
    cdef bint started
    cdef bint in_line
    cdef Stream rival
    cdef Stream main
    cdef int why
    cdef long long watch
    cdef long long own
    cdef bint reported
    cdef int always
    cdef list read_apart
    cdef bint from_start
    cdef long long probe
    cdef int probe_octet
    cdef long long next
    cdef long long position
    cdef long long base
    cdef long long acknowledged
    cdef list held
    cdef list disputed
    cdef long long held_bytes
    cdef long long hole
    cdef long long deadline
    cdef long long quiet
    cdef Octets pending
    cdef Py_ssize_t needed
    cdef list marks
    cdef list stops
    cdef tuple suspected
    cdef bint doubt
    cdef bint heard
    cdef bint searching
    cdef bint flagged
    cdef bint made
    cdef bint closed
    cdef long long skip
    cdef int flags
    cdef long long awaits
    cdef int wrong
    cdef long long passed
    cdef unsigned char[::1] history
    cdef long long history_mask
    cdef long long history_cap
    cdef long long settled
    cdef Room room
    cdef Buffers buffers
    cdef long long[::1] starts
    cdef long long started_pdus
    cdef int line_up(self) except -1
    cdef int remember(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int write(self, unsigned char[::1] ring, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position) except -1
    cdef int read(self, const unsigned char[::1] ring, unsigned char[::1] target, Py_ssize_t to, long long position, Py_ssize_t length) except -1
    cdef object make_room(self, long long length)
    cdef long long unacknowledged(self) except? -1
    cdef int give_back(self) except -1
    cdef object larger(self, const unsigned char[::1] ring, long long size, long long kept)
    cdef int jump(self, long long distance) except -1
    cdef long long oldest_kept(self) except? -1
    cdef long long differing(self, long long position, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef Buffers equipment(self)
    cdef int keep(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int drop(self, Py_ssize_t length) except -1
    cdef int start_of_pdu(self, long long position) except -1
    cdef long long boundary_before(self, long long position) except? -1
