# The C side of requests.py.
from otwatch.protocols.modbus.message cimport Message

cdef int request(Message m) except -1
