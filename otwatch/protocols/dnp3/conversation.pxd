# The C side of conversation.py.

from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Octets

cdef class Side:
    cdef public Octets buffer
    cdef public bint assembling
    cdef public int sequence
    cdef public long long segments
    cdef public Py_ssize_t last_length
    cdef public int queue
    cdef public long long lost
    cdef public long long messages
    cdef public bytes select
    cdef public int select_sequence
    cdef public long long select_frame
    cdef public long long select_ns
    cdef public int answering
    cdef public int answered
    cdef public int confirm_sequence
    cdef public long long confirm_frame
    cdef public long long confirm_ns
    cdef public int unsolicited_sequence
    cdef public long long unsolicited_frame
    cdef public long long unsolicited_ns
    cdef public int indications
    cdef public int device
    cpdef object gap(self)

cdef class Link:
    cdef readonly long long key
    cdef public bint requested
    cdef readonly Side low
    cdef readonly Side high

cdef class Conversation:
    cdef Pairing pairing
    cdef readonly dict links
    cdef Link newest
    cdef public int master
    cdef public long long lost
    cdef public long long forgotten
    cpdef Link find(self, long long key)
    cpdef Link add(self, long long key)
    cpdef int drop(self) except -1
    cpdef long long give_back(self, Link link) except -1
    cpdef long long close(self) except -1
