# The C side of pcapng_blocks.py.
cimport cython
from otwatch.tables cimport Packets

cdef bint _is_tagged(Packets packets, Py_ssize_t row) except -1
cdef int _word(unsigned char[::1] target, Py_ssize_t to, unsigned long long value) except -1
cpdef object packet_blocks(Packets packets, const long long[::1] rows, const int[::1] interfaces)
cpdef Py_ssize_t rows_between(Packets packets, long long first_ns, long long last_ns, list needles, long long[::1] rows) except -1
