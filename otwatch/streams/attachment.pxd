# The C side of attachment.py.
from otwatch.copying cimport piece
from otwatch.streams.framing cimport Framer
from otwatch.streams.ledger cimport Ledger
from otwatch.streams.stream cimport Room, Stream

cdef class Attachment(Ledger):
    cdef public object identifier
    cdef public list by_slot
    cdef public long long streams
    cdef public Room room
    cdef int most_wrong
    cdef list told_ends
    cdef list lasting
    cdef int drive(self, Stream stream, bint final) except -1
    cdef int identify(self, Stream stream, bint final) except -1
    cdef object found(self, Stream stream, object candidates, bytes first, bint final)
    cdef int sift(self, Stream stream, Py_ssize_t at) except -1
    cdef bint look(self, Py_ssize_t slot, int direction, Py_ssize_t length) except -1
    cdef object corroborated(self, Stream stream, Framer framer, bytes first, bint final)
    cdef object borne_out(self, Stream stream, Framer framer, bytes first, bint final)
    cdef object paired(self, Stream stream, object candidates, bytes first)
    cdef bytes said(self, Stream stream)
    cdef int suspect(self, Py_ssize_t slot, int protocol) except -1
    cdef int attach(self, Stream stream, Framer framer, bytes first) except -1
    cdef int turn_round(self, Py_ssize_t slot) except -1
    cdef int follow(self, Stream stream, Framer framer, bint fitting) except -1
    cdef int detach(self, Stream stream) except -1
    cdef int give_up(self, Py_ssize_t slot) except -1
    cdef int tell_end(self, Py_ssize_t slot) except -1
    cdef int forget(self, Py_ssize_t slot) except -1
    cdef int retire(self, Stream stream) except -1
