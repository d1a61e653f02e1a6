"""What goes into a lake comes out of it, once; its manifest notices every change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.lake.asking import Question, Span
from otwatch.lake.layout import MANIFEST, Lake, decoded, encoded
from otwatch.lake.manifest import heads, hours_without, latest, read, seal, verify
from otwatch.lake.tidying import delete, merge, tidy
from otwatch.lake.writing import LakeWriter
from tests.lake.making import DAY_NS, SENSOR, SITE, START_NS, fact, fill, place

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


def ask(root: Path, sql: str, span: Span | None = None) -> list[tuple[object, ...]]:
    question = Question(Lake(root), span or Span())
    try:
        return question.ask(sql).rows
    finally:
        question.close()


def broken(root: Path) -> list[str]:
    return [finding.text for finding in verify(place(root)) if finding.broken]


def sealed(root: Path, days: int = 3) -> None:
    for day in fill(root, days=days):
        seal(place(root), day)


def test_rows_come_back_with_their_place(tmp_path: Path) -> None:
    assert fill(tmp_path) == ["2026-11-22", "2026-11-23"]
    assert ask(tmp_path, "SELECT site, sensor, count(*), min(frame), max(value) FROM facts GROUP BY ALL") == [(SITE, SENSOR, 60, 0, "=1+1 9")]
    assert ask(tmp_path, "SELECT epoch_us(time) FROM facts ORDER BY time LIMIT 1")[0][0] == START_NS // 1000
    assert place(tmp_path).path.parent.parent == tmp_path  # no name of a plant leaves the folder


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "=", "ü %2F", "x" * 100])
def test_names_are_parts_of_a_path_and_back(name: str) -> None:
    assert "/" not in encoded(name)
    assert not encoded(name).startswith(".")
    assert decoded(f"site={encoded(name)}") == name


def test_the_same_recording_is_there_once(tmp_path: Path) -> None:
    fill(tmp_path)
    assert fill(tmp_path) == []
    assert fill(tmp_path, days=3) == ["2026-11-24"]  # the day that had been missing
    assert ask(tmp_path, "SELECT count(*) FROM facts") == [(90,)]


def test_also_within_a_merged_day(tmp_path: Path) -> None:
    fill(tmp_path, "r-1")
    fill(tmp_path, "r-2")
    for day in place(tmp_path).days():
        merge(place(tmp_path), day)
        merge(place(tmp_path), day)
        assert len(place(tmp_path).segments(day)) == 1
    assert fill(tmp_path, "r-2") == []
    assert ask(tmp_path, "SELECT count(*) FROM facts") == [(120,)]


def test_a_fact_that_is_repeated_is_kept_once_an_hour(tmp_path: Path) -> None:
    writer = LakeWriter(Lake(tmp_path, new=True), SITE, SENSOR)
    for _ in range(2):
        writer.records("facts", [fact(0, 1), fact(0, 1), fact(0, 2)])
    writer.commit("r-1", first_ns=START_NS, last_ns=START_NS, about={})
    assert ask(tmp_path, "SELECT count(*) FROM facts") == [(2,)]


def test_a_clock_that_jumps_about_makes_no_million_folders(tmp_path: Path) -> None:
    writer = LakeWriter(Lake(tmp_path, new=True), SITE, SENSOR)
    times = [f"{1971 + number // 12}-{1 + number % 12:02}-01T00:00:00.000000000Z" for number in range(500)]
    writer.records("facts", [{**fact(0, 1), "time": time} for time in times])
    writer.commit("r-1", first_ns=START_NS, last_ns=START_NS + 10_000 * DAY_NS, about={})
    assert writer.lost == 100
    assert len(place(tmp_path).days()) <= 801


def test_time_and_site_choose(tmp_path: Path) -> None:
    fill(tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM facts", Span(since="2026-11-22T20:00:00", until="2026-11-23T01:00:00")) == [(6,)]
    assert ask(tmp_path, "SELECT count(*) FROM facts", Span(site="another")) == [(0,)]
    with pytest.raises(CaptureError, match="is no time"):
        Question(Lake(tmp_path), Span(since="yesterday"))


def test_a_question_reads_this_lake_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path / "lake")
    (tmp_path / "x.csv").write_text("a\n1\n")
    for sql in (f"SELECT * FROM '{tmp_path}/x.csv'", f"COPY (SELECT 1) TO '{tmp_path}/y.csv'", "SET enable_external_access = true", "INSTALL httpfs"):
        with pytest.raises(CaptureError, match="SQL: "):
            ask(tmp_path / "lake", sql)
    assert not (tmp_path / "y.csv").exists()


def test_an_untouched_lake_is_whole(tmp_path: Path) -> None:
    sealed(tmp_path)
    assert list(verify(place(tmp_path))) == []
    assert not seal(place(tmp_path), "2026-11-22")  # nothing new, no line


def test_every_change_is_noticed(tmp_path: Path) -> None:
    original = tmp_path / "original"
    sealed(original)
    count = len(heads(place(original)))
    for number, (what, change) in enumerate(_CHANGES):
        root = tmp_path / str(number)
        shutil.copytree(original, root)
        change(root)
        found = broken(root)
        assert (any(what in text for text in found) if what else len(heads(place(root))) < count), (what, found)


def _edit(root: Path, old: bytes, new: bytes, count: int = 1) -> None:
    path = place(root).path / MANIFEST
    path.write_bytes(path.read_bytes().replace(old, new, count))


def _lines(root: Path, chosen: slice) -> None:
    path = place(root).path / MANIFEST
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[chosen]))


def _file(root: Path) -> Path:
    return place(root).segments("2026-11-22")[0].files("facts")[0]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


_CHANGES = (
    ("was changed", lambda root: _flip(_file(root))),
    ("is missing", lambda root: _file(root).unlink()),
    ("is missing", lambda root: shutil.rmtree(place(root).day("2026-11-23"))),
    ("does not follow", lambda root: _edit(root, b'"day":"2026-11-22"', b'"day":"2026-11-21"')),
    ("does not follow", lambda root: _lines(root, slice(1, None))),
    ("no line of a manifest", lambda root: _edit(root, b"{", b"[")),
    ("cut short", lambda root: (place(root).path / MANIFEST).write_bytes((place(root).path / MANIFEST).read_bytes()[:-9])),
    ("", lambda root: _lines(root, slice(0, -1))),  # the end alone: only a head that was kept elsewhere tells
)


def test_a_line_that_was_cut_short_is_written_again(tmp_path: Path) -> None:
    sealed(tmp_path)
    path = place(tmp_path).path / MANIFEST
    path.write_bytes(path.read_bytes()[:-9])
    assert seal(place(tmp_path), "2026-11-24")
    assert broken(tmp_path) == []


def test_a_deleted_day_keeps_its_line(tmp_path: Path) -> None:
    sealed(tmp_path)
    delete(place(tmp_path), "2026-11-22", "older than 1 days")
    lines, wrong = read(place(tmp_path))
    assert (wrong, broken(tmp_path)) == ([], [])
    assert [line["kind"] for line in lines if line.get("day") == "2026-11-22"] == ["day", "deleted"]
    assert latest(lines)["2026-11-22"]["reason"] == "older than 1 days"
    assert fill(tmp_path) == ["2026-11-22"]  # and may come back


def test_hours_and_days_without_a_sensor_are_lines(tmp_path: Path) -> None:
    writer = LakeWriter(Lake(tmp_path, new=True), SITE, SENSOR)
    writer.commit("s-1", first_ns=START_NS + 3_600_000_000_000, last_ns=START_NS + 7_200_000_000_001, about={})
    writer = LakeWriter(Lake(tmp_path), SITE, SENSOR)
    writer.commit("s-2", first_ns=START_NS + 3 * DAY_NS, last_ns=START_NS + 4 * DAY_NS - 1, about={})
    one = place(tmp_path)
    assert hours_without(one.segments("2026-11-22"), "2026-11-22") == [0, *range(3, 24)]
    tidy(Lake(tmp_path), today="2026-12-01")
    gaps = [{name: value for name, value in line.items() if name not in ("written", "previous")} for line in read(one)[0] if line["kind"] == "gap"]
    assert gaps == [
        {"kind": "gap", "day": "2026-11-22", "hours": [0, *range(3, 24)]},
        {"kind": "gap", "from_day": "2026-11-23", "until_day": "2026-11-24"},
    ]


def test_tidying_merges_seals_and_deletes_by_age_and_size(tmp_path: Path) -> None:
    fill(tmp_path, "r-1", days=4)
    fill(tmp_path, "r-2", days=4)
    tidy(Lake(tmp_path), today="2026-11-25", days=2)
    one = place(tmp_path)
    assert one.days() == ["2026-11-23", "2026-11-24", "2026-11-25"]
    assert [len(one.segments(day)) for day in one.days()] == [1, 1, 2]  # today is left alone
    assert broken(tmp_path) == []
    tidy(Lake(tmp_path), today="2026-11-25", size_bytes=1)
    assert one.days() == ["2026-11-25"]
    assert broken(tmp_path) == []


def test_raw_reads_go_before_the_rest(tmp_path: Path) -> None:
    sealed(tmp_path)
    one = place(tmp_path)
    reads = one.segments("2026-11-22")[0].path / "reads.0001.parquet"
    shutil.copy(_file(tmp_path), reads)
    tidy(Lake(tmp_path), today="2026-11-26", reads_days=1)
    assert not reads.exists()
    assert [text for text in broken(tmp_path) if "reads" in text] == []
    assert ask(tmp_path, "SELECT count(*) FROM facts") == [(90,)]


def test_a_manifest_of_nonsense_does_not_raise(tmp_path: Path) -> None:
    sealed(tmp_path)
    (place(tmp_path).path / MANIFEST).write_bytes(b"\xff\n[]\n{}\n" + json.dumps({"kind": "day", "day": 7}).encode() + b"\n")
    assert broken(tmp_path)


def test_what_is_no_lake_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such folder"):
        Lake(tmp_path / "nowhere")
