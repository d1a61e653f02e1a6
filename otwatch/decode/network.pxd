# The C side of network.py.
from otwatch.decode.frame cimport Frame

cdef int ipv4(Frame frame) except -1
cdef int ipv6(Frame frame) except -1
cdef int extension(Frame frame, int protocol) except -1
cdef int arp(Frame frame) except -1
