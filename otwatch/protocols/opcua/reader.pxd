# The C side of reader.py.
cimport cython
from otwatch.names cimport Names

cdef class Reader:
    cdef Names names
    cdef const unsigned char[::1] data
    cdef Py_ssize_t first
    cdef Py_ssize_t at
    cdef Py_ssize_t end
    cdef bint wrong
    cdef int problem
    cdef Py_ssize_t offset
    cdef long long needed
    cdef long long had
    cdef int area
    cdef long long object
    cdef Py_ssize_t place
    cdef Py_ssize_t length
    cdef long long status
    cdef object look(self, const unsigned char[::1] data, Py_ssize_t first, Py_ssize_t at, Py_ssize_t end)
    cdef Py_ssize_t fail(self, int problem, long long needed, long long had) except -1
    cdef bint room(self, Py_ssize_t size) except -1
    cdef object skip(self, Py_ssize_t size)
    cdef int u8(self) except -1
    cdef int u16(self) except -1
    cdef Py_ssize_t u32(self) except -1
    cdef Py_ssize_t i32(self) except? -3
    cdef object string(self)
    cdef object strings(self)
    cdef bytes octets(self)
    cdef str text(self)
    cdef Py_ssize_t count(self, Py_ssize_t least) except -1
    cdef int node(self) except -1
    cdef object expanded(self)
    cdef object qualified(self)
    cdef object localized(self)
    cdef object extension(self)
    cdef object diagnostics(self, int depth)
    cdef object all_diagnostics(self)
    cdef object data_value(self, int depth)
    cdef object variant(self, int depth)
    cdef object element(self, int kind, int depth)
