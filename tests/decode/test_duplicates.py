"""What a tap delivers twice is a duplicate; what a sender repeats is not."""

from __future__ import annotations

import random

import pytest

from otwatch.limits import Limits
from otwatch.vocabulary import PacketFlag
from tests.decode.craft import MAC_A, Raw, arp, decode, ether, fragments4, ip4, ip6, tcp, udp

MS = 1_000_000
ROUTER = bytes.fromhex("001c7f39de5f")


def flags(*frames: tuple[bytes, int], cuts: list[int] | None = None, limits: Limits | None = None) -> list[bool]:
    """Which of the frames, each with its time in ns, is a duplicate."""
    decoded = decode([Raw(data, time=10**15 + time) for data, time in frames], cuts=cuts, limits=limits)
    found = [row["flags"] & PacketFlag.DUPLICATE != 0 for row in decoded.rows]
    assert decoded.counters["duplicates"] == sum(found)
    return found


REQUEST = tcp(b"request")


@pytest.mark.parametrize("copy", [
    ether(ip4(REQUEST, ident=9)),
    ether(ip4(REQUEST, ident=9), 0x0800, 20),
    ether(ip4(REQUEST, ident=9, ttl=63), source=ROUTER),
    ether(ip4(bytes.fromhex("00006558") + ether(ip4(REQUEST, ident=9)), 47)),  # once more, through a tunnel
    ether(ip4(REQUEST, ident=9) + bytes(6)),
])
@pytest.mark.parametrize("cuts", [[], [1]])
def test_a_copy_within_the_window(copy: bytes, cuts: list[int]) -> None:
    assert flags((ether(ip4(REQUEST, ident=9)), 0), (copy, 19 * MS), cuts=cuts) == [False, True]
    assert flags((ether(ip4(REQUEST, ident=9)), 0), (copy, 21 * MS), cuts=cuts) == [False, False]


@pytest.mark.parametrize("other", [
    ip4(REQUEST, ident=10), ip4(tcp(b"requesT"), ident=9), ip4(tcp(b"request", seq=1001), ident=9), ip4(tcp(b"request", flags=0x11), ident=9),
    ip4(REQUEST, ident=9, destination="10.0.0.10"), ip4(tcp(b"request!"), ident=9), ip4(tcp(b"request", checksum=1), ident=9),
])
def test_another_packet(other: bytes) -> None:
    assert flags((ether(ip4(REQUEST, ident=9)), 0), (ether(other), 100)) == [False, False]


@pytest.mark.parametrize("packet", [ip4(REQUEST, ident=0), ip6(REQUEST), ip6(udp(b"poll"), 17), ip4(udp(b"poll"), 17, ident=0)])
def test_without_identification_a_repetition_on_the_same_way_counts_only_within_a_millisecond(packet: bytes) -> None:
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    frame = ether(packet, kind)
    assert flags((frame, 0), (frame, 999_999)) == [False, True]
    assert flags((frame, 0), (frame, MS)) == [False, False]
    assert flags((frame, 0), (ether(packet, kind, 20), 10 * MS)) == [False, True]
    assert flags((frame, 0), (ether(packet, kind, source=ROUTER), 10 * MS)) == [False, True]


def test_a_retransmission_and_its_copy() -> None:
    plain, tagged = ether(ip4(REQUEST, ident=0)), ether(ip4(REQUEST, ident=0), 0x0800, 20)
    assert flags((plain, 0), (tagged, 5000), (plain, 5 * MS), (tagged, 5 * MS + 5000)) == [False, True, False, True]


def test_the_same_packet_three_times() -> None:
    assert flags(*[(ether(ip4(REQUEST)), time) for time in (0, 10, 20)]) == [False, True, True]


def test_copies_with_time_running_backwards() -> None:
    assert flags((ether(ip4(REQUEST)), 10 * MS), (ether(ip4(REQUEST)), 0)) == [False, True]


def test_what_is_not_ip_must_be_the_same_in_every_byte() -> None:
    request = ether(arp(), 0x0806)
    assert flags((request, 0), (request, 999_999)) == [False, True]
    assert flags((request, 0), (request, MS)) == [False, False]
    assert flags((request, 0), (ether(arp(), 0x0806, 20), 10)) == [False, False]
    goose = ether(bytes(40), 0x88B8)
    assert flags((goose, 0), (goose[:-1] + b"\1", 10)) == [False, False]


def test_a_copied_fragment_is_not_put_together_twice() -> None:
    packets = [ether(packet) for packet in fragments4(udp(bytes(40)), 24)]
    decoded = decode([Raw(packet, time=index * 10) for index, packet in enumerate([packets[0], packets[0], packets[1], packets[1]])])
    assert [row["flags"] for row in decoded.rows] == [PacketFlag.FRAGMENT, PacketFlag.FRAGMENT | PacketFlag.DUPLICATE, PacketFlag.REASSEMBLED,
                                                     PacketFlag.FRAGMENT | PacketFlag.DUPLICATE]
    assert decoded.counters["reassembled"] == 1


def test_the_ring_forgets_what_is_older_than_its_size() -> None:
    others = [(ether(ip4(REQUEST, ident=100 + index)), index) for index in range(31)]
    first = ether(ip4(REQUEST, ident=9))
    assert flags((first, 0), *others, (first, 40), limits=Limits(duplicate_ring=32))[-1]
    assert not flags((first, 0), *others, (others[0][0][:-1] + b"!", 39), (first, 40), limits=Limits(duplicate_ring=32))[-1]


def test_many_packets_none_twice() -> None:
    chance = random.Random(1)
    frames = [(ether(ip4(tcp(chance.randbytes(chance.randrange(40)), seq=index), ident=1 + index), source=MAC_A), index) for index in range(3000)]
    assert not any(flags(*frames))
    assert flags(*frames, frames[7], limits=Limits(duplicate_ring=4096))[-1]


def test_other_senders_with_other_identifications_do_not_cancel_out() -> None:
    """A spoofed flood: the sender's last octet and the identification change together, byte by byte the same difference."""
    frames = [Raw(ether(ip4(udp(b"x"), 17, source=f"10.0.0.{number}", ident=number ^ 0x55)), time=number * 1000) for number in range(1, 200)]
    assert decode(frames).counters["duplicates"] == 0


def test_a_packet_that_was_made_to_resemble_another_is_none() -> None:
    """Flipping bit 63 of a word and bits 63 and 34 of the next of its lane cancels out in every hash that only multiplies words by a known factor."""
    one = bytearray(range(96))
    for shift in range(8):  # wherever the words begin
        moved = bytearray(one)
        for at, bit in ((32 + 7, 0x80), (48 + 7, 0x80), (48 + 4, 0x04)):
            moved[at - shift] ^= bit
        frames = [(ether(ip4(tcp(bytes(content)), ident=9)), time) for content, time in ((one, 0), (moved, 1))]
        assert flags(*frames) == [False, False]


def test_a_packet_that_is_repeated_hides_no_copy_of_another() -> None:
    """Its repetitions took the places in the bucket that they share with others: now and then a copy was counted as a packet."""
    repeated, frames = ether(ip4(udp(b"poll"), 17, ident=0)), []
    for number in range(1, 601):
        other, since = ether(ip4(REQUEST, ident=number)), number * 100 * MS
        frames += [(other, since), *((repeated, since + step * MS) for step in range(1, 18)), (other, since + 18 * MS)]
    found = flags(*frames, limits=Limits(duplicate_ring=64))
    assert found == 600 * [*(18 * [False]), True]
