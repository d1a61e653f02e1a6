# The C side of names.py.
cimport cython

@cython.final
cdef class Names:
    cdef readonly Py_ssize_t limit
    cdef readonly long long lost
    cdef readonly Py_ssize_t rows
    cdef Py_ssize_t used
    cdef unsigned long long seed
    cdef unsigned char[::1] text_bytes
    cdef long long[::1] numbers
    cdef long long[::1] starts
    cdef long long[::1] ends
    cdef int[::1] slots
    cdef Py_ssize_t mask
    cpdef Py_ssize_t number(self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except? -1
    cpdef str text(self, long long number)
    cdef Py_ssize_t row_of(self, long long number) except? -2
    cdef Py_ssize_t place(self, long long number) except? -2
    cdef bint is_text(self, Py_ssize_t row, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except -1
    cdef Py_ssize_t keep(self, long long number, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except? -1
    cdef object put(self, Py_ssize_t row)
    cdef object longer(self, object column, Py_ssize_t size, object dtype)
