"""Live capture over a wire between two namespaces: all of it arrives, unchanged, and nothing is ever sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otwatch.capture.ring import LiveSource
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from tests.capture.wire import Wire, frame, lab, result

pytestmark = lab


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


_LISTEN = """
import sys, time
from otwatch.capture.passive import transmitted
from otwatch.capture.ring import LiveSource
from otwatch.limits import Limits

enough, options = int(sys.argv[1]), eval(sys.argv[2])
batch = options.pop("batch", 8192)
interfaces = options.pop("interfaces", ["wire0"])
leave_early = options.pop("leave_early", False)
before = {name: transmitted(name) for name in interfaces}
rows, ticks, kept = [], 0, True
with LiveSource(interfaces, limits=Limits(batch_packets=batch), **options) as source:
    assert len(source.filenos()) == len(interfaces)
    print("ready", flush=True)
    deadline = time.monotonic() + 120
    quiet = 0
    while time.monotonic() < deadline and quiet < 3:
        quiet += len(rows) >= enough
        ticks += 1
        for name, packets in source.poll(0.1):
            assert 0 < packets.rows <= batch and packets.file == name and len(memoryview(packets.data)) > 0
            data = memoryview(packets.data)
            for row in range(packets.rows):
                values = packets.row(row)
                octets = bytes(data[values["at"]:values["at"] + values["captured_length"]])
                rows.append((name, values["frame"], octets, values["wire_length"], values["link_type"], values["interface"],
                             values["vlan_stripped"], values["timestamp_ns"]))
            del data
            if leave_early:
                break
    statistics = [(s.received, s.dropped, s.up, s.losses) for s in source.statistics()]
print((rows, statistics, {name: transmitted(name) - before[name] for name in interfaces}))
"""


def listen(wire: Wire, frames: list[bytes], enough: int, **options: object) -> tuple[list[tuple[object, ...]], object]:
    """The rows that a listener sees of these frames; what it has sent is looked at in every test."""
    process = wire.listen(_LISTEN, str(enough), repr(options))
    wire.send(frames)
    rows, statistics, sent = result(process)
    assert sent == {"wire0": 0}
    return rows, statistics


@pytest.mark.parametrize("options", [{}, {"batch": 3}, {"batch": 7, "leave_early": True}, {"block_bytes": 4096, "blocks": 32}])
def test_everything_arrives_once_and_in_order(wire: Wire, options: dict[str, object]) -> None:
    frames = [frame(number, size=60 + number) for number in range(200)]
    rows, statistics = listen(wire, frames, 200, **options)
    assert [row[2] for row in rows] == frames
    assert [row[1] for row in rows] == list(range(1, 201))
    assert {(name, link_type, interface, vlan) for name, _, _, _, link_type, interface, vlan, _ in rows} == {("wire0", 1, 0, -1)}
    times = [row[7] for row in rows]
    assert times == sorted(times)
    assert statistics == [(200, 0, True, 0)]


def test_a_tag_that_was_taken_off_is_told(wire: Wire) -> None:
    tags = [b"\x81\x00\x00\x05", b"\x81\x00\xe0\x00", b"\x88\xa8\x00\x07\x81\x00\x00\x08", b""]
    rows, _ = listen(wire, [frame(number, tag=tag) for number, tag in enumerate(tags)], 4)
    assert [row[6] for row in rows] == [5, 0xE000, 7, -1]
    assert [row[2] for row in rows] == [frame(0, size=76), frame(1, size=76), frame(2, tag=tags[2][4:], size=76), frame(3)]


def test_the_snap_length_cuts_and_the_length_on_the_wire_stays(wire: Wire) -> None:
    rows, _ = listen(wire, [frame(1, size=500), frame(2, size=60)], 2, snap_length=64)
    assert [(row[2], row[3]) for row in rows] == [(frame(1, size=64), 500), (frame(2, size=60), 60)]


def test_a_filter_leaves_the_rest_out_and_keeps_the_snap_length(wire: Wire) -> None:
    frames = [frame(number, size=100) for number in range(20)]
    rows, statistics = listen(wire, frames, 5, bpf="ether proto 0x88b5 and ether[21] >= 15", snap_length=70)
    assert [row[2] for row in rows] == [octets[:70] for octets in frames[15:]]
    assert statistics == [(5, 0, True, 0)]


_SLOW = """
import time
from otwatch.capture.ring import LiveSource
with LiveSource(["wire0"], block_bytes=4096, blocks=8) as source:
    print("ready", flush=True)
    input()
    seen = quiet = 0
    while quiet < 5:
        rows = sum(packets.rows for _, packets in source.poll(0.1))
        seen += rows
        quiet = 0 if rows else quiet + 1
    s = source.statistics()[0]
    again = source.statistics()[0]
print((seen, s.received, s.dropped, s.freezes, again == s))
"""


def test_drops_are_counted_exactly(wire: Wire) -> None:
    process = wire.listen(_SLOW)
    wire.send([frame(0)], count=2000)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    seen, received, dropped, freezes, stable = result(process)
    assert seen == received
    assert received + dropped == 2000
    assert dropped > 1000
    assert freezes >= 1
    assert stable


def test_several_interfaces(wire: Wire) -> None:
    wire.run("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    process = wire.listen(_LISTEN, "5", repr({"interfaces": ["lo", "wire0"]}))
    wire.send([frame(number) for number in range(5)])
    rows, statistics, sent = result(process)
    assert [(row[0], row[1], row[5]) for row in rows] == [("wire0", number, 1) for number in range(1, 6)]
    assert statistics == [(0, 0, True, 0), (5, 0, True, 0)]
    assert sent == {"lo": 0, "wire0": 0}


def test_what_cannot_be_listened_on_is_refused_in_one_line() -> None:
    for interfaces, options, words in [
        (["nosuch0"], {}, "no such interface; there are: "), ([], {}, "name each interface"), (["lo", "lo"], {}, "name each interface"),
        (["lo"], {"block_bytes": 1000}, "multiples of"), (["lo"], {"bpf": "tcp prot 502"}, "capture filter 'tcp prot 502': "),
    ]:
        with pytest.raises(CaptureError, match=words) as caught:
            LiveSource(interfaces, limits=Limits(), **options)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
