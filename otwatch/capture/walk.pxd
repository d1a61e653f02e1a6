# The C side of walk.py.
from otwatch.tables cimport Anomalies, Packets

cdef class Walk:
    cdef public object limits
    cdef public str format
    cdef public list interfaces
    cdef public list problems
    cdef public dict problem_counts
    cdef public Anomalies anomalies
    cdef public long long base
    cdef public long long frames
    cdef public long long packets
    cdef public long long captured_bytes
    cdef public long long wire_bytes
    cdef public long long first_ns
    cdef public long long last_ns
    cdef public long long previous_ns
    cdef public long long backwards
    cdef public long long step_back_ns
    cdef public long long most_fraction
    cdef public long long snapped
    cdef public long long skipped
    cdef public long long cut_at
    cdef public long long lost_at
    cdef public Py_ssize_t needed
    cdef public bint ended
    cpdef Py_ssize_t walk(self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, bint final, Packets packets,
                          Py_ssize_t capacity) except -1
    cpdef object note(self, int kind, Py_ssize_t at, int field, long long needed, long long had, Py_ssize_t row, long long frame,
                      long long time)
    cpdef object cut(self, Py_ssize_t at, long long needed, long long had, long long frame, long long time)
    cpdef object lose(self, int kind, Py_ssize_t at, int field, long long needed, long long had, long long frame, long long time)
    cpdef object found(self, Py_ssize_t at, long long frame, long long time)
