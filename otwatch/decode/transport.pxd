# The C side of transport.py.
from otwatch.decode.frame cimport Frame
from otwatch.decode.overlays cimport overlay
from otwatch.decode.recognise cimport echo

cdef int tcp(Frame frame) except -1
cdef int udp(Frame frame) except -1
cdef int icmp(Frame frame) except -1
