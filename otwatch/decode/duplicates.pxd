# The C side of duplicates.py.
from otwatch.decode.frame cimport Frame
from otwatch.tables cimport Packets

cdef class Duplicates:
    cdef long long window_ns
    cdef long long ring
    cdef long long count
    cdef unsigned long long mask
    cdef unsigned long long[::1] fingerprints
    cdef unsigned long long[::1] paths
    cdef long long[::1] times
    cdef long long[::1] previous
    cdef long long[::1] heads
    cdef bint seen(self, Frame frame) except -1
    cdef bint plain(self, Packets packets, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end) except -1
    cdef bint known(self, unsigned long long fingerprint, unsigned long long path, long long time, bint numbered) except -1
