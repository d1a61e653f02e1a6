"""The spool: numbers never used twice, order kept, bounded, and nothing lost by torn lines, full disks or the death of the process."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.siem.reading import parse_line, stored_events
from otwatch.outputs.siem.spool import Spool
from tests.outputs.siem.receivers import alert


def numbers(spool: Spool, after: int = 0) -> list[int]:
    reader = spool.reader(after)
    found: list[int] = []
    while events := reader.read(7):
        found += [event.sequence for event in events]
    return found


def test_events_come_back_in_order_and_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert [spool.append(alert(object=f"o{i}\n\0|")) for i in range(20)] == list(range(1, 21))
    assert [(event.sequence, event.record["object"]) for event in spool.reader(0).read(100)] == [(i + 1, f"o{i}\n\0|") for i in range(20)]
    assert numbers(spool, after=15) == [16, 17, 18, 19, 20]


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    first.append(alert())
    first.append(alert())
    first.close()
    second = Spool(tmp_path)
    assert second.append(alert()) == 3
    assert numbers(second) == [1, 2, 3]


def test_a_cursor_beyond_the_events_is_believed(tmp_path: Path) -> None:
    """The segments were deleted by hand: what was delivered under those numbers must not be taken for something new."""
    spool = Spool(tmp_path)
    spool.append(alert())
    spool.cursors.move("siem", 1)
    spool.close()
    for _, path in spool.segments():
        path.unlink()
    assert Spool(tmp_path).append(alert()) == 2


def test_one_folder_is_one_sensor_s(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(CaptureError, match="in use by another sensor"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(3):
        spool.append(alert())
    spool.close()
    (_, path), = spool.segments()
    path.write_bytes(path.read_bytes()[:-20])
    again = Spool(tmp_path)
    again.check(0)
    assert again.losses.text() == "3"
    assert again.append(alert(object="after")) == 4, "the lost number is known to have been used"
    assert numbers(again) == [1, 2, 4]


def test_a_damaged_line_in_the_middle_is_passed_over_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for _ in range(3):
        spool.append(alert())
    (_, path), = spool.segments()
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"10.0.3.66", b"10.0.3.67")
    path.write_bytes(b"\n".join(lines))
    reader = spool.reader(0)
    assert [event.sequence for event in reader.read()] == [1, 3]
    assert reader.damaged_lines == 1


@pytest.mark.parametrize("line", [b"", b"zz {}", b"00000000 {}", b"abc", b"8d777f38 []\n", b"\xff\xfe"])
def test_what_is_no_event_is_none(line: bytes) -> None:
    assert parse_line(line) is None


def test_it_is_bounded_and_says_what_went(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=40_000, segment_bytes=10_000)
    for _ in range(200):
        spool.append(alert())
    assert sum(path.stat().st_size for _, path in spool.segments()) <= 52_000
    left = numbers(spool)
    assert left == list(range(left[0], 201))
    assert spool.losses.total == left[0] - 1 > 0


def test_what_was_delivered_is_not_counted_as_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=40_000, segment_bytes=10_000)
    spool.cursors.move("siem", 0)
    for i in range(200):
        spool.append(alert())
        spool.cursors.move("siem", i + 1)
    assert numbers(spool)[0] > 1
    assert spool.losses.total == 0


def test_a_reader_follows_over_segments_while_they_grow(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=3_000)
    reader = spool.reader(0)
    found = []
    for i in range(60):
        spool.append(alert())
        if i % 7 == 0:
            found += [event.sequence for event in reader.read()]
    found += [event.sequence for event in reader.read()]
    assert found == list(range(1, 61))
    assert len(spool.segments()) > 5


def test_a_full_disk_keeps_events_in_memory_and_lets_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append(alert())
    reader = spool.reader(0)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert [spool.append(alert()) for _ in range(3)] == [2, 3, 4]
    assert spool.waiting_in_memory == 3
    assert spool.disk_errors == 3
    assert [event.sequence for event in reader.read()] == [1, 2, 3, 4]  # from memory, in order
    monkeypatch.setattr(os, "write", write)
    assert spool.flush()
    assert spool.waiting_in_memory == 0
    assert spool.append(alert()) == 5
    assert [event.sequence for event in reader.read()] == [5]
    assert numbers(spool) == [1, 2, 3, 4, 5]


def test_a_number_that_left_from_memory_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full, an event is sent from memory, the process dies: the next event must not look like a repetition."""
    spool = Spool(tmp_path)
    spool.append(alert())

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        spool.append(alert())
        assert [event.sequence for event in spool.reader(0).read()] == [1, 2]
    spool._release_locks()  # what the death of the process does
    assert Spool(tmp_path).next_sequence == 3


def test_a_write_that_was_cut_short_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:50]))
        spool.append(alert())
    spool.append(alert())
    spool.close()
    assert [event.sequence for event in stored_events(tmp_path)] == [1, 2]


