# The C side of plus.py.
from otwatch.protocols.s7comm.state cimport Conversation, Message, Request
from otwatch.tables cimport Operations

cdef class Plus:
    cdef public int protocol
    cdef public object dissector
    cdef public Py_ssize_t part_limit
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end
    cdef public int version
    cdef public long long size
    cpdef int feed(self, Message message, Py_ssize_t at, Py_ssize_t end) except -1
    cdef int message_(self, Message message, long long size) except -1
    cdef long long vlq(self, Message message) except? -1
    cdef Py_ssize_t row(self, Message message, int function, int action, int kind) except -1
    cdef int request(self, Message message, int function) except -1
    cdef int items(self, Message message, int function) except -1
    cdef int tls(self, Message message, Py_ssize_t at, Py_ssize_t end) except -1
