# The C side of message.py.
cimport cython
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Anomalies, Operations, Pdus

@cython.final
cdef class Message(Rows):
    cdef public int items
    cdef const unsigned char[::1] shapes
    cdef public const unsigned char[::1] actions
    cdef public const unsigned char[::1] areas
    cdef public int[::1] most  # largest quantity by function
    cdef public const unsigned char[::1] diagnostic_actions
    cdef public const unsigned char[::1] mei_actions
    cdef public const unsigned char[::1] umas_actions
    cdef public const unsigned char[::1] repeated
    cdef public const unsigned char[::1] identifies
    cdef public Py_ssize_t trailing  # where bytes stand behind the fields of the PDU, -1 none
    cdef public Py_ssize_t bound  # end of what the framing cut out
    cdef public Py_ssize_t at
    cdef public Py_ssize_t body
    cdef public Py_ssize_t end
    cdef public int n
    cdef public bint cut
    cdef public int unit
    cdef public int transaction
    cdef public int function
    cdef public int subfunction
    cdef public int shape
    cdef public int surplus  # octets behind the fields of an echo
    cdef public bint echoes  # a response that repeats its request and is exactly as long as its fields
    cdef public bint contradicts  # the response does not fit its request
    cdef bint digested
    cdef unsigned int checksum
    cdef object open(self, Py_ssize_t pdu, Py_ssize_t at, Py_ssize_t body, Py_ssize_t end, int length, bint cut)
    cdef int u8(self, Py_ssize_t offset) except -2
    cdef int u16(self, Py_ssize_t offset) except -2
    cdef int u16le(self, Py_ssize_t offset) except -2
    cdef object wrong(self, int kind, int offset, long long needed, long long had)
    cdef object expect(self, int length)
    cdef object expect_echo(self, int length)
    cdef object contradict(self, int kind, int offset, long long needed, long long had)
    cdef unsigned int digest_of(self, Py_ssize_t length) except? 0
    cdef object expect_counted(self, int fixed, int counted)
    cdef Py_ssize_t row(self, int role, int action) except -1
    cdef object value(self, Py_ssize_t row, int kind, Py_ssize_t offset, Py_ssize_t length)
    cdef unsigned int digest(self) except? 0
