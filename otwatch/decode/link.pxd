# The C side of link.py.
from otwatch.decode.frame cimport Frame

cdef int link(Frame frame, int link_type) except -1
cdef int ethernet(Frame frame) except -1
cdef int ppp(Frame frame) except -1
cdef int tagged(Frame frame, int tags) except -1