def test_memory_is_bounded_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(10_050):
            spool.append({"type": "alert"})
    assert spool.waiting_in_memory == 10_000
    assert spool.losses.total == 50
    spool.flush()
    assert numbers(spool)[0] == 51


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    spool = Spool(small_disk / "spool")
    spool.cursors.move("siem", 0)
    reader = spool.reader(0)
    seen = []
    for _ in range(200):
        spool.append(alert())
        seen += [event.sequence for event in reader.read()]
    assert spool.waiting_in_memory > 0
    assert seen == list(range(1, 201))
    assert spool.cursors.move("siem", 200), "a cursor is written in place, also on a full disk"
    assert spool.cursors.delivered("siem") == 200
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    assert spool.flush()
    assert numbers(spool) == list(range(1, 201))
    spool.close()


# damage


def damaged(tmp_path: Path, change: Callable[[bytes], bytes], count: int = 40) -> Spool:
    """A spool whose newest segment was changed while nobody ran."""
    spool = Spool(tmp_path)
    for _ in range(count):
        spool.append(alert())
    spool.close()
    (_, path), = spool.segments()
    path.write_bytes(change(path.read_bytes()))
    return Spool(tmp_path)


def flipped(seed: int, count: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        places = Random(seed).sample(range(len(content)), count)
        octets = bytearray(content)
        for place in places:
            octets[place] ^= 1 << place % 8
        return bytes(octets)

    return change


@pytest.mark.parametrize("count", [1, 3, 20, 300])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_whole_in_a_damaged_segment_is_read_and_the_rest_is_a_loss_with_its_numbers(tmp_path: Path, seed: int, count: int) -> None:
    spool = damaged(tmp_path, flipped(seed, count))
    found = numbers(spool)
    spool.check(0)
    assert spool.next_sequence == 41
    assert spool.losses.total == 40 - len(found)
    assert len(found) >= 40 - count, "each flipped bit costs one event at most"


def test_a_damaged_newline_costs_nothing(tmp_path: Path) -> None:
    spool = damaged(tmp_path, lambda content: content.replace(b"\n", b"\x0b", 3))
    assert numbers(spool) == list(range(1, 41))


@pytest.mark.parametrize(("cut", "lost"), [(1, ""), (37, "40"), (-1, "2-40"), (-2, "1-40")])
def test_a_segment_that_was_cut(tmp_path: Path, cut: int, lost: str) -> None:
    """37 octets, all but the first line and some of the second, everything."""
    def change(content: bytes) -> bytes:
        return content[:-cut] if cut > 0 else content[:len(content) // 40 + 50] if cut == -1 else b""

    spool = damaged(tmp_path, change)
    spool.check(0)
    assert spool.losses.text() == lost
    assert spool.append(alert()) == 41


def test_a_loss_is_told_once(tmp_path: Path) -> None:
    spool = damaged(tmp_path, lambda content: content[:-37])
    spool.check(0)
    assert spool.losses.text() == "40"
    spool.note_told()
    spool.close()
    again = Spool(tmp_path)
    again.check(0)
    assert again.losses.total == 0


def test_what_everybody_has_is_no_loss(tmp_path: Path) -> None:
    spool = damaged(tmp_path, lambda content: content[:-37])
    spool.check(40)
    assert spool.losses.total == 0


@pytest.mark.parametrize("name", ["99999999999999999999", "00000000000000000000", "12", "\N{SUPERSCRIPT TWO}", "00000009007199254740000",
                                  "00009000000000000000"])
def test_a_file_that_is_no_segment_is_ignored_and_named(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.events").write_bytes(b"x" * 36)
    spool = Spool(tmp_path)
    assert spool.append(alert()) == 1
    assert numbers(spool) == [1]
    assert name in spool.damage[0]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / f"{1:020d}.events")
    spool = Spool(tmp_path)
    assert "ignored" in spool.damage[0]
    assert numbers(spool) == []


@pytest.mark.parametrize("content", [b"99999999999999999999\n", b"-5\n", b"\xb2\n", b""])
def test_a_damaged_number_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "siem.cursor").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.cursor")
    spool = Spool(tmp_path)
    assert spool.cursors.delivered("siem") is None
    assert spool.cursors.delivered("pipe") is None
    assert spool.append(alert()) == 1


def test_a_folder_that_cannot_be_made_yet_is_used_when_it_can(tmp_path: Path) -> None:
    """The place is taken by a file: events leave from memory, and go to the disk when it is free."""
    place = tmp_path / "state"
    place.write_bytes(b"")
    spool = Spool(place / "spool")
    assert [spool.append(alert()) for _ in range(3)] == [1, 2, 3]
    assert spool.error
    assert numbers(spool) == [1, 2, 3]
    place.unlink()
    assert spool.flush()
    assert spool.error == ""
    assert numbers(spool) == [1, 2, 3]
    with pytest.raises(CaptureError, match="in use by another sensor"):
        Spool(place / "spool")
    spool.close()
