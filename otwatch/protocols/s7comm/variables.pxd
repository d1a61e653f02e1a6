# The C side of variables.py.
from otwatch.protocols.s7comm.state cimport Message, Request
from otwatch.tables cimport Operations

cdef class Variables:
    cpdef int setup(self, Message message) except -1
    cpdef int read_request(self, Message message, Py_ssize_t at, Py_ssize_t end, int count) except -1
    cpdef int job(self, Message message) except -1
    cdef int fits(self, Message message, Request request) except -1
    cpdef int answer(self, Message message) except -1
    cpdef Py_ssize_t values(self, Message message, Py_ssize_t at, Py_ssize_t end, int count, int function, int action, Request request) except -1
