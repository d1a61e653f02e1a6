"""Compressed captures, told by their content, read as a stream: never more is decompressed than fits the caller's buffer."""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from typing import Any, Protocol

from otwatch.errors import CaptureError

_INPUT_BYTES = 1 << 16
_ZSTD_INPUT_BYTES = 256  # per call, because zstd's output per call has no bound but its input: a block of 4 bytes can hold 128 KiB
_XZ_MEMORY_BYTES = 128 << 20  # xz -9 needs 65 MiB; a hostile file asks for 4 GiB
_ZSTD_WINDOW_BYTES = 128 << 20  # what zstd itself accepts without --long
_MAGIC_BYTES = 6


def compression_of(head: bytes) -> str:
    """The name of the compression of data that start with these bytes (at least _MAGIC_BYTES of them), or an empty string."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh"):
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[:1] >= b"\x50" and head[:1] <= b"\x5f" and head[1:4] == b"\x2a\x4d\x18"):
        return "zstd"  # a frame, or a skippable frame (RFC 8878 section 3.1)
    return ""


class Stream(Protocol):
    """Bytes one after the other."""

    damage: str  # why they ended before their end; empty as long as nothing is wrong

    @property
    def position(self) -> int:
        """Bytes read from the file or pipe itself."""

    def readinto(self, buffer: memoryview) -> int:
        """Fills the start of the buffer; at least one byte, or 0 at the end."""


class RawStream:
    """A descriptor: a pipe, or a file that is not mapped. `head` are bytes that were already read from it."""

    def __init__(self, descriptor: int, head: bytes = b"") -> None:
        self._descriptor = descriptor
        self._head = head
        self.position = len(head)
        self.damage = ""

    def read(self, size: int) -> bytes:
        """At most `size` bytes, at least one but at the end."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        try:
            octets = os.read(self._descriptor, size)
        except OSError as error:
            self.damage = f"reading failed: {error.strerror}"
            return b""
        self.position += len(octets)
        return octets

    def readinto(self, buffer: memoryview) -> int:
        if self._head:
            head = self.read(len(buffer))
            buffer[:len(head)] = head
            return len(head)
        try:
            count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            self.damage = f"reading failed: {error.strerror}"
            return 0
        self.position += count
        return count


class DecompressedStream:
    """Several members, streams or frames one after the other are one stream, as their tools have it; zeros between them are padding."""

    def __init__(self, raw: RawStream, compression: str) -> None:
        self._raw = raw
        self._compression = compression
        self._decompressor = _decompressor(compression)
        self.damage = ""

    @property
    def position(self) -> int:
        return self._raw.position

    def readinto(self, buffer: memoryview) -> int:
        while not self.damage:
            octets = b""
            if self._decompressor.eof:
                octets = self._next_member()
                if not octets:
                    return 0
                self._decompressor = _decompressor(self._compression)
            elif self._decompressor.needs_input:
                octets = self._raw.read(_INPUT_BYTES)
                if not octets:
                    self.damage = self._raw.damage or f"the {self._compression} data end early"
            try:
                octets = self._decompressor.decompress(octets, len(buffer))
            except Exception as error:  # noqa: BLE001 - each library has its own kinds: zlib.error, LZMAError, ZstdError, OSError, EOFError
                self.damage = f"the {self._compression} data are damaged: {error}"
                return 0
            if octets:
                buffer[:len(octets)] = octets
                return len(octets)
        return 0

    def _next_member(self) -> bytes:
        """The start of the next member; empty at the end."""
        rest: bytes = self._decompressor.unused_data.lstrip(b"\0")
        while len(rest) < _MAGIC_BYTES:
            more = self._raw.read(_INPUT_BYTES)
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if rest and compression_of(rest) != self._compression:
            self.damage = f"the {self._compression} data are followed by something else"
            return b""
        return rest


def _decompressor(compression: str) -> Any:
    """An object with the manners of bz2.BZ2Decompressor: decompress(data, max_length), needs_input, eof, unused_data."""
    if compression == "gzip":
        return _Gzip()
    if compression == "zstd":
        return _Zstd()
    if compression == "bzip2":
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


class _Zstd:
    def __init__(self) -> None:
        try:
            import zstandard  # noqa: PLC0415 - optional: only .zst captures need it
        except ImportError:
            raise CaptureError("zstd-compressed: install the zstandard package (pip install zstandard), "
                               "or decompress it first (zstd -d)") from None
        self._zstd = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        self._input = b""
        self._output = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._input += data
        at = 0
        while not self._output and at < len(self._input) and not self._zstd.eof:
            self._output = self._zstd.decompress(self._input[at:at + _ZSTD_INPUT_BYTES])
            at += _ZSTD_INPUT_BYTES
        self._input = self._input[at:]
        octets, self._output = self._output[:max_length], self._output[max_length:]
        return octets

    @property
    def needs_input(self) -> bool:
        return not self._input and not self._output

    @property
    def eof(self) -> bool:
        return bool(self._zstd.eof) and not self._output

    @property
    def unused_data(self) -> bytes:
        return bytes(self._zstd.unused_data) + self._input
