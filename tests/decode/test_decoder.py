"""The decoder against its oracle, on valid packets and on what is left of them after cuts and wrong bytes; and its invariants."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.limits import Limits
from otwatch.schemas import PACKETS
from otwatch.vocabulary import PacketFlag
from tests.decode.craft import ETHERNETS, NAMES, SAMPLES, Raw, decode, ether, fragments4, fragments6, ip4, summed, tcp, udp
from tests.oracle.decode import Oracle

LIMITS = Limits(tunnel_depth=4)
LINK_TYPES = [0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 127, 147, 166, 228, 229, 239, 240, 276, -5, 70000]
FRAGMENTS = [Raw(ether(packet, 0x0800 if packet[0] >> 4 == 4 else 0x86DD))
             for packet in [*fragments4(udp(bytes(range(60))), 24), *fragments6(udp(bytes(range(80))), 32),
                            *fragments4(ip4(udp(bytes(range(40)))[:48], 17), 16, 4, ident=9)]]


def expected(frames: list[Raw], limits: Limits = LIMITS) -> tuple[list[dict[str, Any]], list[list[tuple[int, ...]]],
                                                                               list[dict[str, Any]]]:
    """What the oracle says, in the form of `craft.decode`: rows, anomalies, further readings."""
    oracle = Oracle(limits)
    rows, anomalies, readings = [], [], []
    for number, frame in enumerate(frames, 1):
        row, found = oracle.packet(frame.data, link_type=frame.link_type, wire=frame.wire, vlan_stripped=frame.vlan_stripped, time=frame.time)
        row["flags"] = int(row["flags"])
        if row["flags"] & PacketFlag.REASSEMBLED:
            at = row["payload_at"] - oracle.network.at
            row["payload"] = oracle.network.raw[at:at + row["payload_length"]]
            row["payload_at"] = -1
        else:
            row["payload"] = frame.data[row["payload_at"]:row["payload_at"] + row["payload_length"]]
        rows.append({key: int(value) if isinstance(value, int) else value for key, value in row.items()})
        anomalies.append(found)
        readings += [{key: int(value) if isinstance(value, int) else value for key, value in other.items()} | {"frame": number}
                     for other in oracle.others]
    return rows, anomalies, readings


def agree(frames: list[Raw], cuts: list[int] | None = None) -> None:
    rows, anomalies, readings = expected(frames)
    decoded = decode(frames, cuts=cuts, limits=LIMITS)
    for index in range(len(frames)):
        assert decoded.rows[index] == rows[index], frames[index]
        assert decoded.anomalies[index] == anomalies[index], frames[index]
    assert decoded.readings == readings
    counters = decoded.counters
    assert counters["captured"] == len(frames)
    assert counters["captured"] == sum(counters[name] for name in ("decoded", "undecoded", "malformed", "header_not_captured"))
    assert counters["undecoded"] == sum(count for name, count in counters.items() if name.startswith("undecoded."))
    assert counters["duplicates"] == sum(row["flags"] & 2 != 0 for row in rows)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample(name: str) -> None:
    agree([SAMPLES[name]])


@pytest.mark.parametrize("name", SAMPLES)
def test_every_prefix_of_a_sample(name: str) -> None:
    sample = SAMPLES[name]
    cut = [replace(sample, data=sample.data[:length], time=length * 10**9) for length in range(len(sample.data))]
    agree(cut)
    agree([replace(frame, wire=len(sample.data)) for frame in cut])  # the same, cut by the snap length


def test_snapped_packets_are_not_malformed() -> None:
    for sample in SAMPLES.values():
        if decode([sample]).rows[0]["flags"] & PacketFlag.MALFORMED:  # wrong, not cut
            continue
        for length in range(len(sample.data)):
            decoded = decode([replace(sample, data=sample.data[:length], wire=len(sample.data))])
            assert not decoded.rows[0]["flags"] & PacketFlag.MALFORMED
            assert decoded.rows[0]["flags"] & PacketFlag.SNAPPED


@st.composite
def mutated(draw: st.DrawFn) -> Raw:
    """A sample, cut, with wrong bytes, captured in part, at any time."""
    sample = draw(st.one_of(st.sampled_from(list(SAMPLES.values())), st.sampled_from(FRAGMENTS)))
    data = bytearray(sample.data)
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, min(len(data), 90) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        data = data[:draw(st.integers(0, len(data)))]
    wire = len(data) + draw(st.sampled_from([0, 0, 0, 1, 30, 3000]))
    return replace(sample, data=bytes(data), wire=wire, time=draw(st.integers(0, 30)) * 500_000)


@settings(max_examples=300, deadline=None)
@given(st.lists(mutated(), min_size=1, max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_mutated_packets_agree_with_the_oracle_however_batches_are_cut(frames: list[Raw], cuts: list[int]) -> None:
    agree(frames, [cut for cut in cuts if cut <= len(frames)])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=120), st.sampled_from(LINK_TYPES), st.integers(-1, 200)), min_size=1, max_size=6))
def test_random_bytes_agree_with_the_oracle(packets: list[tuple[bytes, int, int]]) -> None:
    agree([Raw(data, link_type, wire if wire >= 0 else None) for data, link_type, wire in packets])


@settings(max_examples=150, deadline=None)
@given(st.permutations(FRAGMENTS), st.data())
def test_fragments_in_any_order_agree_with_the_oracle(frames: list[Raw], data: st.DataObject) -> None:
    frames = [replace(frame, time=data.draw(st.integers(0, 100)) * 10**6) for frame in frames]
    agree(frames, data.draw(st.lists(st.integers(0, len(frames)), max_size=3)))


@st.composite
def contradicting(draw: st.DrawFn) -> list[Raw]:
    """Fragments of several datagrams under one identification, each with the right checksum or none at all, mixed."""
    pieces = []
    for version in range(draw(st.integers(2, 3))):
        whole = udp(bytes([65 + version]) * draw(st.sampled_from([8, 16, 24, 40])))
        whole = summed(whole) if draw(st.integers(0, 3)) else whole
        cuts = sorted({0, len(whole), *draw(st.lists(st.sampled_from([at for at in (8, 16, 24, 32) if at < len(whole)]), max_size=3))})
        for start, end in itertools.pairwise(cuts):
            pieces.append(ip4(whole[start:end], 17, ident=7, fragment=start // 8 | (0x2000 if end < len(whole) else 0)))
    pieces = draw(st.permutations(pieces))[:draw(st.integers(2, 10))] if draw(st.booleans()) else pieces
    wrap = draw(st.sampled_from([lambda packet: packet, lambda packet: ip4(packet, 4)]))
    return [Raw(ether(wrap(packet)), time=index * draw(st.sampled_from([1, 10**6]))) for index, packet in enumerate(pieces)]


@settings(max_examples=300, deadline=None)
@given(contradicting(), st.data())
def test_every_reading_of_contradicting_fragments_agrees_with_the_oracle(frames: list[Raw], data: st.DataObject) -> None:
    agree(frames, data.draw(st.lists(st.integers(0, len(frames)), max_size=3)))


def test_a_table_that_lies_about_its_bytes_is_survived() -> None:
    from otwatch.addresses import Addresses
    from otwatch.decode.decoder import Decoder
    from otwatch.tables import Anomalies
    from tests.decode.craft import batches

    for at, captured, wire in [(-5, 60, 60), (10**9, 60, 60), (0, 10**6, 10**6), (0, -7, -9), (3, 2**31 - 1, -1)]:
        packets = batches([SAMPLES["tcp"]])[0]
        packets.at[0], packets.captured_length[0], packets.wire_length[0] = at, captured, wire
        Decoder(Addresses(), Limits()).feed(packets, Anomalies())
        assert 0 <= packets.payload_at[0] + packets.payload_length[0] <= len(packets.data)


def test_every_column_between_mac_and_flags_is_filled() -> None:
    names = [column.name for column in PACKETS.columns]
    assert names[names.index("vlan_stripped") + 1:names.index("flow")] == NAMES
    empty = decode([Raw(b"")]).rows[0]
    defaults = {column.name: column.default for column in PACKETS.columns}
    assert {name: empty[name] for name in NAMES if name not in ("source", "destination", "flags")} == {
        name: defaults[name] for name in NAMES if name not in ("source", "destination", "flags")}


def test_a_modbus_request_in_two_tags() -> None:
    row = decode([SAMPLES["qinq"]]).rows[0]
    assert (row["vlan_outer"], row["vlan_inner"], row["vlan_count"]) == (5, 6, 2)
    assert (row["source"], row["destination"], row["source_port"], row["destination_port"]) == ("10.0.0.5", "10.0.0.9", 51200, 502)
    assert (row["tcp_sequence"], row["tcp_acknowledgement"], row["tcp_flags"], row["ttl"]) == (1000, 2000, 0x18, 64)
    assert row["mac_source"] == 0x001B1B000001
    assert row["payload"] == bytes.fromhex("000100000006010300000001")


def test_undecoded_traffic_is_counted_by_type() -> None:
    counters = decode([SAMPLES[name] for name in ("goose", "llc", "cdp", "radiotap", "null other", "tcp")]).counters
    assert counters["undecoded.ethertype.0x88b8"] == 1
    assert counters["undecoded.llc.0x4242"] == counters["undecoded.snap.0x00000c2000"] == 1
    assert counters["undecoded.link_type.127"] == 1
    assert counters["undecoded.link_type.0"] == 1
    assert (counters["decoded"], counters["undecoded"]) == (1, 5)


CORPUS = """
import json, random, sys
from tests.decode.craft import SAMPLES, Raw, decode
from tests.decode.test_decoder import FRAGMENTS, corpus
decoded = decode(corpus(), cuts=[100, 101, 250])
print(json.dumps([[{k: v.hex() if isinstance(v, bytes) else v for k, v in row.items()} for row in decoded.rows + decoded.readings],
                  decoded.anomalies, decoded.loose, decoded.counters]))
