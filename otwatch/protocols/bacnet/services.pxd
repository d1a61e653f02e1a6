# The C side of services.py.
cimport cython
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Message(Rows):
    cdef int items
    cdef Py_ssize_t first
    cdef public Py_ssize_t at
    cdef public Py_ssize_t end
    cdef public bint cut
    cdef public bint forwarded
    cdef public long long unit
    cdef public long long source_unit
    cdef public int invoke
    cdef int item
    cdef bint wrong
    cdef int number
    cdef bint context
    cdef long long length
    cdef int edge
    cdef int boolean
    cdef Py_ssize_t place
    cdef long long number_read
    cdef object open(self, Py_ssize_t pdu)
    cdef Py_ssize_t append(self, bytes whole) except? -2
    cdef object truncated(self, int needed)
    cdef unsigned int digest(self) except? 0
    cdef Py_ssize_t row(self, int role, int function, int action) except? -2
    cdef bint tag(self, Py_ssize_t at) except -1
    cdef Py_ssize_t fail(self, Py_ssize_t at, int number) except? -2
    cdef Py_ssize_t unsigned(self, Py_ssize_t at, int number, bint context) except? -2
    cdef bint is_next(self, Py_ssize_t at, int number, int edge) except -1
    cdef Py_ssize_t closing(self, Py_ssize_t at) except? -2
    cdef Py_ssize_t object_row(self, int role, int function, int action, long long whole, long long property, long long index) except? -2
    cdef object value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t end)
    cdef object request(self, int role, int service, int action, Py_ssize_t at)
    cdef object response(self, int role, int service, int action, Py_ssize_t at)
    cdef object _property(self, int role, int service, int action, Py_ssize_t at)
    cdef object _specifications(self, int role, int service, int action, Py_ssize_t at, bint results)
    cdef Py_ssize_t _reference(self, int role, int service, int action, long long whole, Py_ssize_t at) except? -2
    cdef Py_ssize_t _result(self, int role, int service, int action, long long whole, Py_ssize_t at) except? -2
    cdef int error(self, Py_ssize_t at) except? -2
    cdef object _notification(self, int role, int service, int action, Py_ssize_t at)
    cdef object unconfirmed(self, int role, int function, int action, Py_ssize_t at)
    cdef object _i_am(self, int role, int function, int action, Py_ssize_t at)
    cdef object _identity(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end)
    cdef object _fact(self, str kind, str value, str source, double confidence)
