"""Records on their way from one process to another: JSON lines, packed as they come, so that a table is never held as objects."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from otwatch.outputs.json_text import json_text

_IN_MEMORY: Final = 4_000_000  # packed bytes; what comes after is in a temporary file
_CHUNK: Final = 65_536


class Rows:
    """Takes the records of a table like any writer, and gives them again, in their order, as often as asked."""

    def __init__(self, packed: bytes = b"") -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it lives as long as its rows and is closed with them
        self._packer = zlib.compressobj(1)
        self._file.write(packed)
        self._whole = bool(packed)

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Appends records."""
        for record in records:
            self._file.write(self._packer.compress(json_text(record).encode() + b"\n"))

    def packed(self) -> bytes:
        """Everything, for `Rows(packed)` elsewhere; nothing can be written afterwards."""
        self._end()
        self._file.seek(0)
        return self._file.read()

    def _end(self) -> None:
        if not self._whole:
            self._file.write(self._packer.flush())
            self._whole = True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records; ValueError when what was packed is damaged."""
        self._end()
        self._file.seek(0)
        unpacker, rest = zlib.decompressobj(), b""
        while chunk := self._file.read(_CHUNK):
            try:
                *lines, rest = (rest + unpacker.decompress(chunk)).split(b"\n")
            except zlib.error as error:
                raise ValueError(f"damaged rows: {error}") from error
            yield from map(json.loads, lines)
        if not unpacker.eof:
            raise ValueError("damaged rows: their end is missing")
