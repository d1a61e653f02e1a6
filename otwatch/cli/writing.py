"""Output files that a user names: refused before the work when they cannot be written, and never over a capture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from otwatch.errors import CaptureError

# First bytes of pcap in its variants and byte orders, and of pcapng.
_CAPTURES = {bytes.fromhex(magic) for magic in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "34cdb2a1", "a1b2cd34", "0a0d0d0a")}


def check_output(output: str, captures: Sequence[str] = ()) -> None:
    """CaptureError when `output` could not be written, or is a capture: evidence is never overwritten."""
    path = Path(output)
    folder = path.absolute().parent
    if path.is_dir():
        raise CaptureError(f"{output}: cannot be written: it is a folder")
    if not folder.is_dir():
        raise CaptureError(f"{output}: cannot be written: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise CaptureError(f"{output}: cannot be written: permission denied")
    if path.is_file() and (_first_bytes(path) in _CAPTURES or any(_same(path, capture) for capture in captures)):
        raise CaptureError(f"{output}: is a capture and is not overwritten: name another file")


def check_new(folder: str) -> None:
    """CaptureError when a folder for evidence is there already: what is in it would be mixed."""
    if Path(folder).exists():
        raise CaptureError(f"{folder}: exists already: evidence is not mixed; name another folder")


def numbered(name: str, number: int) -> str:
    """`plant.html`, `plant-2.html`: what a recording is written to."""
    path = Path(name)
    return name if number == 1 else str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def _first_bytes(path: Path) -> bytes:
    with suppress(OSError), path.open("rb") as file:
        return file.read(4)
    return b""


def _same(path: Path, capture: str) -> bool:
    with suppress(OSError, ValueError):
        return path.samefile(capture)
    return False
