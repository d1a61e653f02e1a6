# The C side of lengths.py.
from otwatch.streams.framing cimport Framer
from otwatch.streams.stream cimport Stream

cdef class Lengths:
    cdef Py_ssize_t judge(self, Stream stream, Stream other, bytes said, int why) except -1
    cdef Py_ssize_t answered_at(self, Stream stream, list stops, bytes data, bytes said) except -1
    cdef bint answers_one(self, Stream stream, bytes data, Py_ssize_t at, bytes reply) except -1
    cdef Py_ssize_t inner(self, Stream stream) except -1
    cdef bint paired(self, Stream stream, Stream other, bytes message, bytes said) except -1
    cdef list messages(self, Stream stream, bytes said)
    cdef list recent(self, Stream other)
    cdef Py_ssize_t astray(self, Framer framer, bytes data, int direction, long long length) except -1
