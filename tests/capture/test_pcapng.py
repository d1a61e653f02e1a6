"""pcapng: every block type, both byte orders, sections, interfaces, resolutions, every cut."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from otwatch.capture.anomalies import CaptureAnomaly
from tests.capture.craft import Pcapng, read, read_stream

LE, BE = Pcapng("<"), Pcapng(">")
SECOND = 1_700_000_000


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return tmp_path / "x.pcapng"


@pytest.mark.parametrize("ng", [LE, BE])
def test_packets_of_every_kind(capture: Path, ng: Pcapng) -> None:
    capture.write_bytes(
        ng.section((4, b"a tester")) + ng.interface((2, b"eth7"), (3, b"the tap"), snap_length=100)
        + ng.interface((9, bytes([9])), (14, struct.pack(ng.order + "q", 5)), (13, b"\x04"), link_type=101)
        + ng.packet(b"enhanced", SECOND * 10**6 + 7, wire=70, options=((1, b"a comment"), (2, bytes(4))))
        + ng.old_packet(b"obsolete", SECOND * 10**9 + 9, interface=1)
        + ng.simple(b"simple")
        + ng.packet(b"", SECOND * 10**6 + 8)
        + ng.statistics((4, struct.pack(ng.order + "Q", 10)), (5, struct.pack(ng.order + "Q", 3)), (7, struct.pack(ng.order + "Q", 4))))
    got = read(capture)
    assert got.payloads == [b"enhanced", b"obsolete", b"simple", b""]
    assert got.times == [SECOND * 10**9 + 7000, (SECOND + 5) * 10**9 + 9, (SECOND + 5) * 10**9 + 9, SECOND * 10**9 + 8000]
    assert [(row.frame, row.wire, row.link_type, row.interface) for row in got.rows] == [
        (1, 70, 1, 0), (2, 8, 101, 1), (3, 6, 1, 0), (4, 0, 1, 0)]
    assert got.anomalies == []
    report = got.report
    assert (report.format, report.packets, report.snapped, report.time_backwards) == ("pcapng", 4, 1, 1)
    assert report.link_types == {1: 3, 101: 1}
    first, second = report.interfaces
    assert (first.name, first.description, first.snap_length, first.resolution, first.packets) == ("eth7", "the tap", 100, "10^-6", 3)
    assert (first.received, first.dropped, first.frame_check_bytes) == (10, 7, None)
    assert (second.resolution, second.offset_seconds, second.frame_check_bytes, second.packets, second.dropped) == ("10^-9", 5, 4, 1, None)


def test_simple_packets_are_cut_by_the_snap_length(capture: Path) -> None:
    body = struct.pack("<I", 500) + b"abcdef\0\0"
    capture.write_bytes(LE.section() + LE.interface(snap_length=6) + LE.block(3, body) + LE.simple(b"abc", wire=3))
    got = read(capture)
    assert [(row.data, row.wire) for row in got.rows] == [(b"abcdef", 500), (b"abc", 3)]


def test_blocks_without_packets_are_passed_over(capture: Path) -> None:
    others = [LE.block(4, b"\0" * 8), LE.block(10, struct.pack("<II", 0x544C534B, 4) + b"keys"), LE.block(0xBAD, bytes(8)),
              LE.block(0x40000BAD, bytes(12)), LE.block(0x80001234, bytes(100)), LE.block(7, b""), LE.block(0, bytes(4)), LE.block(8, bytes(4))]
    parts = [LE.section(), LE.interface()]
    for number, block in enumerate(others):
        parts += [block, LE.packet(bytes([number]))]
    capture.write_bytes(b"".join(parts))
    got = read(capture)
    assert [row.data[0] for row in got.rows] == list(range(len(others)))
    assert got.anomalies == []


def test_a_journal_entry_has_a_frame_number_as_in_tshark(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.interface() + LE.packet(b"a") + LE.block(9, b"MESSAGE=x\n\n\n") + LE.packet(b"b"))
    got = read(capture)
    assert [row.frame for row in got.rows] == [1, 3]
    assert got.report.packets == 2


def test_sections_have_their_own_byte_order_and_interfaces(capture: Path) -> None:
    capture.write_bytes(
        LE.section() + LE.interface(link_type=1) + LE.interface(link_type=113) + LE.packet(b"a", interface=1)
        + BE.section(length=1000) + BE.interface((9, b"\0"), link_type=101) + BE.packet(b"b", SECOND)
        + LE.section() + LE.interface(link_type=1) + LE.packet(b"c", SECOND * 10**6))
    got = read(capture)
    assert [(row.data, row.link_type, row.interface) for row in got.rows] == [(b"a", 113, 1), (b"b", 101, 2), (b"c", 1, 3)]
    assert got.times == [0, SECOND * 10**9, SECOND * 10**9]
    assert [interface.packets for interface in got.report.interfaces] == [0, 1, 1, 1]


@pytest.mark.parametrize(("resolution", "ticks", "time"), [
    (0, SECOND, SECOND * 10**9),
    (3, SECOND * 1000 + 1, SECOND * 10**9 + 1_000_000),
    (9, SECOND * 10**9 + 1, SECOND * 10**9 + 1),
    (10, SECOND * 10**10 + 19, SECOND * 10**9 + 1),
    (19, 2**64 - 1, (2**64 - 1) // 10**10),
    (28, 2**64 - 1, 1),
    (29, 2**64 - 1, 0),
    (127, 2**64 - 1, 0),
    (0x80, SECOND, SECOND * 10**9),
    (0x80 | 10, SECOND * 1024 + 512, SECOND * 10**9 + 500_000_000),
    (0x80 | 32, SECOND << 32 | 1 << 31, SECOND * 10**9 + 500_000_000),
    (0x80 | 34, (SECOND - 2**30) << 34 | 3 << 32, (SECOND - 2**30) * 10**9 + 750_000_000),
    (0x80 | 63, 2**63 + 2**62, 1_500_000_000),
    (0x80 | 64, 2**63, 500_000_000),
    (0x80 | 97, 2**63, 0),
    (0x80 | 127, 2**64 - 1, 0),
])
def test_resolutions(capture: Path, resolution: int, ticks: int, time: int) -> None:
    capture.write_bytes(LE.section() + LE.interface((9, bytes([resolution]))) + LE.packet(b"x", ticks))
    got = read(capture)
    assert got.times == [time]
    assert got.anomalies == []


@pytest.mark.parametrize(("resolution", "offset", "ticks"), [
    (6, 0, 2**64 - 1), (0, 0, 2**64 - 1), (0, 0, 2**32), (0x80, 0, 2**33), (9, 0, 2**63), (0x81, 0, 2**64 - 1),
    (0, -10, 5), (0, 2**63 - 1, 5), (0, -2**63, 2**32 - 1), (0, 2**32 - 1, 2**32 - 1),
])
def test_a_time_that_cannot_be_is_that_of_the_packet_before(capture: Path, resolution: int, offset: int, ticks: int) -> None:
    capture.write_bytes(LE.section() + LE.interface() + LE.interface((9, bytes([resolution])), (14, struct.pack("<q", offset)))
                        + LE.packet(b"good", 77) + LE.packet(b"bad", ticks, interface=1))
    got = read(capture)
    assert got.times == [77_000, 77_000]
    assert [row[0] for row in got.anomalies] == [CaptureAnomaly.TIME_OUT_OF_RANGE]


def test_a_negative_offset(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.interface((9, b"\0"), (14, struct.pack("<q", -100))) + LE.packet(b"x", SECOND))
    assert read(capture).times == [(SECOND - 100) * 10**9]


def test_a_packet_of_an_interface_that_was_not_described_is_kept(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.simple(b"a") + LE.interface() + LE.packet(b"b", interface=7) + LE.packet(b"c")
                        + LE.section() + LE.packet(b"d") + LE.statistics((4, bytes(8)), interface=3))
    got = read(capture)
    assert [(row.data, row.link_type, row.interface) for row in got.rows] == [(b"a", -1, -1), (b"b", -1, -1), (b"c", 1, 0), (b"d", -1, -1)]
    unknown = CaptureAnomaly.UNKNOWN_INTERFACE
    assert [(row[0], row[2], *row[4:]) for row in got.anomalies] == [(unknown, 1, 0, 0), (unknown, 2, 1, 7), (unknown, 4, 0, 0), (unknown, 4, 0, 3)]
    assert got.report.link_types == {1: 1, -1: 3}


def test_a_packet_that_claims_more_than_its_block(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.interface() + LE.packet(b"abcd", captured=2**32 - 1, wire=60) + LE.packet(b"efgh", wire=1))
    got = read(capture)
    assert [(row.data, row.wire) for row in got.rows] == [(b"abcd", 60), (b"efgh", 4)]
    assert [(row[0], *row[4:]) for row in got.anomalies] == [
        (CaptureAnomaly.PACKET_OUTSIDE_BLOCK, 2**32 - 1, 4), (CaptureAnomaly.LONGER_THAN_WIRE, 4, 1)]


@pytest.mark.parametrize("wrong", [
    LE.block(6, bytes(20), length=8), LE.block(6, bytes(40), length=54), LE.block(6, bytes(40), length=0xFFFFFFFC),
    LE.block(6, bytes(40), trailer=60), LE.block(1, b"", length=12), LE.block(0x0A0D0D0A, b"nonsense" * 4), LE.block(77, b"", length=0),
])
def test_a_wrong_block_is_passed_over(capture: Path, wrong: bytes) -> None:
    good = LE.section() + LE.interface() + LE.packet(b"before")
    capture.write_bytes(good + wrong + LE.packet(b"after"))
    got = read(capture)
    assert got.payloads == [b"before", b"after"]
    assert len(got.anomalies) == 2
    assert got.anomalies[0][0] in {CaptureAnomaly.BAD_BLOCK_LENGTH, CaptureAnomaly.BLOCK_LENGTHS_DIFFER, CaptureAnomaly.BAD_SECTION}
    assert got.anomalies[1][0] == CaptureAnomaly.RESYNCHRONISED
    assert got.report.skipped_bytes == len(wrong)
    assert got.report.problems[0].offset == len(good)


def test_a_damaged_option_leaves_the_others(capture: Path) -> None:
    options = LE.options((2, b"eth0"), (9, b"\x09"), end=False) + struct.pack("<HH", 3, 400) + b"tail"
    capture.write_bytes(LE.section() + LE.block(1, struct.pack("<HHI", 1, 0, 0) + options) + LE.packet(b"x", 5))
    got = read(capture)
    assert got.times == [5]
    assert got.report.interfaces[0].name == "eth0"
    assert [(row[0], *row[3:]) for row in got.anomalies] == [(CaptureAnomaly.BAD_OPTION, 16 + 16, 400, 4)]


def test_another_major_version_is_told(capture: Path) -> None:
    capture.write_bytes(LE.section(major=2) + LE.interface() + LE.packet(b"x"))
    got = read(capture)
    assert [(row[0], *row[4:]) for row in got.anomalies] == [(CaptureAnomaly.BAD_SECTION, 1, 2)]
    assert got.payloads == [b"x"]


def test_interfaces_are_capped(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.interface() * 5 + LE.packet(b"a", interface=1) + LE.packet(b"b", interface=4))
    got = read(capture, capture_interfaces=2)
    assert [row.interface for row in got.rows] == [1, -1]
    assert got.report.problem_counts == {"too-many-interfaces": 3, "unknown-interface": 1}
    assert len(got.report.interfaces) == 2


@pytest.mark.parametrize("batch", [1, 3, 8192])
def test_interfaces_by_the_thousand_are_counted_not_listed(capture: Path, batch: int) -> None:
    """Each a row for the rules, a file of nothing else took minutes."""
    capture.write_bytes(LE.section() + LE.interface() * 5000 + LE.packet(b"a", interface=1) + LE.interface() * 7 + LE.packet(b"b", interface=0))
    got = read(capture, batch=batch, capture_interfaces=2)
    assert got.payloads == [b"a", b"b"]
    assert got.report.problem_counts == {"too-many-interfaces": 5005}
    assert [row[0] for row in got.anomalies] == [CaptureAnomaly.TOO_MANY_INTERFACES]


def test_interfaces_beyond_the_first_room(capture: Path) -> None:
    capture.write_bytes(LE.section() + b"".join(LE.interface(link_type=number) for number in range(50)) + LE.packet(b"a", interface=49))
    got = read(capture)
    assert got.rows[0].link_type == 49
    assert got.report.interfaces[49].packets == 1


def test_problems_are_capped_but_counted(capture: Path) -> None:
    capture.write_bytes(LE.section() + LE.interface() + LE.packet(b"ab", wire=1) * 300)
    got = read(capture)
    assert len(got.report.problems) == 100
    assert got.report.problem_counts == {"longer-than-wire": 300}
    assert len(got.anomalies) == 300


@pytest.mark.parametrize("ng", [LE, BE])
def test_cut_anywhere_gives_the_whole_packets_before_the_cut(capture: Path, ng: Pcapng) -> None:
    parts = [ng.section(), ng.interface((2, b"lo")), ng.packet(b"one", 1), ng.simple(b"two"), ng.old_packet(b"three", 3),
             ng.statistics((4, bytes(8))), ng.packet(b"four", 4)]
    octets = b"".join(parts)
    whole = [b"one", b"two", b"three", b"", b"four"]
    ends = [sum(map(len, parts[:count])) for count in range(len(parts) + 1)]
    for length in range(24, len(octets) + 1):
        capture.write_bytes(octets[:length])
        got = read(capture)
        blocks = max(index for index, end in enumerate(ends) if end <= length)
        assert got.payloads == [data for data in whole[:max(0, blocks - 2)] if data]
        boundary = length in ends
        assert got.report.cut_short_at == (None if boundary else ends[blocks])
        assert [row[0] for row in got.anomalies] == ([] if boundary else [CaptureAnomaly.TRUNCATED])
        assert read_stream(octets[:length], chunk=7) == got

