# The C side of overlays.py.
from otwatch.decode.frame cimport Frame
from otwatch.decode.link cimport ppp
from otwatch.decode.tunnels cimport geneve, gre, mpls, vxlan

cdef int overlay(Frame frame, Py_ssize_t at, int source, int destination) except -1
cdef int l2tpv3(Frame frame) except -1
