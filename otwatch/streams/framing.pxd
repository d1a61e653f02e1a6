# The C side of framing.py.
from otwatch.copying cimport piece

cdef class Openings:
    cdef unsigned long long[::1] fitting
    cdef unsigned long long on_port
    cdef unsigned long long anywhere
    cdef unsigned long long possible(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, bint on_port) except? 0

cdef class Framer:
    cdef readonly int protocol
    cdef readonly int index
    cdef readonly object framing
    cdef readonly object probe
    cdef readonly object cut_call
    cdef readonly bint stand_in
    cdef readonly Py_ssize_t header_bytes
    cdef int[::1] magic
    cdef int[::1] crc
    cdef Py_ssize_t magic_count
    cdef Py_ssize_t length_at
    cdef Py_ssize_t length_bytes
    cdef bint little_endian
    cdef long long length_add
    cdef long long block_after
    cdef long long block_bytes
    cdef long long block_crc_bytes
    cdef bint header_crc
    cdef readonly bint framing_ends
    cdef long long min_bytes
    cdef bint fits_word
    cdef unsigned long long word_mask
    cdef unsigned long long word_magic
    cdef int length_shift
    cdef unsigned long long length_mask
    cdef readonly long long max_bytes
    cpdef long long measure(self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, int direction) except -2
    cdef long long measure_by_call(self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, int direction) except -2
    cdef bint crc_fits(self, const unsigned char[::1] data, Py_ssize_t start) except -1
    cdef int fits(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, int direction, bint final) except -1
