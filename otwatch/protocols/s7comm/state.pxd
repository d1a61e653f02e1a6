# The C side of state.py.
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class Request:
    cdef public int reference
    cdef public int direction
    cdef public int userdata
    cdef public int function
    cdef public int subfunction
    cdef public int action
    cdef public long long frame
    cdef public long long timestamp_ns
    cdef public int specs
    cdef public int items
    cdef public int cursor
    cdef public Py_ssize_t charge
    cdef public long long[::1] cells
    cpdef int clear(self) except -1
    cpdef int add(self, int spec, long long area, long long object, long long start, long long count, long long size) except -1
    cpdef Py_ssize_t read(self, unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, int spec) except -3
    cpdef int first_of(self, int spec) except -2

cdef class Conversation:
    cdef public int opened
    cdef public int lost
    cdef public long long unit
    cdef public long long pdu_bytes
    cdef public int flow
    cdef public int device_0
    cdef public int device_1
    cdef public dict transfers
    cdef public dict subscriptions
    cdef public dict parts
    cdef public dict seen
    cdef public object plus
    cdef public long long forgotten
    cdef public Py_ssize_t held

cdef class Message:
    cdef public Pdus pdus
    cdef public Operations operations
    cdef public Anomalies anomalies
    cdef public list facts
    cdef public Py_ssize_t pdu
    cdef public Conversation conversation
    cdef public unsigned char[::1] data
    cdef public Py_ssize_t base
    cdef public Py_ssize_t at  # of the S7 PDU
    cdef public Py_ssize_t following  # and where it ends
    cdef public long long second_frame  # of the request that had its answer before this one
    cdef public bint contradicts  # the answer does not fit its request
    cdef public Py_ssize_t parameters
    cdef public Py_ssize_t parameters_end
    cdef public Py_ssize_t values
    cdef public Py_ssize_t end
    cdef public int protocol
    cdef public int layer
    cdef public int own_layer
    cdef public int direction
    cdef public int role
    cdef public int reference
    cdef public int status
    cdef public int cut
    cdef public int items_limit
    cdef public Py_ssize_t held
    cdef public Py_ssize_t held_limit
    cdef public Request request
    cpdef int u16(self, Py_ssize_t at) except -1
    cpdef long long u32(self, Py_ssize_t at) except -1
    cpdef Py_ssize_t row(self, int function, int action) except -1
    cpdef Py_ssize_t item_row(self, int function, int action, Request request, int item) except -1
    cpdef int odd(self, int kind, Py_ssize_t at, long long needed, long long had) except -1
    cpdef int hold(self, Py_ssize_t size) except -1
    cpdef int drop(self, Py_ssize_t size) except -1
    cpdef bytes text(self, Py_ssize_t at, Py_ssize_t end)
