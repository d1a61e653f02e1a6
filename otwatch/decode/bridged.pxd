# The C side of bridged.py.
from otwatch.decode.frame cimport Frame

cdef int pbb(Frame frame) except -1
cdef int trill(Frame frame) except -1
cdef int fabricpath(Frame frame) except -1
cdef int nsh(Frame frame) except -1
cdef int etherip(Frame frame) except -1
