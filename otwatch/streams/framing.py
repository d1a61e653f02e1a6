# cython: boundscheck=True, wraparound=False, cdivision=True
"""Where a PDU ends, for every protocol by one loop: `Framing`, which is data, made ready for compiled code. Knows bytes, not flows."""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import piece
from otwatch.protocols.spec import Framing, Verdict

MORE = 0  # the header is not complete
WRONG = -1  # no PDU starts here
PROBE_BYTES = 256
_MORE = cython.declare(cython.longlong, MORE)
_WRONG = cython.declare(cython.longlong, WRONG)
_NO = cython.declare(cython.int, 0)  # what `fits` says
_YES = cython.declare(cython.int, 1)
_UNDECIDED = cython.declare(cython.int, 2)
LAST_BIT = 63  # of the framings that `Openings` tells apart
_OPENING_BYTES = cython.declare(cython.int, 4)
_WORD = 8  # bytes of a header that are looked at as one number


def _crc_table() -> memoryview:
    """CRC-16/DNP, reflected polynomial 0xA6BC (IEEE 1815-2012 section 9.2.4.3)."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA6BC if value & 1 else value >> 1
        table.append(value)
    return memoryview(np.array(table, np.int32))


_CRC = _crc_table()


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
@cython.boundscheck(False)
def _word(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes, the first the highest. The caller has made sure that they are there."""
    if not cython.compiled:
        return int.from_bytes(data[at:at + 8], "big")
    high: cython.ulonglong = data[at]
    low: cython.ulonglong = data[at + 4]
    high = high << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    low = low << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
    return high << 32 | low


