# The C side of services.py.
from otwatch.protocols.cip.connections cimport Connection, Connections
from otwatch.protocols.cip.epath cimport Path
from otwatch.protocols.kit.paired cimport Paired
from otwatch.tables cimport Operations

cdef class Services(Paired):
    cdef readonly Connections connections
    cdef Path path
    cdef dict told
    cdef long long[::1] units
    cdef Py_ssize_t start
    cdef Py_ssize_t queue
    cdef bint asking
    cdef object wrong(self, int kind, Py_ssize_t at, long long needed, long long had)
    cdef int u16(self, Py_ssize_t at) except? -1
    cdef Py_ssize_t u32(self, Py_ssize_t at) except? -1
    cdef object body(self, Py_ssize_t row, int service, Py_ssize_t class_, Py_ssize_t at, Py_ssize_t end)
    cdef object value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t end)
    cdef object open(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end, bint large)
    cdef object close(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end)
    cdef object results(self, Py_ssize_t row, int entry, int service, int status, Py_ssize_t at, Py_ssize_t end)
