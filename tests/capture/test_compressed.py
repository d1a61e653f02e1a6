"""Decompression as a stream: members, padding, damage, and bombs that must not fill memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from otwatch.capture.compressed import DecompressedStream, RawStream, compression_of

COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
try:
    import zstandard
    COMPRESS["zstd"] = lambda octets: zstandard.ZstdCompressor().compress(octets)
except ImportError:
    pass

each = pytest.mark.parametrize("name", COMPRESS)
DATA = os.urandom(5000) + bytes(100_000)


def inflate(tmp_path: Path, octets: bytes, *, size: int = 1000) -> tuple[bytes, str]:
    """What comes out, and the damage."""
    path = tmp_path / "x"
    path.write_bytes(octets)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stream = DecompressedStream(RawStream(descriptor), compression_of(octets))
        result = b""
        buffer = bytearray(size)
        while count := stream.readinto(memoryview(buffer)):
            result += buffer[:count]
        assert stream.readinto(memoryview(buffer)) == 0
        return result, stream.damage
    finally:
        os.close(descriptor)


@each
def test_members_are_one_stream(tmp_path: Path, name: str) -> None:
    compress = COMPRESS[name]
    assert compression_of(compress(b"")) == name
    padding = bytes(8)
    octets = compress(b"") + compress(DATA) + padding + compress(b"") + compress(b"end") + bytes(300_000)
    assert inflate(tmp_path, octets) == (DATA + b"end", "")


@each
def test_cut_anywhere_gives_a_part_and_says_so(tmp_path: Path, name: str) -> None:
    octets = COMPRESS[name](DATA[:300])
    for length in range(6, len(octets)):
        result, damage = inflate(tmp_path, octets[:length])
        assert DATA.startswith(result)
        assert damage == f"the {name} data end early"


@each
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_size_of_the_buffer_does_not_matter(tmp_path: Path, name: str, size: int) -> None:
    octets = COMPRESS[name](DATA[:6000])[:-3]
    assert inflate(tmp_path, octets, size=size) == inflate(tmp_path, octets)


@each
def test_damage_is_told(tmp_path: Path, name: str) -> None:
    octets = bytearray(COMPRESS[name](os.urandom(100_000)))
    octets[len(octets) // 2] ^= 0xFF
    _, damage = inflate(tmp_path, bytes(octets))
    assert damage.startswith(f"the {name} data are damaged: ") or name == "zstd"  # zstd has a checksum only when asked for


@each
def test_something_else_after_the_end_is_told(tmp_path: Path, name: str) -> None:
    assert inflate(tmp_path, COMPRESS[name](b"data") + b"something") == (b"data", f"the {name} data are followed by something else")


@each
def test_a_bomb_does_not_fill_memory(tmp_path: Path, name: str) -> None:
    """256 MiB of zeros in a few kilobytes."""
    zeros = bytes(1 << 24)
    if name == "gzip":
        compressor = zlib.compressobj(9, wbits=31)
        bomb = b"".join(compressor.compress(zeros) for _ in range(16)) + compressor.flush()
    else:
        bomb = COMPRESS[name](zeros) * 16
    path = tmp_path / "bomb"
    path.write_bytes(bomb)
    descriptor = os.open(path, os.O_RDONLY)
    stream = DecompressedStream(RawStream(descriptor), name)
    buffer = bytearray(1 << 20)
    tracemalloc.start()
    total = 0
    while count := stream.readinto(memoryview(buffer)):
        total += count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    os.close(descriptor)
    assert total == 1 << 28
    assert peak < 20 << 20


def test_xz_may_not_ask_for_any_amount_of_memory(tmp_path: Path) -> None:
    huge = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    # the dictionary size is one byte of the block header: 40 asks for 4 GiB (xz file format section 5.3.1); its CRC is put right
    at = huge.index(b"\x21\x01") + 2
    header = bytearray(huge[12:12 + (huge[12] + 1) * 4])
    header[at - 12] = 40
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    result, damage = inflate(tmp_path, huge[:12] + bytes(header) + huge[12 + len(header):])
    assert result == b""
    assert "emory" in damage


def test_reading_a_bad_descriptor_is_damage() -> None:
    stream = RawStream(-1, b"head")
    buffer = bytearray(10)
    assert stream.readinto(memoryview(buffer)) == 4
    assert stream.readinto(memoryview(buffer)) == 0
    assert stream.damage.startswith("reading failed")


def test_plain_bytes_are_not_compressed() -> None:
    assert compression_of(b"\xd4\xc3\xb2\xa1" + bytes(20)) == ""
    assert compression_of(b"") == ""
