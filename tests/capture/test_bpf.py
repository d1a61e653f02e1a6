"""Capture filters."""

from __future__ import annotations

import ctypes
import struct

import pytest

from otwatch.capture import bpf
from otwatch.capture.bpf import AttachedFilter, compiled_filter, libpcap
from otwatch.errors import CaptureError

try:
    libpcap()
    NO_LIBPCAP = ""
except CaptureError as error:
    NO_LIBPCAP = str(error)

needs_libpcap = pytest.mark.skipif(bool(NO_LIBPCAP), reason=NO_LIBPCAP)


def test_no_filter_accepts_everything_up_to_the_snap_length() -> None:
    assert compiled_filter("  ", snap_length=96) == struct.pack("=HBBI", 6, 0, 0, 96)


@needs_libpcap
@pytest.mark.parametrize("link_type", [1, 101])
def test_a_filter_ends_with_the_snap_length(link_type: int) -> None:
    octets = compiled_filter("tcp port 502", link_type=link_type, snap_length=1234)
    returns = {value for code, _, _, value in struct.iter_unpack("=HBBI", octets) if code == 6}
    assert returns == {0, 1234}


@needs_libpcap
def test_a_wrong_filter_says_what_is_wrong_with_it() -> None:
    with pytest.raises(CaptureError, match=r"capture filter 'port modbusx': .*modbusx.*man pcap-filter"):
        compiled_filter("port modbusx")


def test_a_filter_without_libpcap_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise OSError(name)

    monkeypatch.setattr(bpf.ctypes, "CDLL", missing)
    with pytest.raises(CaptureError, match="apt install libpcap"):
        compiled_filter("tcp")
    monkeypatch.setattr(bpf.ctypes.util, "find_library", lambda _: None)
    with pytest.raises(CaptureError, match="apt install libpcap"):
        libpcap()


def test_an_attached_filter_points_to_its_instructions() -> None:
    program = struct.pack("=HBBI", 6, 0, 0, 5) * 3
    attached = AttachedFilter(program)
    length, address = struct.unpack("@HxxxxxxQ" if ctypes.sizeof(ctypes.c_void_p) == 8 else "@HxxI", attached.octets)
    assert length == 3
    assert ctypes.string_at(address, 24) == program
