# The C side of beside.py.
from otwatch.copying cimport copy
from otwatch.streams.framing cimport Framer
from otwatch.streams.ledger cimport Ledger
from otwatch.streams.stream cimport Stream

cdef class Beside:
    cdef Ledger ledger
    cdef int read_apart(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, int flags) except -1