class Framer:
    """One framing of one protocol: `protocol` its id, `index` the framing's place in the protocol's list."""

    def __init__(self, framing: Framing, protocol: int, index: int) -> None:
        if framing.cut is None and (framing.length_at < 0 or framing.length_at + framing.length_bytes > framing.header_bytes):
            raise ValueError(f"framing {framing.name}: the length field is outside the header")
        if framing.header_bytes < 1 or framing.min_bytes < 1 or any(not 0 <= at < framing.header_bytes for at, _, _ in framing.magic):
            raise ValueError(f"framing {framing.name}: a PDU has at least one byte, and its magic lies in its header")
        self.framing = framing
        self.protocol = protocol
        self.index = index
        self.probe = framing.probe
        self.cut_call = framing.cut
        self.stand_in = framing.stand_in
        self.header_bytes = framing.header_bytes
        self.magic = memoryview(np.array([number for triple in framing.magic for number in triple] or [0], np.int32))
        self.magic_count = len(framing.magic)
        self.length_at = framing.length_at
        self.length_bytes = framing.length_bytes
        self.little_endian = framing.little_endian
        self.length_add = framing.length_add
        self.block_after = framing.block_after
        self.block_bytes = framing.block_bytes
        self.block_crc_bytes = framing.block_crc_bytes
        self.header_crc = framing.header_crc16_dnp
        self.min_bytes = framing.min_bytes
        self.max_bytes = framing.max_bytes
        self.crc = _CRC
        self.framing_ends = framing.ends is not None
        # the same as numbers, for where magic and length lie in the first eight bytes
        self.fits_word = (all(at < _WORD for at, _, _ in framing.magic) and framing.length_at + framing.length_bytes <= _WORD
                          and (framing.length_bytes == 1 or not framing.little_endian))
        self.word_mask = self.word_magic = self.length_shift = 0
        self.length_mask = (1 << 8 * framing.length_bytes) - 1
        if self.fits_word and framing.cut is None:
            self.length_shift = 8 * (_WORD - framing.length_at - framing.length_bytes)
            for at, mask, value in framing.magic:
                self.word_mask |= mask << 8 * (_WORD - 1 - at)
                self.word_magic |= value << 8 * (_WORD - 1 - at)

    def measure(self, data, start, end, direction):  # type: ignore[no-untyped-def]
        """Length of the PDU at `start`, which may reach beyond `end`; MORE where data[start:end] does not tell yet, WRONG where none starts."""
        if self.cut_call is not None:
            return self.measure_by_call(data, start, end, direction)
        had: cython.Py_ssize_t = end - start
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        length: cython.longlong = 0
        word: cython.ulonglong
        if self.fits_word and had >= 8 and start >= 0 and end <= data.shape[0]:
            word = _word(data, start)
            if word & self.word_mask != self.word_magic:
                return _WRONG
            if had < self.header_bytes:
                return _MORE
            length = word >> self.length_shift & self.length_mask
        else:
            for i in range(self.magic_count):
                at = self.magic[3 * i]
                if at < had and (data[start + at] & self.magic[3 * i + 1]) != self.magic[3 * i + 2]:
                    return _WRONG
            if had < self.header_bytes:
                return _MORE
            at = start + self.length_at
            if self.little_endian:
                for i in range(self.length_bytes):
                    length |= cython.cast(cython.longlong, data[at + i]) << (8 * i)
            else:
                for i in range(self.length_bytes):
                    length = length << 8 | data[at + i]
        length += self.length_add
        if self.block_bytes > 0 and length > self.block_after:
            length += (length - self.block_after + self.block_bytes - 1) // self.block_bytes * self.block_crc_bytes
        if length < self.min_bytes or length > self.max_bytes:
            return _WRONG
        if self.header_crc and not self.crc_fits(data, start):
            return _WRONG
        return length

    def measure_by_call(self, data, start, end, direction):  # type: ignore[no-untyped-def]
        """The same, for a protocol without a length field, by its own function."""
        had: cython.Py_ssize_t = end - start
        length: cython.longlong = self.cut_call(memoryview(data), start, end, direction)
        if length == _MORE:
            return _MORE if had < self.max_bytes else _WRONG
        if length < self.min_bytes or length > self.max_bytes:
            return _WRONG
        return length

    def crc_fits(self, data, start):  # type: ignore[no-untyped-def]
        """Whether the last two header bytes are the CRC-16/DNP, low byte first, of those before them."""
        value: cython.int = 0
        at: cython.Py_ssize_t
        end: cython.Py_ssize_t = start + self.header_bytes - 2
        for at in range(start, end):
            value = value >> 8 ^ self.crc[(value ^ data[at]) & 0xFF]
        value ^= 0xFFFF
        return data[end] == (value & 0xFF) and data[end + 1] == value >> 8

    def verdict(self, first: bytes, direction: int) -> Verdict:
        """What the protocol's probe says of the first bytes of a PDU; without a probe, a header that fits is UNSURE.

        The side that opened a connection need not be the master (outstations dial in), so either direction may say yes.
        """
        if self.probe is None:
            return Verdict.UNSURE
        said: Verdict = self.probe(first, direction)
        return said if said == Verdict.YES else max(said, self.probe(first, 1 - direction))

    def fits(self, data, at, end, direction, final):  # type: ignore[no-untyped-def]
        """Whether a PDU starts at `at`: _YES, _NO, or _UNDECIDED until there are more bytes (never if `final`)."""
        length: cython.longlong = self.measure(data, at, end, direction)
        if length <= 0:
            return _UNDECIDED if length == _MORE and not final else _NO
        look: cython.longlong = length if length < PROBE_BYTES else PROBE_BYTES
        if look > end - at:
            if not final:
                return _UNDECIDED
            look = end - at
        verdict: cython.int = self.verdict(piece(data, at, at + look), direction)
        if verdict != Verdict.UNSURE:
            return _YES if verdict == Verdict.YES else _NO
        following: cython.longlong = at + length
        if following >= end:
            if not final:
                return _UNDECIDED
            return _YES if following == end else _NO
        length = self.measure(data, following, end, direction)
        if length == _MORE and not final:
            return _UNDECIDED
        return _YES if length > 0 else _NO


class Openings:
    """Which of many framings a segment of an unknown flow may be the first bytes of, by its first four bytes: a look at four table entries
    instead of a measurement for each. Only what a probe may say YES to; on a protocol's port also what it is UNSURE of at best."""

    def __init__(self, framers: list[Framer]) -> None:
        fitting = np.zeros((_OPENING_BYTES, 256), np.uint64)
        on_port = anywhere = 0
        octets = np.arange(256)
        for number, framer in enumerate(framers):
            bit = 1 << min(number, LAST_BIT)  # those beyond the last bit share it
            fits = np.ones((_OPENING_BYTES, 256), np.bool_)
            for at, mask, value in framer.framing.magic:
                if at < _OPENING_BYTES:
                    fits[at] &= octets & mask == value
            fitting[fits] |= np.uint64(bit)
            if framer.framing.cut is None:
                on_port |= bit
                if not framer.framing.stand_in and not framer.framing.on_port_only:
                    anywhere |= bit
        self.fitting = memoryview(fitting.reshape(-1))
        self.on_port = on_port
        self.anywhere = anywhere

    def possible(self, data, at, length, on_port):  # type: ignore[no-untyped-def]
        """A bit for each framing, by its place in the list."""
        found: cython.ulonglong = self.on_port if on_port else self.anywhere
        place: cython.Py_ssize_t
        for place in range(_OPENING_BYTES if length > _OPENING_BYTES else length):
            found &= self.fitting[256 * place + data[at + place]]
        return found
