# The C side of connections.py.
cimport cython
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Connection:
    cdef public int number
    cdef public long long originator
    cdef public long long target
    cdef public long long unit
    cdef public int transport
    cdef public long long id_out
    cdef public long long id_in
    cdef public tuple triad
    cdef public long long rpi_out
    cdef public long long rpi_in
    cdef public int multiplier
    cdef public long long class_
    cdef public long long point_out
    cdef public long long point_in
    cdef public long long[::1] state

@cython.final
cdef class Connections:
    cdef int protocol
    cdef int layer
    cdef Py_ssize_t limit
    cdef readonly long long forgotten
    cdef int given
    cdef dict by_place
    cdef dict by_triad
    cdef list cached
    cpdef object opened(self, Connection connection, long long id_out, long long id_in)
    cpdef Connection closing(self, tuple triad, long long target)
    cpdef object closed(self, Connection connection)
    cdef Connection find(self, long long source, long long destination, long long identifier)
    cdef object remember(self, object place, Connection connection)
    cdef object io(self, Pdus pdus, Py_ssize_t pdu, Operations operations, Anomalies anomalies)
    cdef object tell(self, Pdus pdus, Py_ssize_t pdu, Anomalies anomalies, Connection connection, int at, int kind, long long times, long long needed, long long had)
