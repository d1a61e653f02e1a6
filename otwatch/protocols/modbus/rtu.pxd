# The C side of rtu.py.

cdef unsigned short[::1] _TABLE

cpdef unsigned int crc16(const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end)
cdef Py_ssize_t _length(const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, bint request) except -2
cpdef Py_ssize_t cut_rtu(const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, int direction) except -2
