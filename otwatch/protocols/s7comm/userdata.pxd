# The C side of userdata.py.
from otwatch.protocols.s7comm.state cimport Conversation, Message, Request
from otwatch.protocols.s7comm.variables cimport Variables
from otwatch.tables cimport Operations

cdef class Userdata:
    cdef public object dissector
    cdef public Variables variables
    cdef public int part_limit
    cdef public int open_limit
    cdef public int group
    cdef public int subfunction
    cdef public int sequence
    cdef public int action
    cdef public int code
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end
    cpdef int feed(self, Message message) except -1
    cdef int pair(self, Message message) except -1
    cdef int data(self, Message message, int unit, int more) except -1
    cdef int body(self, Message message) except -1
    cdef int cyclic(self, Message message) except -1
    cdef int record(self, Message message) except -1
    cdef int blocks(self, Message message) except -1
    cdef int transfer(self, Message message) except -1
    cpdef Py_ssize_t row(self, Message message, int value_kind, Py_ssize_t at, Py_ssize_t end) except -1
