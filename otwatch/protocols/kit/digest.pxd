# The C side of digest.py.

cdef unsigned int digest(const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end) except? 0
