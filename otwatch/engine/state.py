"""What is kept of a recording when its packets have gone, and how it goes to another process or machine: as plain bytes of ours."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import otwatch
from otwatch.outputs.plain import as_json, from_json
from otwatch.outputs.result import Result
from otwatch.outputs.rows import Rows
from otwatch.outputs.view.activity import NO_ACTIVITY, Activity

_HEADER: Final = f"otwatch {otwatch.__version__} recording\n".encode()  # another version's result may have other fields
_IN_MEMORY: Final = 16_000_000  # bytes of saved recordings on a shelf
_LENGTH: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody needs of a recording beside its result: nothing else is gathered."""

    activity: bool = False
    anomalies: bool = False
    tables: tuple[str, ...] = ()  # of exporters.EXPORTERS


NOTHING_MORE: Final = Wanted()


@dataclass(slots=True, kw_only=True)
class _Judged:
    """The part of it that is dataclasses."""

    result: Result
    activity: Activity
    anomalies: list[dict[str, Any]]
    stopped: bool


@dataclass(slots=True, kw_only=True)
class Observed:
    """One recording: captures that belong together, read and judged. `tables` are empty where they were written while it was read."""

    result: Result
    activity: Activity = NO_ACTIVITY
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False  # before the end of what was to be read
    tables: dict[str, Rows] = field(default_factory=dict)

    def save(self) -> bytes:
        """Everything, for `load` in this version of otwatch."""
        judged = _Judged(result=self.result, activity=self.activity, anomalies=self.anomalies, stopped=self.stopped)
        parts = [zlib.compress(as_json(judged).encode(), 1)]
        for name, rows in self.tables.items():
            parts += [name.encode(), rows.packed()]
        return _HEADER + b"".join(_LENGTH.pack(len(part)) + part for part in parts)

    @classmethod
    def load(cls, saved: bytes) -> Observed:
        """What was saved. ValueError when it is not that, or another version's."""
        if not saved.startswith(_HEADER):
            found = saved.partition(b"\n")[0][:60].decode("ascii", "replace")
            raise ValueError(f'a recording of another otwatch: it begins with "{found}", not with "{_HEADER.decode().strip()}"')
        try:
            parts = list(_parts(memoryview(saved)[len(_HEADER) :]))
            judged = from_json(zlib.decompress(parts[0]), _Judged)
            tables = {bytes(name).decode(): Rows(bytes(packed)) for name, packed in zip(parts[1::2], parts[2::2], strict=True)}
        except (IndexError, zlib.error) as error:
            raise ValueError(f"a damaged recording: {error}") from error
        return cls(result=judged.result, activity=judged.activity, anomalies=judged.anomalies, stopped=judged.stopped, tables=tables)


def _parts(saved: memoryview) -> Iterator[memoryview]:
    while len(saved):
        end = _LENGTH.size + int.from_bytes(saved[: _LENGTH.size], "big")
        if end > len(saved):
            raise ValueError("a recording that is cut short")
        yield saved[_LENGTH.size : end]
        saved = saved[end:]


class Shelf:
    """Recordings that wait for their turn: one as it is, several saved in a temporary file, so that thousands take no memory."""

    def __init__(self) -> None:
        self._only: Observed | None = None
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed with the shelf
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._ends) or (self._only is not None)

    def add(self, one: Observed) -> None:
        """Puts one behind the others, tables and all."""
        if not len(self):
            self._only = one
            return
        waiting = [one] if self._only is None else [self._only, one]
        self._only = None
        for each in waiting:
            self._file.seek(0, os.SEEK_END)
            self._file.write(each.save())
            self._ends.append(self._file.tell())

    def __iter__(self) -> Iterator[Observed]:
        if self._only is not None:
            yield self._only
        start = 0
        for end in self._ends:
            self._file.seek(start)
            yield Observed.load(self._file.read(end - start))
            start = end
