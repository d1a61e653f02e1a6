"""Files as users have them: named, in folders, compressed, piped, growing, not captures at all."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from otwatch.capture.files import CaptureReader, expand, open_capture
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from tests.capture.craft import Pcapng, pcap, read

PACKETS = [(1_700_000_000 + i, i, bytes([i % 256]) * (i % 97)) for i in range(300)]
NG = Pcapng()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def at_second(second: int) -> bytes:
    return pcap([(second, 0, b"x")])


def test_files_of_a_folder_are_in_time_order_and_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.pcap").write_bytes(at_second(300))
    (tmp_path / "b.pcapng").write_bytes(NG.section() + NG.interface() + NG.packet(b"x", 200 * 10**6))
    (tmp_path / "sub" / "c.cap.gz").write_bytes(gzip.compress(at_second(100)))
    (tmp_path / "no packets.pcap").write_bytes(pcap([]))
    (tmp_path / "empty.pcap").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("see a.pcap")
    os.mkfifo(tmp_path / "pipe")
    skipped: list[str] = []
    names = [Path(path).name for path in expand([str(tmp_path)], skipped=skipped)]
    assert names == ["c.cap.gz", "b.pcapng", "a.pcap", "no packets.pcap", "empty.pcap"]
    assert [Path(line.partition(": ")[0]).name for line in sorted(skipped)] == ["notes.txt"]


def test_what_might_be_a_capture_and_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """A folder with an unreadable capture in it is no clean bill."""
    (tmp_path / "good.pcap").write_bytes(at_second(1))
    (tmp_path / "cut.pcap.gz").write_bytes(gzip.compress(at_second(1))[:9])
    (tmp_path / "notes.pcap.txt").write_text("see good.pcap")
    for name in ("broken.pcapng", "notes"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    names = [Path(path).name for path in expand([str(tmp_path)])]
    assert names == ["good.pcap", "broken.pcapng", "cut.pcap.gz"]
    with pytest.raises(CaptureError, match="a link that leads nowhere"):
        open_capture(str(tmp_path / "broken.pcapng"), Limits())


_AS_NOBODY = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.stdout.write("\\n".join(expand([sys.argv[1]])))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_what_may_not_be_looked_at_is_not_passed_over(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name in ("good.pcap", "locked", "shut/inside.pcap"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(at_second(1))
        (folder / "locked").chmod(0)
        (folder / "shut").chmod(0o700)
        (folder / "listed").mkdir(mode=0o744)
        (folder / "listed/only.pcap").write_bytes(at_second(1))
        (folder / "listed").chmod(0o744)  # whose names may be read and nothing else
        script = "from otwatch.capture.files import expand\n" + _AS_NOBODY
        told = subprocess.run([sys.executable, "-c", script, made], capture_output=True, text=True, check=True)
        assert [Path(line).name for line in told.stdout.splitlines()] == ["good.pcap", "only.pcap", "locked", "shut"]


def test_patterns_and_names(tmp_path: Path) -> None:
    for name, second in (("x.pcap10", 10), ("x.pcap", 1), ("x.pcap2", 2)):
        (tmp_path / name).write_bytes(at_second(second))
    (tmp_path / "log.pcap.txt").write_text("nothing")
    assert [Path(path).name for path in expand([str(tmp_path / "*.pcap*")])] == ["x.pcap", "x.pcap2", "x.pcap10"]
    named = [str(tmp_path / name) for name in ("x.pcap10", "x.pcap2", "x.pcap")]
    assert expand(named) == named[::-1]
    assert expand([*named, str(tmp_path), *named]) == named[::-1]


def test_what_is_named_itself_stays_so_that_opening_it_says_what_is_wrong(tmp_path: Path) -> None:
    good = tmp_path / "good.pcap"
    good.write_bytes(at_second(1))
    text = tmp_path / "text"
    text.write_text("hello")
    folder = tmp_path / "folder"
    folder.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    wrong = [str(tmp_path / "missing"), str(tmp_path / "*.nothing"), str(text), str(folder)]
    assert expand(["-", str(pipe), *wrong, str(good)]) == [str(good), "-", str(pipe), *wrong]
    for path in wrong:
        with pytest.raises(CaptureError) as caught:
            open_capture(path, Limits())
        assert str(caught.value).startswith(path + ": ")
        assert "\n" not in str(caught.value)


def test_names_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x" * 5000, "nul\0byte"):
        assert expand([name]) == [name]
        with pytest.raises(CaptureError) as caught:
            open_capture(name, Limits())
        assert "\0" not in str(caught.value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_bytes(at_second(1))
    assert expand(["*"]) == ["./-"]


@pytest.mark.parametrize(("octets", "words"), [
    (b"", "empty"),
    (b"hello, world", "editcap"),
    (b"\x0a\x0d\x0d\x0a" + bytes(40), "not a pcap"),
    (b"PK\x03\x04" + bytes(40), "unpack"),
    (b"snoop\0\0\0" + bytes(40), "editcap"),
    (at_second(1)[:20], "cut short"),
    (gzip.compress(b"", mtime=0), "empty"),
    (gzip.compress(b"hello", mtime=0), "not a pcap"),
    (gzip.compress(at_second(1), mtime=0)[:9], "end early"),
    (b"\x1f\x8b\x08" + bytes(40), "damaged"),
    (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "damaged"),
    (b"\xfd7zXZ\0" + b"\xff" * 40, "damaged"),
    (b"BZh9" + b"\xff" * 40, "damaged"),
])
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, octets: bytes, words: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(octets)
    before = _descriptors()
    with pytest.raises(CaptureError) as caught:
        open_capture(str(path), Limits())
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert _descriptors() == before


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(CaptureError, match="permission denied; run as"):
        open_capture(str(tmp_path / "x"), Limits())


def test_zstd_without_its_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.pcap.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CaptureError, match="pip install zstandard"):
        open_capture(str(path), Limits())


@pytest.mark.parametrize("batch", [1, 7, 299, 300, 8192])
def test_batches_do_not_change_anything(tmp_path: Path, batch: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap(PACKETS) + b"rest")
    got = read(path, batch=batch)
    assert got.payloads == [data for _, _, data in PACKETS]
    assert got == read(path)


def test_one_table_is_used_again_with_the_file_on_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap(PACKETS))
    with open_capture(str(path), Limits(batch_packets=100)) as reader:
        tables = {(id(packets), packets.file, packets.rows) for packets in reader}
    assert {rows for _, _, rows in tables} == {100}
    assert len(tables) == 1
    assert {file for _, file, _ in tables} == {str(path)}


def test_progress_is_told_once_a_batch_up_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    plain = pcap(PACKETS)
    for octets in (plain, gzip.compress(plain)):
        path.write_bytes(octets)
        calls: list[tuple[int, int | None]] = []

        def progress(done: int, total: int | None, calls: list[tuple[int, int | None]] = calls) -> None:
            calls.append((done, total))

        with open_capture(str(path), Limits(batch_packets=50), on_progress=progress) as reader:
            assert sum(packets.rows for packets in reader) == 300
        assert len(calls) == 6
        assert calls == sorted(calls)
        assert calls[-1] == (len(octets), len(octets))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_by_content_whatever_the_name(tmp_path: Path, compress: object) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(compress(pcap(PACKETS)))  # type: ignore[operator]
    got = read(path)
    assert got.payloads == [data for _, _, data in PACKETS]
    assert got.report.compression in {"gzip", "bzip2", "xz"}
    assert got.report.problems == ()


def test_zstd(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "x.pcap"
    octets = pcap(PACKETS)
    frames = [zstandard.ZstdCompressor().compress(part) for part in (octets[:1000], octets[1000:])]
    path.write_bytes(b"\x50\x2a\x4d\x18\x03\0\0\0abc".join([b"", *frames]))  # skippable frames before each
    got = read(path)
    assert got.payloads == [data for _, _, data in PACKETS]
    assert (got.report.compression, got.report.problems) == ("zstd", ())
    path.write_bytes(frames[0] + frames[1][:-5])
    got = read(path)
    assert len(got.rows) < 300
    assert "damaged-compression" in got.report.problem_counts


def test_a_cut_compressed_file_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    octets = pcap([(i, 0, os.urandom(100)) for i in range(100)])
    for compress in (gzip.compress, bz2.compress, lzma.compress):
        whole = compress(octets)
        path.write_bytes(whole[:len(whole) // 2])
        if compress is bz2.compress:  # its blocks are larger than this capture: nothing comes out
            with pytest.raises(CaptureError, match="end early"):
                open_capture(str(path), Limits())
            continue
        got = read(path)
        assert 40 < len(got.rows) < 60
        assert set(got.report.problem_counts) == {"truncated", "damaged-compression"}
        assert got == read(path, batch=1)


def test_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    octets = pcap(PACKETS) + b"rest"

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for at in range(0, len(octets), 1001):
                pipe.write(octets[at:at + 1001])

    writer = threading.Thread(target=write)
    writer.start()
    got = read(path)
    writer.join()
    assert got.payloads == [data for _, _, data in PACKETS]
    assert got.report.cut_short_at == len(octets) - 4


_COUNT = """
from otwatch.capture.files import open_capture
from otwatch.limits import Limits
with open_capture("-", Limits()) as reader:
    print(sum(packets.rows for packets in reader), reader.report.compression)
