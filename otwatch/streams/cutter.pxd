# The C side of cutter.py.
from otwatch.copying cimport copy, same
from otwatch.streams.framing cimport Framer
from otwatch.streams.stream cimport Stream
from otwatch.streams.table cimport FlowTable
from otwatch.tables cimport Anomalies, FlowEvents, Flows, Octets, Pdus

cdef class Cutter:
    cdef public FlowTable table
    cdef public Flows flows
    cdef public FlowEvents events
    cdef public Octets octets
    cdef public list pdus
    cdef public Anomalies anomalies
    cdef public object identifier
    cdef public list by_slot
    cdef public list alarms
    cdef public long long alarm_ns
    cdef public long long alarm_count
    cdef readonly long long most_alarms
    cdef public Py_ssize_t row
    cdef public long long now
    cdef public long long time
    cdef public long long frame
    cdef long long most_pending
    cdef long long most_waiting
    cdef int most_wrong
    cdef public long long delivered
    cdef public long long framed
    cdef public long long skipped
    cdef public long long unidentified
    cdef public long long waiting
    cdef public long long apart
    cdef public long long held
    cdef public long long pending_caps
    cdef public long long streams
    cdef int deliver(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, long long time,
                     long long frame) except -1
    cdef int wait(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef Py_ssize_t take(self, Stream stream) except -1
    cdef int cut(self, Stream stream, Py_ssize_t start, list marks) except -1
    cdef int place(self, list marks, Py_ssize_t end) except -1
    cdef int emit(self, Stream stream, Py_ssize_t start, Py_ssize_t end, long long position, int extra) except -1
    cdef int add_row(self, Pdus pdus, Framer framer, Py_ssize_t slot, int direction, Py_ssize_t start, Py_ssize_t end, int flags) except -1
    cdef int confirm(self, Py_ssize_t slot, Framer framer) except -1
    cdef int consider(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length) except -1
    cdef int drive(self, Stream stream, bint final) except -1
    cdef int search(self, Stream stream, bint final) except -1
    cdef int fits(self, Framer framer, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, int direction, bint final) except -1
    cdef int astray(self, Stream stream) except -1
    cdef int pass_over(self, Stream stream, long long length) except -1
    cdef int overflow(self, Stream stream) except -1
    cdef int gap(self, Stream stream, long long size) except -1
    cdef int cut_short(self, Stream stream) except -1
    cdef int settle(self, Stream stream) except -1
    cdef int end(self, Stream stream) except -1
    cdef int identify(self, Stream stream, bint final) except -1
    cdef int suspect(self, Py_ssize_t slot, int direction, int protocol) except -1
    cdef int attach(self, Stream stream, Framer framer, bytes first) except -1
    cdef int follow(self, Stream stream, Framer framer, bint fitting) except -1
    cdef int give_up(self, Py_ssize_t slot) except -1
    cdef int forget(self, Py_ssize_t slot) except -1
    cdef int alternatives(self, Stream stream, long long start, long long end, long long first, long long last, bint whole) except -1
    cdef int read_apart(self, Stream stream, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t length, int flags) except -1
    cdef int detach(self, Stream stream) except -1
    cdef int tidy_alarms(self) except -1
    cdef int wake(self, Stream stream, long long when) except -1
    cdef int report(self, Py_ssize_t slot, int direction, int kind, long long needed, long long had) except -1
    cdef int event(self, Py_ssize_t slot, int kind) except -1
