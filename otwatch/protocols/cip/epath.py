# cython: boundscheck=True, wraparound=False, cdivision=True
"""Paths (EPATH, volume 1 appendix C): which object, attribute, tag or element a request addresses, and through which ports it is routed.

Read in the padded form, as messages carry them. Tags (ANSI extended symbols) are put together to one name, `Program:Main.Pumps[2].Speed`: of its
last index, which stands at the end, the number of the element is kept apart, so that the elements of an array are places of one object. The name
stays as it is on the wire; whoever shows it escapes it.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.names import NAMES, Names

_NAMES = NAMES
_TEXT = cython.declare(cython.Py_ssize_t, 1200)  # a path has at most 255 words; indices in digits need more room than on the wire
_ROUTE = cython.declare(cython.Py_ssize_t, 640)


class Path:
    """One path, read into its fields; -1 what it does not have. `whole`: every segment was understood; else `wrong_at` is the first that was not."""

    def __init__(self) -> None:
        self.text = memoryview(np.zeros(_TEXT, np.uint8))
        self.route = memoryview(np.zeros(_ROUTE, np.uint8))
        self.listing = False  # set before `read`: the instance is where a listing of tags goes on, and no tag
        self.clear()

    def clear(self) -> object:
        """Of nothing."""
        self.class_ = -1
        self.instance = -1
        self.attribute = -1
        self.point = -1
        self.point_2 = -1
        self.connection_points = 0
        self.element = -1
        self.name = -1
        self.unit = -1
        self.key_vendor = -1
        self.key_type = -1
        self.whole = True
        self.wrong_at = -1
        self.used = 0
        self.route_used = 0
        self.hops = 0
        return None

    def read(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """Reads data[at:end]; whether all of it was understood."""
        following: cython.Py_ssize_t
        self.clear()
        while at < end:
            following = self.segment(data, at, end)
            if following <= at or following > end:
                self.whole = False
                self.wrong_at = at
                break
            at = following
        self.finish()
        return self.whole

    def segment(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """One segment; where the next one starts, -1 where it is not understood."""
        kind: cython.int = data[at]
        length: cython.Py_ssize_t
        if kind < 0x20:
            return self.port(data, at, end)
        if kind < 0x40:
            return self.logical(data, at, end)
        if kind < 0x60:  # network segments: schedule, tag, inhibit time of one octet; with bit 4 a number of words
            if kind & 0x10 or kind == 0x45:
                return at + 2 + 2 * data[at + 1] if at + 1 < end else -1
            return at + 2
        if kind < 0x80:  # symbolic segment of characters
            length = kind & 0x1F
            if length == 0 or at + 1 + length > end:
                return -1
            self.symbol(data, at + 1, at + 1 + length)
            return at + 1 + length + ((1 + length) & 1)
        if at + 1 >= end:
            return -1
        length = data[at + 1]
        if kind == 0x80:  # data in words
            return at + 2 + 2 * length
        if kind != 0x91 or at + 2 + length > end:
            return -1
        self.symbol(data, at + 2, at + 2 + length)
        return at + 2 + length + (length & 1)

    def port(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A port segment (C-1.4.1): through which port, and to which link address."""
        start: cython.Py_ssize_t = at
        port: cython.int = data[at] & 0x0F
        size: cython.Py_ssize_t = 1
        at += 1
        if data[start] & 0x10:
            if at >= end:
                return -1
            size = data[at]
            at += 1
        if port == 15:
            if at + 2 > end:
                return -1
            port = data[at] | data[at + 1] << 8
            at += 2
        if at + size > end:
            return -1
        self.hop(data, port, at, at + size)
        at += size
        return at + ((at - start) & 1) if data[start] & 0x10 else at

    def logical(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A logical segment (C-1.4.2): class, instance, member, connection point, attribute; an electronic key."""
        kind: cython.int = data[at] >> 2 & 7
        form: cython.int = data[at] & 3
        value: cython.Py_ssize_t
        if kind == 5:  # special: the electronic key of format 4
            if form or at + 10 > end or data[at + 1] != 4:
                return -1
            self.key_vendor = data[at + 2] | data[at + 3] << 8
            self.key_type = data[at + 4] | data[at + 5] << 8
            return at + 10
        if form == 0:
            if at + 2 > end:
                return -1
            value = data[at + 1]
            at += 2
        elif form == 1:
            if at + 4 > end:
                return -1
            value = data[at + 2] | data[at + 3] << 8
            at += 4
        elif form == 2:
            if at + 6 > end:
                return -1
            value = data[at + 5]
            value = value << 24 | data[at + 4] << 16 | data[at + 3] << 8 | data[at + 2]
            at += 6
        else:
            return -1
        if kind > 4:
            return -1 if kind == 7 else at
        self.take(kind, value)
        return at

    def take(self, kind: cython.int, value: cython.Py_ssize_t) -> object:
        """The value of a logical segment."""
        if kind == 0:
            self.class_ = value
        elif kind == 1:
            if self.used and self.class_ == 0x6B and not self.listing:  # a tag of a program, by its number
                self.put(46)
                self.put(35)
                self.digits(value)
            else:
                self.instance = value
        elif kind == 2:
            self.member(value)
        elif kind == 3:
            if self.connection_points == 0:
                self.point = value
            else:
                self.point_2 = value
            self.connection_points += 1
        else:
            self.attribute = value
        return None

    def member(self, value: cython.Py_ssize_t) -> object:
        """An index; one that is followed by another becomes a part of the name."""
        if self.element >= 0:
            self.put(91)
            self.digits(cython.cast(cython.Py_ssize_t, self.element))
            self.put(93)
        self.element = value
        return None

    def symbol(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """A part of a name."""
        if self.element >= 0:
            self.put(91)
            self.digits(cython.cast(cython.Py_ssize_t, self.element))
            self.put(93)
            self.element = -1
        if self.used:
            self.put(46)
        while at < end:
            self.put(data[at])
            at += 1
        return None

    def put(self, octet: cython.int) -> object:
        """One octet of the name."""
        if self.used < _TEXT:
            self.text[self.used] = octet
            self.used += 1
        return None

    def digits(self, value: cython.Py_ssize_t) -> object:
        """A number in the name."""
        scale: cython.Py_ssize_t = 1
        while value // scale >= 10:
            scale *= 10
        while scale:
            self.put(48 + cython.cast(cython.int, value // scale % 10))
            scale //= 10
        return None

    def hop(self, data: cython.const[cython.uchar][::1], port: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """A step of the route, written as engineering tools do: `1,0,2,192.168.1.10`."""
        single: cython.bint = end - at == 1
        self.hops += 1
        if self.hops == 1 and port == 1 and single:
            self.unit = data[at]
            return None
        if self.hops == 2 and self.unit >= 0:
            self.step(f"1,{self.unit}")
        self.unit = -1
        self.step(f"{port},{data[at]}" if single else f"{port},{bytes(memoryview(data)[at:end]).rstrip(bytes(1)).decode('latin-1')}")
        return None

    def step(self, text: str) -> object:
        """One more step of a route that has a name."""
        for octet in (("," if self.route_used else "") + text).encode():
            if self.route_used < _ROUTE:
                self.route[self.route_used] = octet
                self.route_used += 1
        return None

    def finish(self) -> object:
        """The names of what was read."""
        names: Names = _NAMES
        if self.used:
            self.name = names.number(self.text, 0, self.used)
        if self.hops and self.unit < 0:
            self.unit = names.number(self.route, 0, self.route_used)
        return None
