# The C side of reassembly.py.
from otwatch.streams.cutter cimport Cutter
from otwatch.streams.readings cimport Readings
from otwatch.streams.stream cimport Stream

cdef class Reassembler:
    cdef Cutter cutter
    cdef Readings readings
    cdef long long gap_ns
    cdef long long acknowledgement
    cdef long long most_held
    cdef long long most_held_total
    cdef int segment(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing,
                     long long sequence, long long time, long long frame) except -1
    cdef int out_of_line(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing,
                         long long delta, long long time, long long frame) except -1
    cdef int two_readings(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing,
                          long long sequence, long long time, long long frame) except -1
    cdef int in_place(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long time,
                      long long frame) except -1
    cdef int give_up(self, Stream stream) except -1
    cdef int take_back(self, Stream stream) except -1
    cdef bint chained(self, Stream stream) except -1
    cdef int settle(self, Stream stream) except -1
    cdef bint is_made(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int cut_off(self, Stream stream, long long missing) except -1
    cdef bint repeated(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t whole,
                       long long position) except -1
    cdef int hold(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, Py_ssize_t missing,
                  long long position, long long time, long long frame) except -1
    cdef int drain(self, Stream stream) except -1
    cdef int settle_disputes(self, Stream stream) except -1
    cdef int acknowledge(self, Stream stream, long long acknowledgement) except -1
    cdef int answered(self, Stream stream, long long acknowledgement) except -1
    cdef int skip_hole(self, Stream stream, int kind) except -1
    cdef int alarm(self, long long now) except -1
    cdef int end(self, Stream stream) except -1
