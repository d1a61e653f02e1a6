# The C side of cutter.py.
from otwatch.copying cimport copy
from otwatch.streams.attachment cimport Attachment
from otwatch.streams.beside cimport Beside
from otwatch.streams.framing cimport Framer
from otwatch.streams.lengths cimport Lengths
from otwatch.streams.stream cimport Stream
from otwatch.tables cimport Pdus

cdef class Cutter(Attachment):
    cdef public Beside beside
    cdef Lengths lengths
    cdef long long most_pending
    cdef long long most_waiting
    cdef int deliver(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long time,
                     long long frame) except -1
    cdef int wait(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef Py_ssize_t take(self, Stream stream) except -1
    cdef int cut(self, Stream stream, Py_ssize_t start, list marks) except -1
    cdef int emit(self, Stream stream, Py_ssize_t start, Py_ssize_t end, long long position, int extra) except -1
    cdef int number(self, Stream stream, long long position) except -1
    cdef int consider(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int search(self, Stream stream, bint final) except -1
    cdef int be_patient(self, Stream stream) except -1
    cdef int stand_in(self, Stream stream, bint final) except -1
    cdef int astray(self, Stream stream) except -1
    cdef int overflow(self, Stream stream) except -1
    cdef int gap(self, Stream stream, long long size) except -1
    cdef int cut_short(self, Stream stream) except -1
    cdef int settle(self, Stream stream) except -1
    cdef int end(self, Stream stream) except -1
    cdef long long not_so_long(self, Stream stream, Py_ssize_t at, Py_ssize_t end, long long length) except -1
    cdef int doubts(self, Stream stream, list marks, Py_ssize_t passed) except -1
    cdef bint shorten(self, Stream stream, bytes said, int why) except -1
    cdef int settled(self, Stream stream) except -1
    cdef int doubt_whole(self, Stream stream) except -1
    cdef int acquit(self, Stream stream, bint doubted) except -1
    cdef int convict(self, Stream stream, bytes said) except -1
    cdef int spoken(self, Stream stream, bytes said) except -1
    cdef int patience_ends(self, Stream stream) except -1
