# The C side of heads.py.
from otwatch.copying cimport piece
from otwatch.streams.ledger cimport Ledger
from otwatch.tables cimport Pdus

cdef class Side:
    cdef long long next
    cdef long long skip
    cdef bytes pending
    cdef list held
    cdef Py_ssize_t held_bytes
    cdef bint lost
    cdef bint done
    cdef int tries
    cdef int messages
    cdef int flags

cdef class Reader:
    cdef list candidates
    cdef bint known
    cdef bint hinted
    cdef bint turned
    cdef tuple sides

cdef class Heads:
    cdef Ledger ledger
    cdef Py_ssize_t most
    cdef readonly long long refused
    cdef list heads
    cdef dict by_port
    cdef list by_first
    cdef dict readers
    cdef unsigned char[::1] state
    cdef int segment(self, Py_ssize_t slot, int direction, long long start, long long sequence, const unsigned char[::1] data, Py_ssize_t at,
                     Py_ssize_t length, Py_ssize_t missing) except -1
    cdef Reader opened(self, Py_ssize_t slot, int direction, bytes first, bint begins)
    cdef bint may_begin(self, Py_ssize_t slot, int direction, bytes first, list candidates) except -1
    cdef int hold(self, Py_ssize_t slot, Reader reader, Side side, int direction, long long sequence, bytes octets, Py_ssize_t missing) except -1
    cdef int release(self, Py_ssize_t slot, Reader reader, Side side, int direction, bint final) except -1
    cdef int hole(self, Side side, long long size) except -1
    cdef int deliver(self, Py_ssize_t slot, Reader reader, Side side, int direction, const unsigned char[::1] data, Py_ssize_t at,
                     Py_ssize_t length) except -1
    cdef int recognise(self, Py_ssize_t slot, Reader reader, Side side, int direction) except -1
    cdef int cut(self, Py_ssize_t slot, Reader reader, Side side, int direction) except -1
    cdef int plain(self, Py_ssize_t slot) except -1
    cdef int close(self, Py_ssize_t slot) except -1