"""


def corpus() -> list[Raw]:
    """A few hundred packets, the same every time: every sample, whole and damaged, and fragments."""
    chance = random.Random(20260101)
    frames = [*SAMPLES.values(), *FRAGMENTS]
    for sample in [*SAMPLES.values(), *FRAGMENTS] * 3:
        data = bytearray(sample.data)
        data[chance.randrange(len(data))] = chance.randrange(256)
        frames.append(replace(sample, data=bytes(data[:chance.randrange(1, len(data) + 1)]), wire=len(data) if chance.random() < 0.5 else None))
    return [replace(frame, time=index * 1_700_000) for index, frame in enumerate(frames)]


def test_uncompiled_is_compiled() -> None:
    root = Path(__file__).parents[2]
    results = []
    for uncompiled in ("", "1"):
        environment = {**os.environ, "OTWATCH_UNCOMPILED": uncompiled, "PYTHONPATH": str(root)}
        if not uncompiled:
            del environment["OTWATCH_UNCOMPILED"]
        done = subprocess.run([sys.executable, "-c", CORPUS], cwd=root, env=environment, capture_output=True, text=True, check=True)
        results.append(json.loads(done.stdout))
    assert results[0] == results[1]


def test_ports_of_tunnels_carry_other_things_too() -> None:
    row = decode([Raw(ether(ip4(udp(b"not a tunnel at all, certainly", destination=4789), 17)))]).rows[0]
    assert (row["tunnel"], row["destination_port"], row["payload"]) == (0, 4789, b"not a tunnel at all, certainly")


def test_tcp_data_after_a_total_length_of_zero() -> None:
    assert decode([Raw(ether(ip4(tcp(b"x" * 3000), total=0)))]).rows[0]["payload_length"] == 3000


def test_samples_cover_every_ethernet() -> None:
    assert set(ETHERNETS) <= set(SAMPLES)
