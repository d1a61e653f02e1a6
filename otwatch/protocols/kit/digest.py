# cython: boundscheck=True, wraparound=False, cdivision=True
"""A checksum that tells equal messages from different ones; no defence against who makes collisions, who gains nothing by them here."""

from __future__ import annotations

import cython

_PRIME = cython.declare(cython.uint, 0x01000193)  # FNV
_SEED = cython.declare(cython.uint, 0x811C9DC5)
_32_BITS = cython.declare(cython.uint, 0xFFFFFFFF)  # a literal of this size is a Python number


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
@cython.boundscheck(False)
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.uint:
    """Four bytes, which the caller knows are there: one load."""
    value: cython.uint = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def digest(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.uint:
    """A checksum of data[at:end], in two lanes of four bytes."""
    first: cython.uint = _SEED
    second: cython.uint = _PRIME
    if at < 0 or end > data.shape[0]:
        raise IndexError("digest outside the data")
    while at + 8 <= end:
        first = (first * _PRIME + _u32(data, at)) & _32_BITS
        second = (second * _PRIME + _u32(data, at + 4)) & _32_BITS
        at += 8
    while at < end:
        first = (first * _PRIME + data[at]) & _32_BITS
        at += 1
    return (first * _PRIME ^ second) & _32_BITS
