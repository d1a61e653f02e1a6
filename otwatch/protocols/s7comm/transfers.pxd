# The C side of transfers.py.
from otwatch.protocols.s7comm.state cimport Conversation, Message, Request
from otwatch.tables cimport Operations

cdef class Transfers:
    cdef public int open_limit
    cdef public long long bytes_limit
    cpdef Py_ssize_t name_row(self, Message message, int function, int action, Py_ssize_t at, Py_ssize_t end) except -1
    cpdef int job(self, Message message) except -1
    cpdef int answer(self, Message message) except -1
    cpdef int invoke(self, Message message) except -1
    cpdef int stop(self, Message message) except -1
