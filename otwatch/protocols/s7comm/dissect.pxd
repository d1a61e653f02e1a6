# The C side of dissect.py.
from otwatch.protocols.kit.habits cimport Habits
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.s7comm.plus cimport Plus
from otwatch.protocols.s7comm.state cimport Conversation, Message, Request
from otwatch.protocols.s7comm.transfers cimport Transfers
from otwatch.protocols.s7comm.userdata cimport Userdata
from otwatch.protocols.s7comm.variables cimport Variables
from otwatch.tables cimport Anomalies, Operations, Pdus

cdef class S7Dissector:
    cdef public int protocol
    cdef public int plus_protocol
    cdef public int waiting_limit
    cdef public Message message
    cdef public Variables variables
    cdef public Transfers transfers
    cdef public Userdata userdata
    cdef public Plus plus
    cdef public list conversations
    cdef public list pool
    cdef public unsigned char[::1] actions
    cdef readonly Pairing pairing
    cdef readonly Habits habits
    cdef bint shared
    cdef int device(self, Message message, int direction) except -1
    cpdef int contradicting(self, Message message, Py_ssize_t first) except -1
    cpdef int find(self, Message message, int userdata, int key) except -1
    cpdef int second(self, Message message, int userdata) except -1
    cpdef int unwanted(self, Message message) except -1
    cpdef Conversation conversation(self, int flow)
    cdef int packet(self, Message message) except -1
    cdef Py_ssize_t pdu(self, Message message, Py_ssize_t at, Py_ssize_t end) except -1
    cdef int job(self, Message message) except -1
    cdef int answer(self, Message message) except -1
    cpdef int charge(self, Message message) except -1
    cpdef int release(self, Request request) except -1
    cpdef Request remember(self, Message message, int function, int userdata, int key)