"""


@pytest.mark.parametrize("compressed", [False, True])
def test_standard_input_piped_and_redirected(tmp_path: Path, compressed: bool) -> None:
    octets = gzip.compress(pcap(PACKETS)) if compressed else pcap(PACKETS)
    piped = subprocess.run([sys.executable, "-c", _COUNT], input=octets, capture_output=True, check=True)
    path = tmp_path / "x"
    path.write_bytes(octets)
    with path.open("rb") as file:
        redirected = subprocess.run([sys.executable, "-c", _COUNT], stdin=file, capture_output=True, check=True)
    assert piped.stdout == redirected.stdout == (b"300 gzip\n" if compressed else b"300 \n")


def test_a_growing_file_is_read_to_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x"
    octets = pcap(PACKETS)
    path.write_bytes(octets[:-10])
    with open_capture(str(path), Limits(batch_packets=100)) as reader, path.open("ab") as file:
        rows = 0
        for packets in reader:
            rows += packets.rows
            file.write(octets)
            file.flush()
        assert rows == 299
        assert reader.report.cut_short_at is not None


def test_a_file_that_shrinks_is_a_cut_and_kills_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap([(i, 0, bytes(1000)) for i in range(3000)]))
    with open_capture(str(path), Limits(batch_packets=100)) as reader:
        rows = 0
        for packets in reader:
            rows += packets.rows
            if rows == 1000:
                os.truncate(path, 24 + 1200 * 1016 + 5)
        assert rows == 1200
        assert reader.report.cut_short_at == 24 + 1200 * 1016


def _resident_file_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssFile"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssFile")


def test_memory_does_not_grow_with_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    record = struct.pack("<IIII", 1, 0, 10_000, 10_000) + bytes(10_000)
    with path.open("wb") as file:
        file.write(pcap([]))
        for _ in range(64):
            file.write(record * 200)
    before = _resident_file_bytes()
    most = 0
    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            most = max(most, _resident_file_bytes() - before)
            assert memoryview(packets.data)[packets.at[packets.rows - 1]] == 0
    assert most < 32 << 20
    assert reader.report.packets == 12_800


def test_after_closing_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap(PACKETS))
    before = _descriptors()
    with open_capture(str(path), Limits(batch_packets=10)) as reader:
        packets = next(iter(reader))
        assert packets.rows == 10
    assert packets.rows == 0
    assert list(reader) == []
    assert isinstance(reader, CaptureReader)
    reader.close()
    assert _descriptors() == before
