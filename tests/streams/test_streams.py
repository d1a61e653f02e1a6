"""The whole room: packets in, flows and PDUs out; held to the slow reassembler by generated dialogues."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otwatch.addresses import Addresses
from otwatch.capture.files import open_capture
from otwatch.decode.decoder import Decoder
from otwatch.limits import Limits
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies
from otwatch.vocabulary import DirectionHow, PacketFlag, PduFlag, ProtocolHow
from tests.oracle import streams as oracle
from tests.streams import specs
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.wire import ACK, FIN, MS, RST, SYN, P, Run

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMALL = Limits(flows=64, streams=16, stream_pending_bytes=2048, stream_pending_total_bytes=8192)


def handshake(isn: int = 99, back: int = 199, **more: int) -> list[P]:
    return [P(flags=SYN, seq=isn, **more), P(flags=SYN | ACK, seq=back, ack=isn + 1, back=True, **more), P(seq=isn + 1, ack=back + 1, **more)]


def said(data: bytes, seq: int, *cuts: int, **more: object) -> list[P]:
    """Data as segments, cut at the offsets."""
    edges = [0, *sorted(cuts), len(data)]
    return [P(data[a:b], (seq + a) & 0xFFFFFFFF, 1, **more) for a, b in pairwise(edges) if a < b]  # type: ignore[arg-type]


@st.composite
def dialogues(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], list[P], int]:
    """Modbus PDUs each way, and packets that carry them: cut anywhere, repeated, out of order within a window."""
    count = draw(st.integers(1, 8))
    requests = [modbus_request(n, draw(st.integers(0, 9)), 1, draw(st.sampled_from([3, 6, 5]))) for n in range(count)]
    responses = [modbus_response(n, draw(st.binary(min_size=1, max_size=40))) for n in range(count)]
    isn = draw(st.sampled_from([99, 0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFFFF8]))
    packets: list[tuple[int, P]] = []
    for back, pdus in ((False, requests), (True, responses)):
        data = b"".join(pdus)
        cuts = draw(st.lists(st.integers(0, len(data)), max_size=12))
        segments = said(data, isn + 1 if not back else 200, *cuts, back=back)
        for index, segment in enumerate(segments):
            for _ in range(draw(st.integers(1, 2))):
                packets.append((10 * index + draw(st.integers(0, 35)), segment))
    packets.sort(key=lambda item: item[0])
    return requests, responses, handshake(isn & 0xFFFFFFFF) + [packet for _, packet in packets], draw(st.integers(1, 12))


@SETTINGS
@given(dialogues())
def test_pdus_do_not_depend_on_segments_duplicates_order_or_batches(dialogue: tuple[list[bytes], list[bytes], list[P], int]) -> None:
    requests, responses, packets, batch = dialogue
    run = Run(packets, batch=batch)
    assert run.data(0) == requests
    assert run.data(1) == responses
    whole = Run(packets)
    assert (run.pdus, run.events, run.rows, run.flows) == (whole.pdus, whole.events, whole.rows, whole.flows)
    for back, direction in ((False, 0), (True, 1)):
        segments = [(packet.seq, packet.payload) for packet in packets if packet.back is back and packet.payload]
        start = 200 if back else packets[0].seq + 1
        assert run.data(direction) == oracle.cut_modbus(oracle.reassemble(start, segments))


@SETTINGS
@given(st.lists(st.builds(P, payload=st.one_of(st.binary(max_size=40), st.builds(modbus_request, st.integers(0, 3))),
                          seq=st.integers(90, 160), ack=st.one_of(st.just(-1), st.integers(90, 160)),
                          flags=st.integers(0, 511), back=st.booleans(), at=st.integers(0, 9 * 10**9),
                          client_port=st.integers(40000, 40003), missing=st.sampled_from([0, 0, 0, 5, 3000]),
                          proto=st.sampled_from([6, 6, 6, 17, 1]), bits=st.sampled_from([0, 0, 0, 2])), max_size=60), st.integers(1, 60))
def test_anything_at_all_is_counted_and_never_raises(packets: list[P], batch: int) -> None:
    run, whole = Run(packets, batch=batch, limits=SMALL), Run(packets, limits=SMALL)
    assert (run.pdus, run.events, run.rows, run.flows, run.places) == (whole.pdus, whole.events, whole.rows, whole.flows, whole.places)


@SETTINGS
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=30), st.booleans(), st.integers(0, 2**32 - 1)), max_size=40))
def test_wild_sequence_numbers_never_raise(packets: list[tuple[int, bytes, bool, int]]) -> None:
    Run([P(payload, seq, ack, back=back, at=n * 100 * MS) for n, (seq, payload, back, ack) in enumerate(packets)], limits=SMALL)


@SETTINGS
@given(st.lists(st.one_of(st.binary(min_size=1, max_size=30), st.builds(modbus_request, st.integers(0, 65535), st.integers(0, 9))),
                min_size=1, max_size=10),
       st.lists(st.integers(0, 300), max_size=20))
def test_after_wrong_bytes_the_cut_still_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    data = modbus_request(1) + b"".join(parts)
    one = Run(handshake() + said(data, 100))
    other = Run(handshake() + said(data, 100, *[cut for cut in cuts if cut < len(data)]))
    assert one.data(0) == other.data(0)
    assert one.flows[0]["violations"] == other.flows[0]["violations"]


def test_a_conversation() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(modbus_response(1), 200, 112, back=True),
               P(flags=FIN | ACK, seq=112, ack=211), P(flags=FIN | ACK, seq=211, ack=113, back=True), P(seq=113, ack=212)])
    assert [(pdu.protocol, pdu.direction, pdu.data, pdu.frame, pdu.flags) for pdu in run.pdus] == [
        (1, 0, modbus_request(1), 4, 0), (1, 1, modbus_response(1), 5, 0)]
    assert run.events == [("OPENED", 1), ("ANSWERED", 1), ("IDENTIFIED", 1), ("CLOSED", 1)]
    (flow,) = run.flows
    assert (flow["packets_to_server"], flow["packets_to_client"], flow["payload_to_server"], flow["pdus"]) == (5, 3, 12, 2)
    assert (flow["direction_how"], flow["protocol_how"], flow["client_port"]) == (DirectionHow.HANDSHAKE, ProtocolHow.CONTENT, 40000)
    assert run.anomalies == []


def test_the_frame_of_a_pdu_is_the_one_in_which_its_last_byte_came() -> None:
    run = Run([*handshake(), *said(modbus_request(1) + modbus_request(2), 100, 5, 20)])
    assert [pdu.frame for pdu in run.pdus] == [5, 6]


def test_a_new_syn_on_the_same_ports_is_a_new_flow() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(flags=RST, seq=112), *handshake(5000, 6000), P(modbus_request(2), 5001, 6001)])
    assert [(pdu.flow, pdu.data) for pdu in run.pdus] == [(1, modbus_request(1)), (2, modbus_request(2))]
    assert len(run.flows) == 2


def test_a_repeated_syn_is_not() -> None:
    run = Run([P(flags=SYN, seq=99), *handshake(), P(modbus_request(1), 100, 200), P(flags=SYN, seq=99)])
    assert len(run.flows) == 1


def test_connections_that_all_start_with_the_same_number_are_told_apart() -> None:
    one = [*handshake(), P(modbus_request(1), 100, 200), P(modbus_response(1), 200, 112, back=True)]
    two = [*handshake(), P(modbus_request(2), 100, 200), P(modbus_response(2), 200, 112, back=True)]
    run = Run(one + two)
    assert [pdu.data for pdu in run.pdus if pdu.flow == 2] == [modbus_request(2), modbus_response(2)]
    assert run.anomalies == ["SYN_INSIDE"]


def test_data_after_a_reset_is_still_read() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(flags=RST, seq=112), P(modbus_request(2), 112, 200)])
    assert run.data(0) == [modbus_request(1), modbus_request(2)]
    assert len(run.flows) == 1


def test_syn_with_data() -> None:
    run = Run([P(modbus_request(1), 99, flags=SYN), P(flags=SYN | ACK, seq=199, ack=112, back=True), P(modbus_request(2), 112, 200)])
    assert run.data(0) == [modbus_request(1), modbus_request(2)]


def test_direction_without_a_handshake() -> None:
    run = Run([P(modbus_response(1), 200, 112, back=True), P(modbus_request(2), 112, 211)])
    assert (run.flows[0]["client_port"], run.flows[0]["direction_how"]) == (40000, DirectionHow.PORT)
    assert [pdu.direction for pdu in run.pdus] == [1, 0]
    plain = Run([P(b"hello there", 1, 1, server_port=1883, client_port=40000, back=True)])
    assert (plain.flows[0]["server_port"], plain.flows[0]["direction_how"]) == (1883, DirectionHow.PORT)


def test_content_corrects_the_direction() -> None:
    frame = oracle.dnp3_frame(b"\xc0\xc1\x01", control=0xC4)  # from a master
    run = Run([P(frame, 100, 1, back=True, client_port=4001, server_port=4000)])
    (flow,) = run.flows
    assert (flow["direction_how"], flow["client_port"], flow["packets_to_server"], flow["packets_to_client"]) == (DirectionHow.CONTENT, 4000, 1, 0)
    assert [(pdu.protocol, pdu.direction, pdu.data) for pdu in run.pdus] == [(3, 0, frame)]


def test_duplicates_of_the_tap_are_counted_and_not_read() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(modbus_request(1), 100, 200, bits=PacketFlag.DUPLICATE)])
    assert len(run.pdus) == 1
    assert (run.flows[0]["duplicates"], run.flows[0]["retransmissions"], run.flows[0]["packets_to_server"]) == (1, 0, 3)


def test_every_packet_belongs_to_one_flow() -> None:
    icmp = P(proto=1, client_port=8, server_port=0)
    link = P(proto=-1, source=-1, destination=-1)
    run = Run([icmp, replace(icmp, back=True), P(proto=17, server_port=53), link, link])
    assert [number for number, _ in run.places] == [1, 1, 2, 3, 3]
    assert {(flow["number"], flow["ip_protocol"], flow["client_port"]) for flow in run.flows} == {(1, 1, 0), (2, 17, 40000), (3, -1, -1)}


def test_idle_flows_end_on_packet_time_and_on_a_tick() -> None:
    run = Run([P(proto=17, client_port=1, server_port=2), P(proto=17, client_port=3, server_port=4, at=301 * 1000 * MS)], finish=False)
    assert [flow["client_port"] for flow in run.flows] == [2 if run.flows[0]["client_port"] == 2 else 1]
    run.tick(700 * 1000 * MS)
    assert len(run.flows) == 2
    assert run.streams.counters["flows_idle"] == 2


def test_a_flood_of_flows_keeps_to_the_cap_and_spares_the_sessions_of_the_plant() -> None:
    plant = [*handshake(), P(modbus_request(1), 100, 200)]
    flood = [P(flags=SYN, seq=7, client_port=port, source=9, at=MS) for port in range(1000, 1500)]
    run = Run([*plant, *flood, P(modbus_request(2), 112, 200, at=2 * MS)], limits=SMALL, batch=50)
    assert run.data(0) == [modbus_request(1), modbus_request(2)]
    assert [pdu.flow for pdu in run.pdus] == [1, 1]
    assert run.streams.counters["flows_evicted"] == 501 - 64
    assert run.streams.flows.capacity <= 1024


def test_a_flood_of_half_known_streams_keeps_to_the_cap() -> None:
    plant = [*handshake(), P(modbus_request(1), 100, 200)]
    flood = [P(b"\0\1\0", 7, 1, client_port=port, source=9, at=MS) for port in range(1000, 1050)]
    run = Run([*plant, *flood, P(modbus_request(2), 112, 200, at=2 * MS)], limits=SMALL, batch=7)
    assert run.data(0) == [modbus_request(1), modbus_request(2)]
    assert run.streams.counters["streams_evicted"] == 51 - 16
    assert run.anomalies.count("STREAMS_CAP") == 51 - 16


def test_one_way_traffic_is_read_and_said() -> None:
    run = Run([P(modbus_request(n), 100 + 12 * n, 1) for n in range(3)])
    assert len(run.data(0)) == 3
    assert run.anomalies == ["ONE_WAY"]


def test_evasion_a_write_in_five_byte_segments() -> None:
    write = modbus_request(2, 5, 1, function=6)
    data = modbus_request(1) + write
    run = Run(handshake() + said(data, 100, *range(5, len(data), 5)))
    assert run.data(0) == [modbus_request(1), write]


def story(seed: int) -> list[P]:
    """Pseudo-random traffic of a few flows with every kind of trouble."""
    random = Random(seed)
    packets = []
    for turn in range(300):
        port, back = random.choice([40000, 40001, 40002]), random.random() < 0.5
        data = random.choice([modbus_request(turn), modbus_response(turn, bytes(random.randrange(60))), b"\3\0\0\x08\2\xf0\x80\0",
                              oracle.dnp3_frame(bytes(random.randrange(40))), random.randbytes(random.randrange(1, 30)), b""])
        part = data[:random.randrange(len(data) + 1)] if random.random() < 0.3 else data
        packets.append(P(part, random.choice([turn * 12, turn * 12 - 12, turn * 12 + 24, 2**32 - 6]), random.choice([-1, turn * 12, 7]),
                         flags=random.choice([ACK, ACK, ACK, ACK, SYN, SYN | ACK, RST, FIN | ACK]) if turn % 20 == 0 else ACK,
                         back=back, client_port=port,
                         server_port=random.choice([502, 20000]) if turn < 150 else 502,
                         at=turn * random.choice([1, 40, 70]) * MS, proto=random.choice([6, 6, 6, 17]), missing=random.choice([0] * 20 + [9])))
    return packets


def told(seed: int) -> str:
    """Everything that is said about the story."""
    run = Run(story(seed), limits=SMALL, batch=37)
    return repr((run.pdus, run.events, run.rows, run.flows, run.places, run.streams.counters))


def test_uncompiled_says_the_same() -> None:
    code = "from tests.streams.test_streams import told\nfor seed in range(3): print(told(seed))"
    done = subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "OTWATCH_UNCOMPILED": "1"}, capture_output=True, text=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.splitlines() == [told(seed) for seed in range(3)]


CAPTURES = Path(os.environ.get("OTWATCH_CAPTURES") or Path(__file__).parents[2] / "../shared/captures")
COMPARED = [  # (capture, tshark's field that each PDU has, protocol)
    ("real-stacks/modbus.pcap", "mbtcp.len", 1), ("real-stacks/s7comm.pcap", "tpkt.length", 2), ("real-stacks/dnp3.pcap", "dnp3.len", 3),
    ("ITI-ICS-Security-Tools/pcaps/ModbusTCP/ModbusTCP.pcap", "mbtcp.len", 1),
    ("antoine-lemay-Modbus_dataset/characterization_modbus_6RTU_with_operate.pcap", "mbtcp.len", 1),
    ("ControlThings-io-ct-samples/Protocols/S7comm/Plant1_S7comm.pcap", "tpkt.length", 2),
    ("AgentCarter1-S7comm-Plus-Anomaly-Detection/Wireshark_Paketler/s71200_Ofline_SWCompileDownload.pcapng", "tpkt.length", 2),
    ("derived-slices/QUT_DNP3_attacks_training_0750-0955Z.pcap", "dnp3.len", 3),
    ("zeek-zeek/testing/btest/Traces/dnp3/dnp3_link_only.pcap", "dnp3.len", 3),
]


def frames_of(path: Path, batch: int) -> tuple[Counter[tuple[int, int]], list[bytes]]:
    """(protocol, frame) of the PDUs of a capture, and their bytes."""
    limits = Limits(batch_packets=batch)
    addresses = Addresses()
    decoder, streams = Decoder(addresses, limits), Streams(addresses, limits, specs.SPECS)
    frames: Counter[tuple[int, int]] = Counter()
    content: list[bytes] = []

    def collect() -> None:
        for protocol, pdus in enumerate(streams.pdus):
            for row in range(pdus.rows):
                if not pdus.flags[row] & PduFlag.CONFLICT:
                    frames[protocol, int(pdus.frame[row])] += 1
                    content.append(streams.octets.tobytes(pdus.start[row], pdus.end[row]))

    with open_capture(str(path), limits) as packets:
        for rows in packets:
            anomalies = Anomalies()
            decoder.feed(rows, anomalies)
            streams.feed(rows, anomalies)
            collect()
    streams.finish(Anomalies())
    collect()
    counters = streams.counters
    assert counters["stream_bytes"] == counters["framed_bytes"] + counters["skipped_bytes"] + counters["unidentified_bytes"]
    return frames, content


@pytest.mark.captures
@pytest.mark.tshark
@pytest.mark.parametrize(("name", "field", "protocol"), COMPARED)
def test_pdus_of_a_capture_are_those_of_tshark(name: str, field: str, protocol: int) -> None:
    path = CAPTURES / name
    tshark = shutil.which("tshark")
    if not path.exists() or tshark is None:
        pytest.skip("the capture or tshark is not here")
    lines = subprocess.run([tshark, "-r", str(path), "-T", "fields", "-e", "frame.number", "-e", field, "-Y", field], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    expected: Counter[int] = Counter()
    for line in lines:
        frame, values = line.split("\t")
        expected[int(frame)] += len(values.split(","))
    frames, content = frames_of(path, 8192)
    assert {frame: count for (found, frame), count in frames.items() if found == protocol} == dict(expected)
    assert (frames, content) == frames_of(path, 7)


def test_a_pdu_that_acknowledges_what_was_not_shown_says_so() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(modbus_response(1), 200, 112, back=True),
               P(modbus_response(2), 211, 124, back=True), P(modbus_response(3), 222, 124, back=True)])
    assert [bool(pdu.flags & PduFlag.UNHEARD) for pdu in run.pdus] == [False, False, True, True]


def test_the_first_pdu_of_a_stream_picked_up_midway_may_answer_what_nobody_saw() -> None:
    run = Run([P(modbus_request(9), 100, 200), P(modbus_response(7), 200, 112, back=True), P(modbus_response(9), 211, 112, back=True)])
    assert [bool(pdu.flags & PduFlag.UNHEARD) for pdu in run.pdus] == [True, True, False]


def test_whose_acknowledgement_it_is_is_known_after_the_sides_were_told_apart() -> None:
    """The first packet comes from the server, by content: what it acknowledges is the client's."""
    first = P(b"\3\0\0\7\2\xd0\x80", 500, 100, back=True, server_port=40001, client_port=40000)
    ports = {"client_port": 40000, "server_port": 40001}
    again = P(b"\3\0\0\7\2\xd0\x80", 507, 112, back=True, server_port=40001, client_port=40000)
    run = Run([first, P(modbus_request(1), 100, 507, **ports), again], protocols=specs.SPECS)
    assert [bool(pdu.flags & PduFlag.UNHEARD) for pdu in run.pdus] == [True, False]  # both streams were picked up midway


@pytest.mark.parametrize("protocol", [6, 17])
def test_fragments_that_wait_for_their_datagram_are_no_stream(protocol: int) -> None:
    run = Run([P(modbus_request(number) * 9, -1, client_port=-1, server_port=-1, proto=protocol) for number in (1, 2, 3)])
    assert not run.pdus
    assert not run.anomalies


def test_a_conversation_that_is_no_longer_looked_at_is_reported() -> None:
    unsure = b"\0\1\0\0\0\3\1\x60\0"  # a header of Modbus, a function of nobody
    packets = [*handshake(), P(b"GET / HTTP/1.1 " * 5000, 100, 200)]
    packets += [P(unsure, 80_000 + 9 * n, 200, at=n * MS) for n in range(1100)]
    run = Run(packets)
    assert run.anomalies.count("LOOKS_CAP") == 1
    datagrams = Run([P(unsure, proto=17, at=n * MS) for n in range(1100)])
    assert datagrams.anomalies.count("LOOKS_CAP") == 1


def test_a_flow_of_the_plant_that_makes_room_is_reported() -> None:
    plant = [P(modbus_request(1), 100, 200, client_port=port) for port in range(1, 80)]
    assert "STREAMS_CAP" in Run(plant, limits=SMALL).anomalies
