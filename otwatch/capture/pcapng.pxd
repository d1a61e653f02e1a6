# The C side of pcapng.py.
from otwatch.capture.walk cimport Walk

cdef class PcapngWalk(Walk):
    cdef public bint big
    cdef public int section_first
    cdef public int known
    cdef public long long most
    cdef int[::1] link_types
    cdef unsigned char[::1] scales
    cdef unsigned long long[::1] factors
    cdef long long[::1] offsets_ns
    cdef unsigned int[::1] snap_lengths
    cdef long long[::1] counts
    cdef long long time(self, Py_ssize_t interface, unsigned long long ticks) noexcept
    cpdef object make_room(self)
    cpdef object describe(self, unsigned int kind, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length)
    cpdef Py_ssize_t search(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, bint final) except -1
