# The C side of dissect.py.

from otwatch.protocols.dnp3.application cimport Application
from otwatch.protocols.dnp3.conversation cimport Conversation, Link, Side
from otwatch.protocols.kit.early cimport Early
from otwatch.copying cimport copy, same
from otwatch.tables cimport Anomalies, Octets, Operations, Pdus

cdef class Dnp3Dissector:
    cdef int protocol
    cdef Py_ssize_t limit
    cdef Py_ssize_t links
    cdef readonly Py_ssize_t live_links
    cdef readonly Application application
    cdef readonly long long forgotten_links
    cdef readonly list conversations
    cdef unsigned short[::1] crc
    cdef short[::1] link_actions
    cpdef feed(self, Pdus pdus, Operations operations, Anomalies anomalies, list facts)
    cdef late(self, object held, Pdus pdus, Py_ssize_t pdu, bint unasked)
    cdef came(self, Pdus pdus, Py_ssize_t pdu)
    cpdef long long forget(self, Py_ssize_t flow) except -1
    cdef Conversation conversation(self, Py_ssize_t flow)
    cdef Link link(self, Py_ssize_t flow, long long key)
    cdef frame(self, Pdus pdus, Py_ssize_t pdu)
    cdef from_master(self, Py_ssize_t flow, int source)
    cdef Py_ssize_t strip(self, Octets octets, Py_ssize_t at, Py_ssize_t end, Py_ssize_t target, Py_ssize_t size) except -100
    cdef link_only(self, Pdus pdus, Py_ssize_t pdu, int control, int destination, int source, int size)
    cdef segment(self, Pdus pdus, Py_ssize_t pdu, Py_ssize_t at, Py_ssize_t end, int control, int destination, int source, Side sender, Side receiver, bint cut)
    cdef bint repeats(self, Octets octets, Py_ssize_t at, Py_ssize_t end, Side sender) except -1
    cdef deliver(self, Pdus pdus, int destination, int source, bint from_master, Side sender, Side receiver, bint cut)
