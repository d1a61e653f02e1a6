# The C side of message.py.
cimport cython
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Message(Rows):
    cdef int items
    cdef int[::1] sizes
    cdef const unsigned char[::1] layouts
    cdef public Py_ssize_t first
    cdef public Py_ssize_t end
    cdef public bint cut
    cdef public int command
    cdef public int transaction
    cdef public int unit_folded
    cdef long long unit
    cdef public Py_ssize_t row_first
    cdef int item
    cdef bint wrong
    cdef int number
    cdef object open(self, Py_ssize_t pdu)
    cdef Py_ssize_t row(self, int role, int subfunction, int action) except? -2
    cpdef object fact(self, str kind, str value, double confidence)
    cdef Py_ssize_t short(self, Py_ssize_t at, Py_ssize_t end) except? -2
    cdef Py_ssize_t byte(self, Py_ssize_t at, Py_ssize_t end) except? -2
    cdef Py_ssize_t word(self, Py_ssize_t at, Py_ssize_t end) except? -2
    cdef Py_ssize_t compact(self, Py_ssize_t at, Py_ssize_t end) except? -2
    cdef object value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t end)
    cdef object answer_value(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end)
    cdef object command_at(self, Py_ssize_t at)
    cdef object function(self, int function, Py_ssize_t at, Py_ssize_t end, bint nested)
    cdef object _multiple(self, int function, int action, Py_ssize_t at, Py_ssize_t end)
    cdef object _typed(self, Py_ssize_t row, int kind, int size, bint writes)
    cdef object _fields(self, Py_ssize_t row, int function, int layout, Py_ssize_t at, Py_ssize_t end)
    cdef object _file(self, Py_ssize_t row, int function, Py_ssize_t at, Py_ssize_t end)
    cdef object _range(self, Py_ssize_t row, int layout, Py_ssize_t at, Py_ssize_t end)
    cdef object _addresses(self, Py_ssize_t row, int function, int action, Py_ssize_t at, Py_ssize_t end)
    cdef int _list(self, Py_ssize_t at, Py_ssize_t end) except? -2
    cdef Py_ssize_t _address(self, Py_ssize_t row, Py_ssize_t at, Py_ssize_t end) except? -2
