# The C side of responses.py.
from otwatch.protocols.modbus.message cimport Message
from otwatch.protocols.kit.pairing cimport Pairing

cdef int response(Message m, Pairing pairing, int asked) except -1
cdef int refusal(Message m, Pairing pairing, int asked) except -1
