"""pcap: every variant, every length, every cut."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from otwatch.capture.anomalies import CaptureAnomaly
from tests.capture.craft import RAW, pcap, read, read_stream

PACKETS = [(1_700_000_000, 1, b"first"), (1_700_000_000, 999_999, b"", 60), (1_700_000_001, 0, bytes(range(60)))]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return tmp_path / "x.pcap"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit", "form"), [(0xA1B2C3D4, 1000, "pcap"), (0xA1B23C4D, 1, "pcap"), (0xA1B2CD34, 1000, "pcap-modified")])
def test_variants(capture: Path, order: str, magic: int, unit: int, form: str) -> None:
    capture.write_bytes(pcap(PACKETS, order=order, magic=magic))
    got = read(capture)
    assert got.payloads == [data for _, _, data, *_ in PACKETS]
    assert got.times == [seconds * 10**9 + fraction * unit for seconds, fraction, *_ in PACKETS]
    assert [(row.frame, row.wire, row.link_type, row.interface, row.vlan_stripped) for row in got.rows] == [
        (1, 5, 1, 0, -1), (2, 60, 1, 0, -1), (3, 60, 1, 0, -1)]
    assert not got.anomalies
    report = got.report
    assert (report.format, report.packets, report.captured_bytes, report.wire_bytes, report.snapped) == (form, 3, 65, 125, 1)
    assert (report.first_ns, report.last_ns, report.time_backwards) == (got.times[0], got.times[2], 0)
    assert report.link_types == {1: 3}
    assert report.cut_short_at is None
    assert report.interfaces[0].resolution == ("10^-9" if unit == 1 else "10^-6")


def test_the_link_type_shares_its_field_with_the_frame_check_sequence(capture: Path) -> None:
    capture.write_bytes(pcap(PACKETS, link_type=RAW | 0x2400_0000))
    got = read(capture)
    assert got.report.link_types == {RAW: 3}
    assert got.report.interfaces[0].frame_check_bytes == 4


@pytest.mark.parametrize("minor", [2, 3])
def test_old_versions_wrote_the_lengths_the_other_way_round(capture: Path, minor: int) -> None:
    octets = pcap([(1, 2, b"abc", 9)], minor=2)
    capture.write_bytes(octets[:6] + bytes([minor]) + octets[7:])
    got = read(capture)
    assert [(row.data, row.wire) for row in got.rows] == [(b"abc", 9)]


def test_more_captured_than_on_the_wire_is_told_and_never_negative(capture: Path) -> None:
    capture.write_bytes(pcap([(1, 2, b"abcdef", 4), (1, 2, b"abcdef", 0xFFFFFFFF)]))
    got = read(capture)
    assert [row.wire for row in got.rows] == [6, 0x7FFFFFFF]
    assert got.anomalies == [(CaptureAnomaly.LONGER_THAN_WIRE, 1_000_002_000, 1, 12, 6, 4)]


def test_absurd_times_are_bounded(capture: Path) -> None:
    capture.write_bytes(pcap([(0xFFFFFFFF, 999_999, b"a"), (0xFFFFFFFF, 0xFFFFFFFF, b"b"), (0, 1_000_000, b"c")]))
    got = read(capture)
    assert got.times == [4_294_967_295_999_999_000, 4_294_967_295_999_999_999, 1_000_000_000]
    assert [row[0] for row in got.anomalies] == [CaptureAnomaly.TIME_OUT_OF_RANGE] * 2
    assert got.report.time_backwards == 1
    assert got.report.first_ns == 1_000_000_000


def test_cut_anywhere_gives_the_whole_packets_before_the_cut(capture: Path) -> None:
    octets = pcap(PACKETS)
    ends = [24 + 16 + 5, 24 + 32 + 5, len(octets)]
    for length in range(24, len(octets) + 1):
        capture.write_bytes(octets[:length])
        got = read(capture)
        whole = sum(end <= length for end in ends)
        assert got.payloads == [data for _, _, data, *_ in PACKETS[:whole]]
        at_boundary = length in (24, *ends)
        last_end = ([24, *ends])[whole]
        assert got.report.cut_short_at == (None if at_boundary else last_end)
        assert [row[0] for row in got.anomalies] == ([] if at_boundary else [CaptureAnomaly.TRUNCATED])
        assert read_stream(octets[:length], chunk=7) == got


def test_a_wrong_length_is_passed_over(capture: Path) -> None:
    packets = [(1_700_000_000 + i, i, bytes([i]) * 40) for i in range(8)]
    octets = bytearray(pcap(packets))
    at = 24 + 2 * 56
    octets[at + 8:at + 12] = struct.pack("<I", 0xDEADBEEF)
    capture.write_bytes(octets)
    got = read(capture)
    assert [row.data[0] for row in got.rows] == [0, 1, 3, 4, 5, 6, 7]
    assert [row.frame for row in got.rows] == list(range(1, 8))
    assert [row[0] for row in got.anomalies] == [CaptureAnomaly.BAD_RECORD, CaptureAnomaly.RESYNCHRONISED]
    assert got.anomalies[0][4:] == (262_144, 0xDEADBEEF)
    assert got.report.skipped_bytes == 56
    assert got.report.cut_short_at is None
    assert [(problem.offset, problem.frame) for problem in got.report.problems] == [(at, 2), (at + 56, 2)]


def test_wrong_bytes_up_to_the_end_are_a_cut(capture: Path) -> None:
    octets = pcap(PACKETS)
    capture.write_bytes(octets + b"\xff" * 100)
    got = read(capture)
    assert len(got.rows) == 3
    assert got.report.cut_short_at == len(octets)
    assert got.report.skipped_bytes == 100


def test_a_length_is_never_allocated(capture: Path) -> None:
    """16 MiB are the limit, whatever snap length the file states; what is claimed beyond the end is not made room for."""
    octets = pcap([(1, 1, b"x")], snap_length=0xFFFFFFFF) + struct.pack("<IIII", 1, 1, 16_000_000, 16_000_000) + b"short"
    got = read_stream(octets, chunk=1000)
    assert got.payloads == [b"x"]
    assert [row[0] for row in got.anomalies] == [CaptureAnomaly.TRUNCATED]


@pytest.mark.parametrize("batch", [1, 8192])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_hole_of_zeros_is_passed_over(capture: Path, order: str, batch: int) -> None:
    """What a crash leaves of a file that was laid out beforehand, or somebody who wants millions of empty packets read."""
    first, second = [(5, number, b"abc") for number in range(4)], [(6, number, b"defg") for number in range(4)]
    head = pcap([], order=order)
    records = [pcap(packets, order=order)[len(head):] for packets in (first, second)]
    capture.write_bytes(head + records[0] + bytes(100_001) + records[1])
    got = read(capture, batch=batch)
    assert got.payloads == [b"abc"] * 4 + [b"defg"] * 4
    assert got.report.skipped_bytes == 100_001
    assert got.report.problem_counts == {"bad-record": 1, "resynchronised": 1}
    capture.write_bytes(head + records[0] + bytes(1_000_000))
    got = read(capture, batch=batch)
    assert got.payloads == [b"abc"] * 4
    assert got.report.cut_short_at == len(head) + len(records[0])


def test_an_empty_packet_of_1970_is_a_packet(capture: Path) -> None:
    capture.write_bytes(pcap([(0, 0, b"")] * 3))
    got = read(capture)
    assert got.payloads == [b""] * 3
    assert got.report.skipped_bytes == 0


@pytest.mark.parametrize("chunk", [1, 7, 64, 65, 5000])
def test_a_hole_is_a_hole_however_it_is_cut(chunk: int) -> None:
    head, record = pcap([]), pcap([(5, 0, b"abc")])[24:]
    octets = head + record * 3 + bytes(200) + record * 3
    got = read_stream(octets, chunk=chunk)
    assert got.payloads == [b"abc"] * 6
    assert got.report.skipped_bytes == 200


def test_the_furthest_step_back_of_the_clock_is_kept(capture: Path) -> None:
    times = [1_700_000_000, 1_700_000_010, 1_699_913_610, 1_699_913_620, 1_699_913_619]
    capture.write_bytes(pcap([(seconds, 0, b"x") for seconds in times]))
    assert read(capture).report.step_back_ns == 86_400 * 10**9


@pytest.mark.parametrize(("magic", "fractions", "squeezed"), [(0xA1B23C4D, [1, 999_999], True), (0xA1B23C4D, [1, 1_000_000], False),
                                                             (0xA1B23C4D, [0, 0], False), (0xA1B2C3D4, [1, 9], False)])
def test_microseconds_in_a_file_of_nanoseconds_are_noticed(capture: Path, magic: int, fractions: list[int], squeezed: bool) -> None:
    capture.write_bytes(pcap([(1_700_000_000 + 20 * index, fraction, b"x") for index, fraction in enumerate(fractions)], magic=magic))
    assert read(capture).report.squeezed is squeezed
