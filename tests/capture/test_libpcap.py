"""The source for systems without AF_PACKET, tried where there is libpcap."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otwatch.capture.libpcap import PcapSource
from otwatch.errors import CaptureError
from tests.capture.test_bpf import needs_libpcap
from tests.capture.wire import Wire, frame, lab, result

pytestmark = [*lab, needs_libpcap]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


_LISTEN = """
import sys, time
from otwatch.capture.libpcap import PcapSource
from otwatch.limits import Limits
enough, options = int(sys.argv[1]), eval(sys.argv[2])
rows = []
with PcapSource(["wire0"], limits=Limits(batch_packets=16), **options) as source:
    print("ready", flush=True)
    deadline = time.monotonic() + 120
    while len(rows) < enough and time.monotonic() < deadline:
        for name, packets in source.poll(0.1):
            assert 0 < packets.rows <= 16 and packets.file == name == "wire0"
            data = memoryview(packets.data)
            for row in range(packets.rows):
                v = packets.row(row)
                rows.append((v["frame"], bytes(data[v["at"]:v["at"] + v["captured_length"]]), v["wire_length"], v["link_type"], v["timestamp_ns"]))
    s, = source.statistics()
print((rows, s.received, s.dropped, s.up, len(source.filenos())))
"""


def test_everything_arrives_with_its_tag(wire: Wire) -> None:
    frames = [frame(number, size=60 + number, tag=b"\x81\x00\x00\x05" if number % 3 == 0 else b"") for number in range(100)]
    process = wire.listen(_LISTEN, "100", "{}")
    wire.send(frames)
    rows, received, dropped, up, _ = result(process)
    assert [row[1] for row in rows] == frames
    assert [row[0] for row in rows] == list(range(1, 101))
    assert {row[3] for row in rows} == {1}
    times = [row[4] for row in rows]
    assert times == sorted(times)
    assert times[0] > 1_700_000_000 * 10**9
    assert (received, dropped, up) == (100, 0, True)


def test_filter_and_snap_length(wire: Wire) -> None:
    process = wire.listen(_LISTEN, "2", repr({"bpf": "ether[21] > 7", "snap_length": 64}))
    wire.send([frame(number, size=100) for number in range(10)])
    rows, *_ = result(process)
    assert [(row[1], row[2]) for row in rows] == [(frame(8, size=64), 100), (frame(9, size=64), 100)]


_SLOW = """
from otwatch.capture.libpcap import PcapSource
with PcapSource(["wire0"], buffer_bytes=1 << 17) as source:
    print("ready", flush=True)
    input()
    seen = quiet = 0
    while quiet < 5:
        rows = sum(packets.rows for _, packets in source.poll(0.1))
        seen += rows
        quiet = 0 if rows else quiet + 1
    s = source.statistics()[0]
print((seen, s.received, s.dropped))
"""


def test_drops_are_counted_exactly(wire: Wire) -> None:
    process = wire.listen(_SLOW)
    wire.send([frame(0, size=1000)], count=3000)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    seen, received, dropped = result(process)
    assert seen == received
    assert received + dropped == 3000
    assert dropped > 1000


def test_what_cannot_be_listened_on_is_refused_in_one_line() -> None:
    for interfaces, bpf, words in [(["nosuch0"], "", "nosuch0: cannot be listened on"), (["lo"], "tcp prot", "capture filter 'tcp prot'"),
                                   ([], "", "once")]:
        with pytest.raises(CaptureError, match=words) as caught:
            PcapSource(interfaces, bpf=bpf)
        assert "\n" not in str(caught.value)
