# The C side of pairing.py.
cimport cython

@cython.final
cdef class Pairing:
    cdef public int limit
    cdef public long long dropped
    cdef public int match
    cdef public int before
    cdef int free
    cdef public list payload
    cdef list unused
    cdef int given
    cdef Py_ssize_t entries
    cdef Py_ssize_t queues
    cdef public int[::1] transaction
    cdef public int[::1] unit
    cdef public int[::1] function
    cdef public int[::1] subfunction
    cdef public int[::1] area
    cdef public long long[::1] object
    cdef public long long[::1] start
    cdef public long long[::1] count
    cdef public int[::1] item
    cdef public unsigned char[::1] action
    cdef public unsigned int[::1] digest  # of a request that its response repeats; of an answered one, of its response
    cdef public unsigned int[::1] value  # checksum of the value of an item, where a protocol compares it
    cdef public long long[::1] frame
    cdef public long long[::1] timestamp_ns
    cdef public int[::1] next
    cdef public int[::1] first
    cdef public int[::1] last
    cdef public int[::1] waiting
    cdef public int[::1] done_first
    cdef public int[::1] done_last
    cdef public int[::1] done
    cdef object _make_entries(self, Py_ssize_t capacity)
    cdef object _make_queues(self, Py_ssize_t capacity)
    cpdef int new_queue(self) except -2
    cpdef int give_back(self, int queue) except -2
    cpdef object keep(self, int entry, object payload)
    cdef int in_order(self, Py_ssize_t queue, int unit, int function, bint newest) except -2
    cdef object make_room(self, Py_ssize_t queue)
    cdef int ask(self, Py_ssize_t queue, int item) except -2
    cdef object drop_oldest(self, Py_ssize_t queue)
    cdef int find(self, Py_ssize_t queue, int transaction, int unit, int function, bint newest) except -2
    cdef int take(self, Py_ssize_t queue, int entry) except -2
    cdef object keep_answered(self, Py_ssize_t queue, int entry, unsigned int digest)
    cdef int find_answered(self, Py_ssize_t queue, int transaction, int unit) except -2
    cdef object free_run(self, int entry)
    cdef int forget(self, Py_ssize_t queue) except -2
