"""Capture filters: BPF programs for the kernel, compiled from filter text by libpcap where there is one."""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from contextlib import suppress
from typing import Any

from otwatch.errors import CaptureError

_NO_NETMASK = 0xFFFFFFFF
_RETURN = 0x06  # BPF_RET | BPF_K
_DLT = {1: 1, 101: 12}  # LINKTYPE_ value -> the DLT_ value of this machine's libpcap


class Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class Program(ctypes.Structure):
    """struct bpf_program of libpcap, struct sock_fprog of Linux: the same layout."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(Instruction)))


def libpcap() -> Any:
    """The libpcap of this machine. CaptureError when there is none."""
    for name in ("libpcap.so.1", "libpcap.so.0.8", "libpcap.dylib", ctypes.util.find_library("pcap")):
        with suppress(OSError, TypeError):
            return ctypes.CDLL(name) if name else _missing()
    return _missing()


def _missing() -> Any:
    raise CaptureError("libpcap is missing, it compiles capture filters: install it (Debian: apt install libpcap0.8), or run without a filter")


def compiled_filter(text: str, *, link_type: int = 1, snap_length: int = 262_144) -> bytes:
    """The filter as an array of struct sock_filter: it accepts `snap_length` bytes of what matches. CaptureError when the text is wrong.

    Where the network card takes VLAN tags off, the kernel filters packets without their outer tag: `tcp port 502` finds tagged
    and untagged ones, `vlan 5` finds none. Empty text matches everything and needs no libpcap.
    """
    if not text.strip():
        return struct.pack("=HBBI", _RETURN, 0, 0, snap_length)
    library = libpcap()
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(library.pcap_open_dead(_DLT.get(link_type, link_type), snap_length))
    if not handle:
        raise CaptureError("libpcap cannot open a handle to compile a filter with")
    program = Program()
    try:
        if library.pcap_compile(handle, ctypes.byref(program), text.encode(), 1, ctypes.c_uint(_NO_NETMASK)):
            reason = library.pcap_geterr(handle).decode("utf-8", "replace").strip().replace("\n", " ")
            raise CaptureError(f"capture filter {text!r}: {reason}; see `man pcap-filter`")
        octets = ctypes.string_at(program.instructions, program.length * ctypes.sizeof(Instruction))
        library.pcap_freecode(ctypes.byref(program))
        return octets
    finally:
        library.pcap_close(handle)


class AttachedFilter:
    """A struct sock_fprog for setsockopt(SO_ATTACH_FILTER) or prctl(PR_SET_SECCOMP); `octets` lives as long as this object."""

    def __init__(self, instructions: bytes) -> None:
        self._instructions = ctypes.create_string_buffer(instructions, len(instructions))
        self._program = Program(len(instructions) // ctypes.sizeof(Instruction),
                                 ctypes.cast(self._instructions, ctypes.POINTER(Instruction)))

    @property
    def octets(self) -> bytes:
        """The structure itself, with its pointer."""
        return bytes(self._program)

    @property
    def address(self) -> int:
        """Where the structure lies."""
        return ctypes.addressof(self._program)
