# cython: boundscheck=True, wraparound=False, cdivision=True
"""Bytes out of one buffer, or into another, at the speed of memcpy, never outside either."""

from __future__ import annotations

import cython


def copy(target, to, source, at, length):  # type: ignore[no-untyped-def]
    """target[to:to+length] = source[at:at+length]; IndexError if either range is outside its buffer."""
    if length <= 0:
        return 0
    if to < 0 or at < 0 or to > len(target) - length or at > len(source) - length:
        raise IndexError("copy outside a buffer")
    if cython.compiled:
        memcpy(cython.address(target[to]), cython.address(source[at]), length)  # type: ignore[name-defined] # noqa: F821
    else:
        target[to:to + length] = source[at:at + length]
    return 0


def piece(source, at, end):  # type: ignore[no-untyped-def]
    """source[at:end] as bytes; IndexError if that is not inside the buffer."""
    if at >= end:
        return b""
    if at < 0 or end > len(source):
        raise IndexError("piece outside a buffer")
    if cython.compiled:
        first: cython.p_const_char = cython.cast(cython.p_const_char, cython.address(source[at]))
        return first[:end - at]
    return bytes(source[at:end])


def same(one, at, other, other_at, length):  # type: ignore[no-untyped-def]
    """Whether one[at:at+length] equals other[other_at:other_at+length]; IndexError if either range is outside its buffer."""
    if length <= 0:
        return True
    if at < 0 or other_at < 0 or at > one.shape[0] - length or other_at > other.shape[0] - length:
        raise IndexError("comparison outside a buffer")
    if cython.compiled:
        return memcmp(cython.address(one[at]), cython.address(other[other_at]), length) == 0  # type: ignore[name-defined] # noqa: F821
    return bytes(one[at:at + length]) == bytes(other[other_at:other_at + length])
