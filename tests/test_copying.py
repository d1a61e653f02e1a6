"""Never outside a buffer."""

from __future__ import annotations

import pytest

from otwatch.copying import copy, same


def test_ranges() -> None:
    target = memoryview(bytearray(6))
    copy(target, 1, memoryview(b"abcdef"), 2, 3)
    assert bytes(target) == b"\0cde\0\0"
    copy(target, 6, memoryview(b""), 0, 0)
    assert same(target, 1, memoryview(b"abcdef"), 2, 3)
    assert not same(target, 0, memoryview(b"abcdef"), 2, 3)
    assert same(target, 6, target, 0, 0)


@pytest.mark.parametrize(("to", "at", "length"), [(4, 0, 3), (0, 4, 3), (-1, 0, 2), (0, -1, 2), (0, 0, 2**62), (2**62, 0, 2**62)])
def test_outside(to: int, at: int, length: int) -> None:
    with pytest.raises(IndexError):
        copy(memoryview(bytearray(6)), to, memoryview(bytes(6)), at, length)
    with pytest.raises(IndexError):
        same(memoryview(bytes(6)), to, memoryview(bytes(6)), at, length)
