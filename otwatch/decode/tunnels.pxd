# The C side of tunnels.py.
from otwatch.decode.frame cimport Frame
from otwatch.decode.link cimport ppp

cdef int gre(Frame frame) except -1
cdef int vxlan(Frame frame, bint generic) except -1
cdef int geneve(Frame frame) except -1
cdef int mpls(Frame frame) except -1
cdef int pppoe(Frame frame) except -1
cdef int ip_in_ip(Frame frame, int ethertype) except -1
