# The C side of dissect.py.
cimport cython
from otwatch.protocols.kit.paired cimport Paired
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class DcpDissector(Paired):
    cdef int items
    cdef int most_asked
    cdef dict asked
    cdef dict askers
    cdef dict answered
    cdef object names
    cdef object addresses
    cdef bint wrong
    cdef bint odd
    cdef Py_ssize_t start
    cdef Py_ssize_t end
    cdef int service
    cdef long long xid
    cdef int item
    cdef int number
    cdef Py_ssize_t content
    cdef Py_ssize_t close
    cpdef object feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cpdef int forget(self, Py_ssize_t flow) except? -2
    cdef object _report(self, int kind, Py_ssize_t at, long long needed, long long had)
    cdef object _fact(self, int address, str source, int number, bytes octets)
    cdef Py_ssize_t _row(self, int role, int number, int action) except? -2
    cdef object _value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t end)
    cdef object _frame(self, Py_ssize_t flow)
    cdef object _truncated(self, int needed)
    cdef Py_ssize_t _block(self, Py_ssize_t at, int least) except? -2
    cdef object _misfit(self, Py_ssize_t at, int needed)
    cdef object _known(self, Py_ssize_t at)
    cdef bint _full(self, Py_ssize_t at) except -1
    cdef object _request(self, Py_ssize_t flow)
    cdef int _short(self) except? -2
    cdef object _response(self, Py_ssize_t flow, int status)
    cdef object _identification(self)
    cdef object _identified(self)
    cdef unsigned int _digest(self) except? 0
    cdef Py_ssize_t _announced(self, int role, int action, int number) except? -2
    cdef object _tell(self, Py_ssize_t at, str source)
