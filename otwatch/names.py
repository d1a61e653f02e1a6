# cython: boundscheck=True, wraparound=False, cdivision=True
"""Names of objects (tags, items, string identifiers) as numbers, so that they fit a column: `operations.object`, or `unit`.

A number is made of the name itself: the same name has the same number in every batch, process and file, and a number never stands for two names
here (where two names would have the same one, the later gets the next). The text is kept once, so that whatever has the number can say the name;
over the cap a number is still told apart from others, but its name is not known any more. Bit 62 marks these numbers: no protocol's own are so large.
"""

from __future__ import annotations

import secrets

import cython
import numpy as np

from otwatch.limits import Limits

_MARK = cython.declare(cython.longlong, 1 << 62)
_MASK = cython.declare(cython.longlong, (1 << 62) - 1)
_PRIME = cython.declare(cython.ulonglong, 0x100000001B3)  # FNV-1a
_SEED = cython.declare(cython.ulonglong, 0xCBF29CE484222325)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_TRIES = cython.declare(cython.int, 16)  # names of one number that are told apart
_MOST = cython.declare(cython.Py_ssize_t, 1024)  # bytes of a name that count
UNKNOWN = "(name not kept)"


def is_name(number: int) -> bool:
    """Whether a number of a column stands for a name."""
    return number >> 62 == 1


def plain(number: int) -> int | None:
    """A number of a column as a number: None where there is none, or where it stands for a name."""
    return None if number < 0 or is_name(number) else number


class Names:
    """What names the numbers stand for. `lost` counts names that were not kept."""

    def __init__(self, limit: cython.Py_ssize_t) -> None:
        self.limit = limit
        self.lost = 0
        self.rows = 0
        self.used = 0
        self.seed = secrets.randbits(63) | 1  # the names are the sender's choice, their places in the table are not
        self.text_bytes = memoryview(np.zeros(4096, np.uint8))
        self.numbers = memoryview(np.zeros(64, np.int64))
        self.starts = memoryview(np.zeros(64, np.int64))
        self.ends = memoryview(np.zeros(64, np.int64))
        self.slots = memoryview(np.full(256, -1, np.int32))
        self.mask = 255

    def number(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The number of the name data[at:end] (of which at most 1024 bytes count)."""
        i: cython.Py_ssize_t
        row: cython.Py_ssize_t
        mixed: cython.ulonglong = _SEED
        number: cython.longlong
        if at < 0 or end > data.shape[0] or at > end:
            raise IndexError("a name outside the data")
        end = min(end, at + _MOST)
        for i in range(at, end):
            mixed = ((mixed ^ data[i]) * _PRIME) & _LOW64
        mixed ^= mixed >> 29
        number = cython.cast(cython.longlong, mixed & cython.cast(cython.ulonglong, _MASK)) | _MARK
        for _ in range(_TRIES):
            row = self.row_of(number)
            if row < 0:
                return self.keep(number, data, at, end)
            if self.is_text(row, data, at, end):
                return number
            number = (number + 1) & _MASK | _MARK
        self.lost += 1
        return number

    def number_of(self, text: str) -> int:
        """The number of a name as text."""
        octets = text.encode("utf-8", "surrogateescape")
        return int(self.number(memoryview(octets), 0, len(octets)))

    def text(self, number: cython.longlong) -> str:
        """The name of a number, as on the wire, bytes that are no UTF-8 as Latin-1; UNKNOWN where it was not kept."""
        row: cython.Py_ssize_t = self.row_of(number)
        if row < 0:
            return UNKNOWN
        octets = bytes(np.asarray(self.text_bytes)[self.starts[row]:self.ends[row]])
        try:
            return octets.decode()
        except UnicodeDecodeError:
            return octets.decode("latin-1")

    def known(self) -> list[str]:
        """Every name, in order of appearance."""
        return [self.text(self.numbers[row]) for row in range(self.rows)]

    def row_of(self, number: cython.longlong) -> cython.Py_ssize_t:
        """The row of a number, -1 where it has none."""
        row: cython.int
        at: cython.Py_ssize_t = self.place(number)
        row = self.slots[at]
        while row >= 0:
            if self.numbers[row] == number:
                return row
            at = (at + 1) & self.mask
            row = self.slots[at]
        return -1

    def place(self, number: cython.longlong) -> cython.Py_ssize_t:
        """Where a number is looked for first."""
        mixed: cython.ulonglong = ((number ^ self.seed) * _MIX) & _LOW64
        return cython.cast(cython.Py_ssize_t, mixed >> 33) & self.mask

    def is_text(self, row: cython.Py_ssize_t, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Whether the name of a row is data[at:end]."""
        i: cython.Py_ssize_t
        start: cython.Py_ssize_t = self.starts[row]
        if self.ends[row] - start != end - at:
            return False
        for i in range(end - at):  # noqa: SIM110 - compiled
            if self.text_bytes[start + i] != data[at + i]:
                return False
        return True

    def keep(self, number: cython.longlong, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t,
             end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A new name, if there is room for it."""
        row: cython.Py_ssize_t = self.rows
        i: cython.Py_ssize_t
        if self.used + end - at + 64 * row > self.limit:  # a row costs about as much as a name
            self.lost += 1
            return number
        if self.used + end - at > self.text_bytes.shape[0]:
            self.text_bytes = self.longer(self.text_bytes, 2 * (self.used + end - at), np.uint8)
        if row == self.numbers.shape[0]:
            self.numbers = self.longer(self.numbers, 2 * row, np.int64)
            self.starts = self.longer(self.starts, 2 * row, np.int64)
            self.ends = self.longer(self.ends, 2 * row, np.int64)
        for i in range(end - at):
            self.text_bytes[self.used + i] = data[at + i]
        self.numbers[row] = number
        self.starts[row] = self.used
        self.used += end - at
        self.ends[row] = self.used
        self.rows = row + 1
        if 2 * self.rows > self.slots.shape[0]:
            self.slots = memoryview(np.full(2 * self.slots.shape[0], -1, np.int32))
            self.mask = self.slots.shape[0] - 1
            for row in range(self.rows - 1):
                self.put(row)
            row = self.rows - 1
        self.put(row)
        return number

    def put(self, row: cython.Py_ssize_t) -> object:
        """A row into the first free slot of its number."""
        at: cython.Py_ssize_t = self.place(self.numbers[row])
        while self.slots[at] >= 0:
            at = (at + 1) & self.mask
        self.slots[at] = row
        return None

    def longer(self, column: object, size: cython.Py_ssize_t, dtype: object) -> object:
        """The column with room for `size`."""
        larger = np.zeros(size, dtype)
        old = np.asarray(column)
        larger[:len(old)] = old
        return memoryview(larger)


NAMES = Names(Limits().names_bytes)  # one table for the process: whoever shows a number finds the name
