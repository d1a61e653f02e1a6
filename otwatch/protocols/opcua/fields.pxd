# The C side of fields.py.
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.opcua.reader cimport Reader
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class Fields(Reader):
    cdef int protocol
    cdef int layer
    cdef Pairing pairing
    cdef object identity
    cdef public Pdus pdus
    cdef Operations operations
    cdef Anomalies anomalies
    cdef public list facts
    cdef public Py_ssize_t pdu
    cdef Py_ssize_t flow
    cdef long long request_id
    cdef int item
    cdef int waiting
    cdef int policy
    cdef bint is_cut
    cdef int item_area
    cdef long long item_object
    cdef int item_start
    cdef int item_sub
    cdef long long item_count
    cdef long long item_handle
    cdef long long item_status
    cdef int item_kind
    cdef Py_ssize_t item_from
    cdef Py_ssize_t item_to
    cdef long long number
    cdef long long subscription
    cdef object start_batch(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef object open(self, Py_ssize_t pdu, Py_ssize_t flow)
    cpdef object report(self, int kind, int offset, long long needed, long long had)
    cdef object fact(self, str kind, str value, str source)
    cdef object certificate(self, str source)
    cdef Py_ssize_t row(self, int role, int function, int action) except -1
    cdef Py_ssize_t answer(self, int function, int action) except -1
    cdef object value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t end)
    cdef object fields(self, str shape)
    cdef object take(self, int kind, Py_ssize_t at)
    cdef object field(self, Py_UCS4 letter)
    cdef Py_ssize_t several(self, int letter) except -1
