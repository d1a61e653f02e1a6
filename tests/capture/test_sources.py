"""Windows on files and streams."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from otwatch.capture import sources
from otwatch.capture.sources import Blocks, MappedFile
from tests.capture.craft import Chunks

OCTETS = bytes(range(256)) * 8


def test_blocks_keep_what_is_left_and_know_where_they_are() -> None:
    source = Blocks(Chunks(OCTETS, 50), b"", block_bytes=100)
    seen = 0
    while not (source.final and seen == len(OCTETS)):
        source.advance(source.start + (seen - source.base - source.start), 30)
        seen = source.base + source.start
        assert bytes(source.data[source.start:source.end]) == OCTETS[seen:source.base + source.end]
        assert source.final or source.end - source.start >= 30
        seen += min(17, source.end - source.start)
    assert len(source.data) == 100


def test_blocks_grow_only_as_bytes_arrive() -> None:
    source = Blocks(Chunks(OCTETS, 64), b"", block_bytes=64)
    source.advance(0, 16_000_000)
    assert source.final
    assert bytes(source.data[:source.end]) == OCTETS
    assert len(source.data) <= 2 * len(OCTETS)


def test_a_step_that_needs_nothing_reads_nothing() -> None:
    stream = Chunks(OCTETS, 64)
    source = Blocks(stream, b"head", block_bytes=64)
    source.advance(2, 0)
    assert (source.start, source.end, stream.position) == (2, 4, 0)


def test_a_mapped_file_is_seen_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_WINDOW_BYTES", 500)
    path = tmp_path / "x"
    path.write_bytes(OCTETS)
    descriptor = os.open(path, os.O_RDONLY)
    source = MappedFile(descriptor, len(OCTETS))
    source.advance(100, 0)
    assert (source.start, source.end, source.base, source.final) == (100, 600, 0, False)
    assert bytes(source.data[source.start:source.end]) == OCTETS[100:600]
    source.advance(100, 1000)
    assert (source.start, source.end, source.final) == (100, 1100, False)
    source.advance(1800, 10)
    assert (source.start, source.end, source.final) == (1800, len(OCTETS), True)
    os.truncate(path, 50)
    source.advance(1900, 0)
    assert (source.start, source.end, source.final) == (1900, 1900, True)
    source.close()
    assert len(source.data) == 0
    os.close(descriptor)
