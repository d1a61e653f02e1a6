"""Fragments in any order, overlapping, too many, too late. The oracle comparison of arbitrary mixtures is in test_decoder.py."""

from __future__ import annotations

import random

import pytest

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.decoder import Decoder
from otwatch.limits import Limits
from otwatch.tables import Anomalies
from otwatch.vocabulary import Layer, PacketFlag
from tests.decode.craft import A, B, Raw, batches, decode, ether, fragments4, fragments6, ip4, summed, tcp, udp

MESSAGE = bytes(range(256)) * 4
SECOND = 10**9


def framed(packets: list[bytes], *, apart_ns: int = 1000, first: int = 0) -> list[Raw]:
    return [Raw(ether(packet, 0x0800 if packet[0] >> 4 == 4 else 0x86DD), time=first + index * apart_ns) for index, packet in enumerate(packets)]


def piece(start: int, content: bytes, *, more: bool = True, protocol: int = 17) -> bytes:
    return ip4(content, protocol, ident=7, fragment=start // 8 | (0x2000 if more else 0))


@pytest.mark.parametrize("cut", [fragments4, fragments6])
@pytest.mark.parametrize("size", [8, 24, 520])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_datagram_is_whole_at_its_last_fragment_whatever_the_order_and_the_batches(cut, size, seed) -> None:  # type: ignore[no-untyped-def]
    packets = cut(udp(MESSAGE), size)
    random.Random(seed).shuffle(packets) if seed else None
    for cuts in ([], list(range(1, len(packets))), [len(packets) - 1]):
        decoded = decode(framed(packets), cuts=cuts)
        assert [row["flags"] for row in decoded.rows[:-1]] == [PacketFlag.FRAGMENT] * (len(packets) - 1)
        last = decoded.rows[-1]
        assert last["flags"] == PacketFlag.REASSEMBLED
        assert (last["payload"], last["destination_port"], last["payload_missing"]) == (MESSAGE, 20000, 0)
        assert not any(decoded.anomalies)
        assert (decoded.counters["fragments"], decoded.counters["reassembled"]) == (len(packets), 1)


def test_a_tunnel_in_fragments_is_unwrapped() -> None:
    inside = ether(ip4(tcp(b"x" * 100)))
    outer = fragments4(bytes.fromhex("20006558") + b"\0\0\0\5" + inside, 64, 47)
    row = decode(framed(outer)).rows[-1]
    assert (row["tunnel_id"], row["destination_port"], row["payload"]) == (5, 502, b"x" * 100)


def test_contradicting_copies_are_all_read_the_first_one_first() -> None:
    whole = udp(b"GOOD" * 10)
    decoded = decode(framed([piece(0, whole[:24]), piece(16, b"EVIL" * 4), piece(32, whole[32:], more=False)]))
    assert decoded.rows[-1]["payload"][:16] == b"GOOD" * 4
    assert decoded.anomalies[1] == [(Layer.NETWORK, NetworkAnomaly.FRAGMENT_CONFLICT, 20, 0, 8)]
    (other,) = decoded.readings
    assert (other["payload"], other["frame"]) == (b"GOOD" * 2 + b"EVIL" * 4 + b"GOOD" * 4, 3)
    assert other["flags"] == PacketFlag.REASSEMBLED | PacketFlag.OTHER_READING
    assert (decoded.counters["captured"], decoded.counters["decoded"], decoded.counters["reassembled"]) == (3, 3, 1)


def test_the_copy_with_the_right_checksum_is_read_first() -> None:
    whole = summed(udp(b"GOOD" * 10))
    decoded = decode(framed([piece(16, b"EVIL" * 4), piece(0, whole[:24]), piece(16, whole[16:32]), piece(32, whole[32:], more=False)]))
    assert decoded.rows[-1]["payload"] == b"GOOD" * 10
    assert [other["payload"][8:24] for other in decoded.readings] == [b"EVIL" * 4, b"GOOD" * 2 + b"EVIL" * 2]


def test_readings_are_capped_and_those_beyond_are_counted() -> None:
    pieces = [piece(0, udp(b"", length=48)), *[piece(8, bytes([number]) * 8) for number in range(20)], piece(16, bytes(32), more=False)]
    decoded = decode(framed(pieces, apart_ns=SECOND))
    assert len(decoded.readings) == 7
    assert decoded.counters["fragment_readings"] == 12
    assert len(decode(framed(pieces, apart_ns=SECOND), limits=Limits(fragment_readings=1)).readings) == 0


def test_a_late_copy_is_read_when_a_receiver_would_take_it() -> None:
    harmless, harmful = summed(udp(b"GOOD" * 10)), summed(udp(b"GOOD" * 6 + b"EVIL" * 4))
    pieces = [piece(0, harmless[:32]), piece(32, harmless[32:], more=False)]
    assert harmless[:8] != harmful[:8]
    late = [piece(0, harmful[:8]), piece(32, harmful[32:], more=False)]
    decoded = decode(framed([*pieces, *late]))
    assert [(other["payload"][24:], other["frame"]) for other in decoded.readings] == [(b"EVIL" * 4, 4)]
    assert decoded.anomalies == [[], [], [], [(Layer.NETWORK, NetworkAnomaly.FRAGMENT_CONFLICT, 20, 0, 16)]]
    assert [row["flags"] for row in decoded.rows] == [4, 8, 4, 4]
    assert not decode(framed(pieces) + framed(late, first=121 * SECOND)).readings  # another datagram by then
    assert not decode(framed([*pieces, late[0], piece(32, bytes(16), more=False)])).readings  # what is used again does not fit


def test_an_identification_used_again_is_another_datagram() -> None:
    packets = [packet for content in (b"one!", b"two!", b"two!") for packet in fragments4(summed(udp(content * 16)), 24)]
    decoded = decode(framed(packets, apart_ns=SECOND))
    assert [row["payload"][:4] for row in decoded.rows if row["flags"] == PacketFlag.REASSEMBLED] == [b"one!", b"two!", b"two!"]
    assert not decoded.readings
    assert not any(decoded.anomalies)


def test_complete_datagrams_make_room_for_those_that_wait() -> None:
    complete = [packet for ident in range(20) for packet in fragments4(summed(udp(bytes(100))), 64, ident=ident)]
    for limits in (Limits(fragments=5), Limits(fragment_total_bytes=1000)):
        decoded = decode(framed([*complete, piece(0, bytes(24))]), limits=limits)
        assert decoded.counters["reassembled"] == 20
        assert not decoded.loose


def test_a_tunnel_in_contradicting_fragments_is_unwrapped_each_way() -> None:
    """What is inside may be a fragment itself; whatever is wrong in a reading is told of the packet."""
    inside = ether(ip4(tcp(b"x" * 100)))
    outer = bytes.fromhex("20006558") + b"\0\0\0\5" + inside
    pieces = fragments4(outer, 64, 47)
    other = pieces[0][:-26] + b"\x95" + pieces[0][-25:]
    decoded = decode(framed([pieces[0], other, *pieces[1:]]))
    assert [row["tunnel_id"] for row in (decoded.rows[-1], *decoded.readings)] == [5, 5]
    assert [found[0] for found in decoded.anomalies[1]] == [Layer.NETWORK]


def test_an_overlap_with_the_same_bytes_is_told_a_repetition_is_not() -> None:
    whole = udp(b"GOOD" * 10)
    pieces = [piece(0, whole[:24]), piece(16, whole[16:32]), piece(0, whole[:24]), piece(32, whole[32:], more=False)]
    decoded = decode(framed(pieces, apart_ns=SECOND))
    assert decoded.rows[-1]["payload"] == b"GOOD" * 10
    assert decoded.anomalies == [[], [(Layer.NETWORK, NetworkAnomaly.FRAGMENT_OVERLAP, 20, 0, 8)], [], []]
    assert decoded.counters["fragments_repeated"] == 1


@pytest.mark.parametrize(("packets", "kind"), [
    ([piece(0, tcp()[:16], protocol=6)], NetworkAnomaly.FRAGMENT_TINY),
    ([piece(8, bytes(16), protocol=6)], NetworkAnomaly.FRAGMENT_TINY),
    ([piece(16, bytes(13))], NetworkAnomaly.FRAGMENT_LENGTH),
    ([piece(16, b"")], NetworkAnomaly.FRAGMENT_LENGTH),
    ([piece(65528, bytes(16), more=False)], NetworkAnomaly.FRAGMENT_BEYOND_END),
    ([piece(32, bytes(8), more=False), piece(40, bytes(8))], NetworkAnomaly.FRAGMENT_BEYOND_END),
    ([piece(32, bytes(8)), piece(16, bytes(8), more=False)], NetworkAnomaly.FRAGMENT_BEYOND_END),
    ([piece(32, bytes(8), more=False), piece(40, bytes(8), more=False)], NetworkAnomaly.FRAGMENT_BEYOND_END),
])
def test_wrong_fragments(packets: list[bytes], kind: NetworkAnomaly) -> None:
    decoded = decode(framed(packets))
    assert [found[1] for found in decoded.anomalies[-1]] == [kind]


def test_waiting_ends_on_packet_time_even_without_another_fragment() -> None:
    frames = [*framed([piece(0, bytes(24))]), *framed([ip4(tcp())], first=120 * SECOND), *framed([ip4(tcp())], first=120 * SECOND + 1),
              *framed([piece(24, bytes(8), more=False)], first=121 * SECOND)]
    for cuts in ([], [1, 2, 3]):
        decoded = decode(frames, cuts=cuts)
        (given_up,) = decoded.loose
        assert (given_up["kind"], given_up["frame"], given_up["timestamp_ns"], given_up["packet"]) == (
            NetworkAnomaly.FRAGMENT_TIMEOUT, 1, 120 * SECOND + 1, -1)
        assert given_up["had"] == 24
        assert decoded.rows[-1]["flags"] == PacketFlag.FRAGMENT


def test_datagrams_are_capped_in_number_and_in_bytes() -> None:
    flood = framed([ip4(bytes(64), 17, ident=ident, fragment=0x2000) for ident in range(1, 50)])
    decoded = decode(flood, limits=Limits(fragments=10))
    assert len(decoded.loose) == 39
    assert {row["kind"] for row in decoded.loose} == {NetworkAnomaly.FRAGMENT_EVICTED}
    assert decoded.counters["anomaly.network.fragment-evicted"] == 39
    decoded = decode(flood, limits=Limits(fragment_total_bytes=1000))
    assert len(decoded.loose) == 49 - 1000 // (64 + 128)


def test_a_fragment_cut_by_the_snap_length_never_completes() -> None:
    first, last = framed(fragments4(udp(bytes(40)), 24))
    decoded = decode([Raw(first.data[:-4], wire=len(first.data)), last])
    assert decoded.rows[-1]["flags"] == PacketFlag.FRAGMENT
    assert not any(decoded.anomalies)


def test_fragments_of_others_do_not_mix() -> None:
    one, two = fragments4(udp(b"a" * 40), 24), fragments4(udp(b"b" * 40), 24)
    other = [ip4(packet[20:], 17, source=B, destination=A, ident=7, fragment=int.from_bytes(packet[6:8], "big")) for packet in two]
    decoded = decode(framed([one[0], other[0], other[1], one[1]]))
    assert [row["payload"][:1] for row in decoded.rows if row["flags"] & PacketFlag.REASSEMBLED] == [b"b", b"a"]


def test_what_is_incomplete_at_the_end_is_reported() -> None:
    decoder, anomalies = Decoder(Addresses(), Limits()), Anomalies(1)
    for packets in batches(framed([piece(0, bytes(24))])):
        decoder.feed(packets, anomalies)
        decoder.finish(5 * SECOND, anomalies)
    assert [(row["kind"], row["frame"], row["timestamp_ns"]) for row in (anomalies.row(i) for i in range(anomalies.rows))] == [
        (NetworkAnomaly.FRAGMENT_MISSING, 1, 5 * SECOND)]


def test_fragments_a_minute_apart_are_one_datagram() -> None:
    whole = udp(bytes(range(40)))
    pieces = [piece(0, whole[:24]), piece(24, whole[24:40]), piece(40, whole[40:], more=False)]
    decoded = decode([*framed(pieces[:1]), *framed(pieces[1:2], first=60 * SECOND), *framed(pieces[2:], first=120 * SECOND)])
    assert [row["flags"] & 8 for row in decoded.rows] == [0, 0, 8]
