# The C side of application.py.

from otwatch.protocols.dnp3.conversation cimport Side
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.kit.early cimport Early
from otwatch.protocols.kit.habits cimport Habits
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class Application:
    cdef int protocol
    cdef int layer
    cdef long long items
    cdef unsigned char[::1] what
    cdef unsigned char[::1] functions
    cdef short[::1] sizes
    cdef unsigned char[::1] known
    cdef readonly Pairing pairing
    cdef readonly Early early
    cdef readonly Habits habits
    cdef public bint released
    cdef bint conflicts
    cdef public Py_ssize_t pdu
    cdef Pdus pdus
    cdef Operations operations
    cdef Anomalies anomalies
    cdef list facts
    # of the fragment at hand
    cdef Py_ssize_t start
    cdef bint cut
    cdef long long allowed
    cdef long long left
    cdef int item
    cdef int function
    cdef int asked
    cdef long long unit
    cdef int role
    cdef int sequence
    cdef long long request_frame
    cdef long long latency_ns
    cdef int status
    cpdef begin(self, Pdus pdus, Operations operations, Anomalies anomalies, list found)
    cdef anomaly(self, int kind, Py_ssize_t offset, long long needed, long long had)
    cdef message(self, Py_ssize_t start, Py_ssize_t end, long long frames, int source, int destination, bint from_master, Side sender, Side receiver, bint cut)
    cdef int ask(self, Side sender, int sequence, long long frame, long long now, int function) except -2
    cdef bint unpaired(self, int control, Side sender, Side receiver) except -1
    cdef int asked_sequence(self, int control, int sequence, Side sender) except -2
    cdef int answers(self, int control, Side sender, Side receiver, long long frame, long long now, Py_ssize_t end) except -2
    cdef int out_of_sequence(self, int control, Side sender, Py_ssize_t queue, unsigned int checksum) except -2
    cdef place(self, Py_ssize_t first, int entry, Py_ssize_t queue)
    cdef unsigned int command(self, Py_ssize_t row) except? 0
    cdef compare(self, Py_ssize_t first, int entry)
    cdef confirms(self, int control, Side receiver, long long now)
    cdef select_or_operate(self, Py_ssize_t start, Py_ssize_t end, Side sender, Side receiver)
    cdef close(self, Py_ssize_t first, int waiting, bint answer, int indications, Side sender)
    cdef Py_ssize_t row(self, int area, int variation, long long start, long long count) except -1
    cdef value(self, Py_ssize_t row, int kind, Py_ssize_t at, Py_ssize_t length)
    cdef truncated(self, Py_ssize_t at, long long needed, long long had)
    cdef objects(self, Py_ssize_t at, Py_ssize_t end)
    cdef Py_ssize_t run(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int size, long long index, long long count) except -1
    cdef Py_ssize_t packed(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int bits, long long index, long long count) except -1
    cdef Py_ssize_t rest(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, long long index, long long count) except -1
    cdef Py_ssize_t each(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, int size, long long index, long long count, int prefix) except -1
    cdef Py_ssize_t sized(self, Py_ssize_t at, Py_ssize_t end, int group, int variation, long long count, int prefix) except -1
    cdef sized_status(self, Py_ssize_t row, int group, int variation, Py_ssize_t at, long long size)
    cdef Py_ssize_t attributes(self, Py_ssize_t at, Py_ssize_t end, int variation, long long index, long long count, int prefix) except -1
    cdef attribute_fact(self, int variation, Py_ssize_t at, long long size)
