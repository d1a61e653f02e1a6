"""Protocols of lines of text: how a line is cut, and what is read of it."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 2_048  # bytes; a longer line is cut there


def cut_line(octets: bytes, at: int) -> tuple[int, int]:
    """(bytes of the line that begins there, its length), with what ends it; (0, 0) while its end has not come. See Head.cut."""
    end = octets.find(b"\n", at, at + LONGEST)
    if end >= 0:
        return end + 1 - at, end + 1 - at
    return (LONGEST, LONGEST) if len(octets) - at >= LONGEST else (0, 0)


def is_line(octets: bytes) -> bool:
    """Whether a line is whole, or as long as lines are read."""
    return octets.endswith(b"\n") or len(octets) >= LONGEST


def text_of(octets: bytes) -> str:
    """A line as text: UTF-8 where it is, else as Latin-1."""
    try:
        return octets.decode("utf-8").strip()
    except UnicodeDecodeError:
        return octets.decode("latin-1").strip()
