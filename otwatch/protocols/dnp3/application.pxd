# The C side of application.py.

from otwatch.protocols.dnp3.headers cimport Headers
from otwatch.protocols.dnp3.conversation cimport Side
from otwatch.protocols.kit.digest cimport digest
from otwatch.protocols.kit.early cimport Early
from otwatch.protocols.kit.habits cimport Habits
from otwatch.protocols.kit.pairing cimport Pairing
from otwatch.protocols.kit.rows cimport Rows
from otwatch.tables cimport Operations, Pdus

cdef class Application(Headers):
    cdef long long items
    cdef unsigned char[::1] functions
    cdef readonly Pairing pairing
    cdef readonly Early early
    cdef readonly Habits habits
    cdef public bint released
    cdef public bint unasked
    cdef bint conflicts
    # of the fragment at hand
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
