"""What is done to a lake when a day is over: its segments merged, its line in the manifest written, what is too old or too much deleted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import otwatch
from otwatch.lake.layout import SCRATCH, Lake, Place
from otwatch.lake.manifest import latest, note_deleted, read, seal
from otwatch.lake.schema import TABLES
from otwatch.lake.writing import Scratch, show
from otwatch.outputs.operation_parquet import pyarrow_module

_ROW_GROUP: Final = 262_144


def tidy(
    lake: Lake,
    *,
    place: Place | None = None,
    days: int = 0,
    reads_days: int = 0,
    size_bytes: int = 0,
    today: str = "",
    say: Callable[[str], object] = lambda _: None,
) -> None:
    """Merges and seals the days before `today`; then deletes what is older than `days` (raw reads: `reads_days`), and the oldest beyond a size."""
    today = today or f"{datetime.now(UTC):%Y-%m-%d}"
    places = [place] if place is not None else list(lake.places())
    for one in places:
        _finish_deleting(one)
        for day in one.days():
            if day < today:
                merge(one, day)
                if seal(one, day):
                    say(f"{one.site}, {one.sensor}, {day}: sealed")
    for one in places:
        for day in one.days():
            if days and day < _before(today, days):
                delete(one, day, f"older than {days} days")
                say(f"{one.site}, {one.sensor}, {day}: deleted, older than {days} days")
            elif reads_days and day < _before(today, reads_days) and _delete_reads(one, day, f"older than {reads_days} days"):
                say(f"{one.site}, {one.sensor}, {day}: raw reads deleted, older than {reads_days} days")
    if size_bytes:
        _shrink(places, size_bytes, today, say)


def merge(place: Place, day: str) -> None:
    """The segments of a day become one. Killed on the way, nothing is twice and nothing missing: replaced segments do not count, deleted or not."""
    segments = place.segments(day)
    if len(segments) > 1:
        arrow, scratch = pyarrow_module(), Scratch(place.root / SCRATCH)
        folder = scratch.path / day
        folder.mkdir()
        try:
            rows: dict[str, int] = {}
            for table in TABLES:
                files = [path for segment in sorted(segments, key=lambda one: one.about.get("from_ns", 0)) for path in segment.files(table)]
                if files:
                    schema = arrow.parquet.read_schema(files[0])
                    with arrow.parquet.ParquetWriter(folder / f"{table}.0001.parquet", schema, compression="zstd") as writer:
                        for some in _grouped(files, arrow):
                            writer.write_table(some, row_group_size=_ROW_GROUP)
                            rows[table] = rows.get(table, 0) + some.num_rows
            replaces = sorted({segment.name for segment in segments}.union(*(segment.replaces for segment in segments)))
            seen = [span for segment in segments for span in segment.about.get("seen_ns") or [(segment.about["from_ns"], segment.about["until_ns"])]]
            about = {
                "otwatch": otwatch.__version__, "from_ns": min(first for first, _ in seen), "until_ns": max(last for _, last in seen),
                "packets": sum(segment.about.get("packets", 0) for segment in segments), "rows": rows, "seen_ns": _united(seen), "replaces": replaces,
                "captures": sorted({name for segment in segments for name in segment.about.get("captures", ())}),
            }  # fmt: skip
            show(folder, place.day(day) / f"d-{uuid4().hex[:24]}", about)
        finally:
            scratch.close()
    counted = {segment.name for segment in place.segments(day)}
    for path in place.day(day).iterdir():
        if path.name not in counted and path.is_dir():
            shutil.rmtree(path)


def delete(place: Place, day: str, reason: str) -> None:
    """A day goes; its lines stay."""
    note_deleted(place, day, reason)
    shutil.rmtree(place.day(day))


def _delete_reads(place: Place, day: str, reason: str) -> bool:
    found = [path for segment in place.segments(day) for path in segment.files("reads")]
    if found:
        note_deleted(place, day, reason, tables=("reads",))
        for path in found:
            path.unlink()
    return bool(found)


def _finish_deleting(place: Place) -> None:
    """What was to be deleted when the last one was killed. A day of which new rows came after it was deleted has them in a segment that is new."""
    lines, _ = read(place)
    known, before = latest(lines), dict[str, set[str]]()
    for line in lines:
        if line["kind"] == "day":
            before[line["day"]] = {one["path"] for one in line.get("files", ())}
    for day, line in known.items():
        if line["kind"] == "deleted":
            for path in before.get(day, ()):
                (place.path / path).unlink(missing_ok=True)


def _shrink(places: list[Place], size_bytes: int, today: str, say: Callable[[str], object]) -> None:
    sizes = {(day, place.site, place.sensor): (place, _size(place.day(day))) for place in places for day in place.days()}
    total = sum(size for _, size in sizes.values())
    for (day, *_), (place, size) in sorted(sizes.items(), key=lambda one: one[0]):
        if total <= size_bytes or day >= today:
            break
        delete(place, day, f"the lake is larger than {size_bytes} bytes")
        say(f"{place.site}, {place.sensor}, {day}: deleted, the lake was larger than {size_bytes} bytes")
        total -= size


def _grouped(files: list[Path], arrow: Any) -> Iterator[Any]:
    """The rows of many small files in groups that are worth one."""
    waiting: list[Any] = []
    rows = 0
    for path in files:
        table = arrow.parquet.read_table(path, partitioning=None)
        waiting.append(table)
        rows += table.num_rows
        if rows >= _ROW_GROUP:
            yield arrow.concat_tables(waiting).unify_dictionaries()
            waiting, rows = [], 0
    if waiting:
        yield arrow.concat_tables(waiting).unify_dictionaries()


def _united(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of time that touch (within a minute) as one."""
    united: list[tuple[int, int]] = []
    for first, last in sorted(tuple(span) for span in spans):
        if united and first <= united[-1][1] + 60_000_000_000:
            united[-1] = united[-1][0], max(united[-1][1], last)
        else:
            united.append((first, last))
    return united


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _before(today: str, days: int) -> str:
    return str(date.fromisoformat(today) - timedelta(days))
