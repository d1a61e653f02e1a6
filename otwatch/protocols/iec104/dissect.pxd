# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Iec104Dissector(Paired):
    cdef int[::1] sizes
    cdef const unsigned char[::1] actions
    cdef const unsigned char[::1] controls
    cdef const unsigned char[::1] causes
    cdef public int[::1] next_number
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object _unnumbered(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t at)
    cdef object _information(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end)
    cdef object _number(self, Py_ssize_t flow, int direction, int number)
    cdef object _sides(self, Py_ssize_t flow, int direction, int kind, int role, int flags)
    cdef object _objects(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t at, Py_ssize_t end, int kind, int many, int cause, int size, int role,
                         int action, int status, int number)
    cdef Py_ssize_t _length(self, int kind, int size, int count, Py_ssize_t place, Py_ssize_t end) except -1
    cdef Py_ssize_t _row(self, Py_ssize_t pdu, int role, int function, int cause, int action) except -1
    cdef object _pair(self, Py_ssize_t pdu, Py_ssize_t flow, Py_ssize_t row, int kind, int cause, int role)
    cdef object _ask(self, Py_ssize_t flow, int direction, Py_ssize_t row)
    cdef bint _answer(self, Py_ssize_t queue, Py_ssize_t row, int function) except -1
    cdef unsigned int _digest(self, Py_ssize_t row) except? 0
    cdef int _forget(self, Py_ssize_t queue) except -1
    cpdef int forget(self, Py_ssize_t flow) except -1
