# cython: boundscheck=True, wraparound=False, cdivision=True
"""Bytes that are not part of their stream and are read all the same: the other copy of a conflicting retransmission, and segments without a place."""

from __future__ import annotations

import cython

from otwatch.copying import copy, same
from otwatch.streams.framing import Framer
from otwatch.streams.ledger import Ledger
from otwatch.vocabulary import PduFlag

_YES = cython.declare(cython.int, 1)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_CUT = cython.declare(cython.int, PduFlag.CUT)


class Beside:
    """Makes rows of its own for a Ledger; the stream's own place stays as it is."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def alternatives(self, stream, start, end, first, last, whole):  # type: ignore[no-untyped-def]
        """PDUs of the alternative stream between two positions where it differs from the stream itself within first..last. `whole`: a PDU
        that reaches beyond `end` is cut there; else it is left for the time when the stream has its end."""
        ledger: Ledger = self.ledger
        kept: cython.longlong = stream.oldest_kept()
        if start < kept or end > stream.position or end <= start:
            return 0
        size: cython.longlong = end - start
        octets = ledger.octets
        at: cython.Py_ssize_t = octets.reserve(size)
        origin: cython.Py_ssize_t = at
        stop: cython.Py_ssize_t = at + size
        stream.read(stream.alternate, octets.data, at, start, size)
        main: cython.Py_ssize_t = octets.reserve(size)
        stream.read(stream.history, octets.data, main, start, size)
        octets.used = main
        length: cython.longlong
        flags: cython.int
        while at < stop and start + (at - origin) < last:
            flags = _CONFLICT
            length = stream.framer.measure(octets.data, at, stop, stream.direction)
            if length <= 0 or length > stop - at:
                if not whole or length < 0:
                    break
                length = stop - at
                flags |= _CUT
            if start + (at - origin) + length > first and not same(octets.data, at, octets.data, main + (at - origin), length):
                ledger.add_row(stream.pdus, stream.framer, stream.slot, stream.direction, at, at + length, flags)
                ledger.apart += length
            at += length
        return 0

    def read_apart(self, stream, data, at, length, flags):  # type: ignore[no-untyped-def]
        """PDUs of a segment that has no place in its stream."""
        ledger: Ledger = self.ledger
        ledger.apart += length
        framer: Framer = stream.framer
        if framer is None or length == 0:
            return 0
        octets = ledger.octets
        here: cython.Py_ssize_t = octets.reserve(length)
        end: cython.Py_ssize_t = here + length
        copy(octets.data, here, data, at, length)
        while here < end and framer.fits(octets.data, here, end, stream.direction, True) != _YES:
            here += 1
        size: cython.longlong
        while here < end:
            size = framer.measure(octets.data, here, end, stream.direction)
            if size <= 0:
                break
            if size > end - here:
                ledger.add_row(stream.pdus, framer, stream.slot, stream.direction, here, end, flags | _CUT)
                break
            ledger.add_row(stream.pdus, framer, stream.slot, stream.direction, here, here + size, flags)
            here += size
        return 0
