"""Paths: what is addressed, and through which ports."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.names import NAMES, is_name
from otwatch.protocols.cip.epath import Path
from tests.oracle.cip import read_path
from tests.protocols.cip.wire import logical, tag


def read(octets: bytes) -> Path:
    path = Path()
    path.read(memoryview(octets), 0, len(octets))
    return path


_names = st.text(alphabet="abcXYZ_:09", min_size=1, max_size=20)
_numbers = st.integers(0, 2**32 - 1)
_paths = st.one_of(
    st.builds(logical, _numbers, st.none() | _numbers, st.none() | _numbers),
    st.lists(_names | st.integers(0, 70_000), min_size=1, max_size=6).map(lambda parts: tag(*(["First", *parts]))),
)
_hops = st.one_of(st.builds(lambda port, link: bytes((port, link)), st.integers(1, 14), st.integers(0, 255)),
                  st.integers(1, 99).map(lambda number: b"\x12" + bytes((len(f"10.1.2.{number}"),)) + f"10.1.2.{number}".encode().ljust(
                      len(f"10.1.2.{number}") + len(f"10.1.2.{number}") % 2, b"\0")))


@given(_paths, st.lists(_hops, max_size=3))
def test_the_oracle_reads_the_same(path: bytes, hops: list[bytes]) -> None:
    found, expected = read(b"".join(hops) + path), read_path(b"".join(hops) + path)
    assert found.whole
    assert found.class_ == (expected["class"] if found.class_ >= 0 or not expected["name"] else -1)
    assert (NAMES.text(found.name) if found.name >= 0 else "") == expected["name"]
    assert (found.instance, found.attribute, found.element) == (expected["instance"], expected["attribute"], expected["element"])
    route = NAMES.text(found.unit) if is_name(found.unit) else f"1,{found.unit}" if found.unit >= 0 else ""
    assert route == expected["route"]


@given(st.binary(max_size=600))
def test_no_bytes_raise(octets: bytes) -> None:
    path = read(octets)
    assert path.whole == (path.wrong_at < 0)


@pytest.mark.parametrize("octets", [b"\xe0\0", b"\x91", b"\x91\x09abc", b"\x3c\0", b"\x34\5" + bytes(8), b"\x24", b"\x25\0\1", b"\x23\0\0\0",
                                    b"\x60\1", b"\x1f\4\1", b"\x0f\1"])
def test_what_is_not_defined_is_said(octets: bytes) -> None:
    path = read(b"\x20\x8e" + octets)
    assert (path.class_, path.whole, path.wrong_at) == (0x8E, False, 2)


def test_keys_data_and_network_segments_are_passed() -> None:
    path = read(b"\x34\4" + struct.pack("<HHHBB", 1, 14, 92, 20, 11) + b"\x43\x0a\x80\1\xaa\xbb\x20\4\x24\x65\x2c\x66\x2c\x67")
    assert (path.whole, path.key_vendor, path.key_type, path.class_, path.instance, path.point, path.point_2) == (True, 1, 14, 4, 0x65, 0x66, 0x67)


def test_a_name_of_the_greatest_length_is_kept_whole() -> None:
    long = tag(*(["x" * 250] * 2))
    assert NAMES.text(read(long).name) == "x" * 250 + "." + "x" * 250
