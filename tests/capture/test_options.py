"""Options of pcapng blocks, well formed and not."""

from __future__ import annotations

import struct

import pytest

from otwatch.capture.options import BINARY, DIVIDE, MULTIPLY, Options, interface_of, statistics_of
from otwatch.capture.report import Interface
from tests.capture.craft import Pcapng

NG = Pcapng()


def options(*values: tuple[int, bytes], end: bool = True) -> Options:
    return Options(NG.options(*values, end=end), "little")


def test_the_first_of_each_code_counts_and_the_end_ends() -> None:
    octets = NG.options((2, b"eth0"), (2, b"eth1"), (3, b"odd")) + NG.options((4, b"after the end"))
    read = Options(octets, "little")
    assert read.values == {2: b"eth0", 3: b"odd"}
    assert read.damaged_at == -1


@pytest.mark.parametrize("cut", range(1, 12))
def test_an_option_beyond_its_block_is_damaged(cut: int) -> None:
    octets = NG.options((2, b"eth0"), (3, b"tap!"), end=False)
    read = Options(octets[:-cut], "little")
    whole = (len(octets) - cut) // 8
    assert len(read.values) == whole
    assert read.damaged_at == (-1 if cut == 8 else 8 * whole)


def test_missing_padding_of_the_last_option_is_forgiven() -> None:
    assert Options(struct.pack("<HH", 2, 3) + b"lan", "little").text(2, 10) == "lan"


def test_texts_are_tolerant_and_capped() -> None:
    read = options((2, b"caf\xc3\xa9\xff\0\0"), (3, b"x" * 60000))
    assert read.text(2, 100) == "caf\u00e9\ufffd"
    assert read.text(3, 256) == "x" * 256
    assert read.text(99, 10) == ""


def test_numbers_of_a_wrong_length_are_absent() -> None:
    read = options((9, b"\x06\x06"), (14, b"\xff" * 8), (13, b"\x04"))
    assert read.number(9, 1) is None
    assert read.number(14, 8, signed=True) == -1
    assert read.number(13, 1) == 4


@pytest.mark.parametrize(("resolution", "scale"), [
    (None, (MULTIPLY, 1000)), (6, (MULTIPLY, 1000)), (9, (MULTIPLY, 1)), (0, (MULTIPLY, 10**9)), (12, (DIVIDE, 1000)), (28, (DIVIDE, 10**19)),
    (29, (BINARY, 127)), (0x80, (BINARY, 0)), (0xFF, (BINARY, 127)),
])
def test_scales(resolution: int | None, scale: tuple[int, int]) -> None:
    assert options(*([(9, bytes([resolution]))] if resolution is not None else [])).scale() == scale


def test_an_interface() -> None:
    interface = interface_of(struct.pack("<HHI", 113, 0, 96), options((2, b"any"), (9, b"\x89")), 256)
    assert interface == Interface(link_type=113, name="any", resolution="2^-9", snap_length=96)


def test_statistics_keep_what_is_not_told_anew() -> None:
    interface = statistics_of(Interface(link_type=1), options((4, struct.pack("<Q", 9)), (7, struct.pack("<Q", 2))))
    assert (interface.received, interface.dropped) == (9, 2)
    assert statistics_of(interface, options((4, struct.pack("<Q", 10)))) == statistics_of(interface, options((4, struct.pack("<Q", 10)), (5, b"?")))
    assert statistics_of(interface, options((5, struct.pack("<Q", 7)))).dropped == 7
