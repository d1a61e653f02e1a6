# The C side of readings.py.
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.framing cimport Framer
from otwatch.streams.stream cimport Stream

cdef class Readings:
    cdef Cutter cutter
    cdef long long history_bytes
    cdef long long gap_ns
    cdef Stream begin(self, Stream stream, int why, long long position)
    cdef int over(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position, bint proven) except -1
    cdef long long boundary(self, Stream stream, long long position) except? -2
    cdef long long earlier(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position) except? -2
    cdef bint continued(self, Stream stream, long long start, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length,
                        long long position) except -1
    cdef bint before_rival(self, Stream stream, long long position, Py_ssize_t length) except -1
    cdef int prepend(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position, bint proven) except -1
    cdef bint read_before(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position) except -1
    cdef int third(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int apart(self, Stream stream, int why, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long position) except -1
    cdef int ahead(self, Stream stream) except -1
    cdef int urgent(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t pointer) except -1
    cdef int route(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing, long long sequence,
                   long long time, long long frame) except -1
    cdef int went_on(self, Stream stream, long long acknowledged) except -1
    cdef int moved_on(self, Stream stream) except -1
    cdef Py_ssize_t join(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int acknowledge(self, Stream stream, long long acknowledgement) except -1
    cdef int answered(self, Stream stream, long long acknowledgement) except -1
    cdef int meet(self, Stream stream) except -1
    cdef int be_patient(self, Stream rival) except -1
    cdef int patience_ends(self, Stream rival) except -1
    cdef int borrow(self, Stream stream, Stream other, Py_ssize_t length) except -1
    cdef int borrow_before(self, Stream rival, Stream stream, long long start) except -1
    cdef int finish(self, Stream stream, Stream other) except -1
    cdef int complete(self, Stream stream) except -1
    cdef int drop(self, Stream stream) except -1
    cdef int promote(self, Stream stream) except -1
    cdef int read_held(self, Stream stream) except -1
