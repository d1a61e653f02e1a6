# The C side of userdata.py.
from otwatch.protocols.s7comm.state cimport Conversation, Message, Request
from otwatch.tables cimport Operations

cdef class Userdata:
    cdef public object dissector
    cdef public object limits
    cpdef int feed(self, Message message) except -1
