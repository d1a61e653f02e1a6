# cython: boundscheck=True, wraparound=False, cdivision=True
"""Bytes that are part of no reading of their stream and are read all the same."""

from __future__ import annotations

import cython

from otwatch.copying import copy
from otwatch.streams.framing import Framer
from otwatch.streams.ledger import Ledger
from otwatch.vocabulary import PduFlag

_YES = cython.declare(cython.int, 1)
_CUT = cython.declare(cython.int, PduFlag.CUT)


class Beside:
    """Makes rows of its own for a Ledger; the stream's own place stays as it is."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

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
