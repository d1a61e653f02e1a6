# The C side of ledger.py.
from otwatch.streams.framing cimport Framer
from otwatch.streams.stream cimport Stream
from otwatch.streams.table cimport FlowTable
from otwatch.tables cimport Anomalies, FlowEvents, Flows, Octets, Pdus

cdef class Ledger:
    cdef public FlowTable table
    cdef public Flows flows
    cdef public FlowEvents events
    cdef public Octets octets
    cdef public list pdus
    cdef public Anomalies anomalies
    cdef public list alarms
    cdef readonly set read_by_head
    cdef public long long alarm_ns
    cdef public long long alarm_count
    cdef readonly long long most_alarms
    cdef public Py_ssize_t row
    cdef public long long now
    cdef public long long time
    cdef public long long frame
    cdef public long long delivered
    cdef public long long framed
    cdef public long long skipped
    cdef public long long unidentified
    cdef public long long waiting
    cdef public long long apart
    cdef public long long held
    cdef public long long pending_caps
    cdef int add_row(self, Pdus pdus, Framer framer, Py_ssize_t slot, int direction, Py_ssize_t start, Py_ssize_t end, int flags) except -1
    cdef int confirm(self, Py_ssize_t slot, Framer framer) except -1
    cdef int pass_over(self, Stream stream, long long length) except -1
    cdef int place(self, list marks, Py_ssize_t end) except -1
    cdef int wake(self, Stream stream, long long when) except -1
    cdef int tidy_alarms(self) except -1
    cdef int report(self, Py_ssize_t slot, int direction, int kind, long long needed, long long had) except -1
    cdef int event(self, Py_ssize_t slot, int kind) except -1
