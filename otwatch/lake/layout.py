"""Where things are in a lake: DIR/site=S/sensor=N/day=D/SEGMENT/TABLE.NUMBER.parquet, and beside the files of a segment its `segment.json`.

A segment is what one recording, or one sensor in five minutes, saw of a day. It appears whole, by the renaming of its folder, and never changes.
Segments of a day that is over are merged: the merged one names those that it `replaces`, which nobody reads any more, deleted or not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from otwatch.errors import CaptureError

DAY_NS: Final = 86_400_000_000_000
SEGMENT: Final = "segment.json"
MANIFEST: Final = "manifest.jsonl"
SCRATCH: Final = ".scratch"


@dataclass(frozen=True)
class Segment:
    """One folder of rows of one day."""

    path: Path

    @property
    def name(self) -> str:
        """Its name, the same on every day of a recording."""
        return self.path.name

    @cached_property
    def about(self) -> dict[str, Any]:
        """What `segment.json` says: from, until, packets, captures, replaces."""
        try:
            found = json.loads((self.path / SEGMENT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def replaces(self) -> frozenset[str]:
        """Names of the segments whose rows it has."""
        return frozenset(self.about.get("replaces", ()))

    def files(self, table: str = "*") -> list[Path]:
        """Its Parquet files."""
        return sorted(self.path.glob(f"{table}.*.parquet"))


@dataclass(frozen=True, slots=True)
class Place:
    """The part of a lake that one sensor writes."""

    root: Path
    site: str
    sensor: str

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.root / f"site={encoded(self.site)}" / f"sensor={encoded(self.sensor)}"

    def day(self, day: str) -> Path:
        """The folder of a day."""
        return self.path / f"day={day}"

    def days(self) -> list[str]:
        """The days of which there are rows."""
        return sorted(found.name.removeprefix("day=") for found in self.path.glob("day=????-??-??") if found.is_dir())

    def segments(self, day: str) -> list[Segment]:
        """The segments of a day that count."""
        found = [Segment(path) for path in sorted(self.day(day).glob("*")) if (path / SEGMENT).is_file()]
        replaced = frozenset[str]().union(*(segment.replaces for segment in found))
        return [segment for segment in found if segment.name not in replaced]

    def has(self, day: str, segment: str) -> bool:
        """Whether the rows of a segment are there, also within a merged one."""
        return any(found.name == segment or segment in found.replaces for found in self.segments(day))


class Lake:
    """A folder. CaptureError when it is not there."""

    def __init__(self, root: str | Path, *, new: bool = False) -> None:
        self.root = Path(root)
        if new:
            try:
                self.root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CaptureError(f"{root}: cannot be written: {error.strerror}") from error
        if not self.root.is_dir():
            raise CaptureError(f"{root}: no such folder: a lake is made by `otwatch analyze CAPTURE --lake {root}`")

    def places(self, site: str | None = None, sensor: str | None = None) -> Iterator[Place]:
        """Every sensor of every site, or those with these names."""
        for path in sorted(self.root.glob("site=*/sensor=*")):
            place = Place(self.root, decoded(path.parent.name), decoded(path.name))
            if site in (None, place.site) and sensor in (None, place.sensor):
                yield place


def encoded(name: str) -> str:
    """A name as part of a path: no separator, no dot in front, whatever a site file or a host calls itself."""
    text = quote(name, safe="")[:200]
    return text.replace(".", "%2E") if text.startswith(".") or not text else text


def decoded(part: str) -> str:
    """The name again, from `site=...` or `sensor=...`."""
    return unquote(part.partition("=")[2])


def day_of(time_ns: int) -> str:
    """`2026-11-22`, in UTC."""
    return f"{datetime.fromtimestamp(min(max(time_ns // 1_000_000_000, 0), 253_402_300_799), UTC):%Y-%m-%d}"


def day_ns(day: str) -> int:
    """When a day begins."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def sync(path: Path) -> None:
    """A file, or the names in a folder, are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
