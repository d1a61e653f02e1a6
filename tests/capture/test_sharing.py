"""Several listeners on one interface: every packet at exactly one of them, and all between two addresses at the same one."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from otwatch.capture.bpf import compiled_filter
from otwatch.capture.sharing import sharing_program
from tests.capture.wire import Wire, lab, result
from tests.decode.craft import ip4, ip6, tcp, udp

pytestmark = lab
PROCESSES = 3
_MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
_TAGS = {"": b"", "tag": b"\x81\0\0\x05", "priority tag": b"\x81\0\xe0\0", "two tags": b"\x88\xa8\0\x07\x81\0\0\x08",
         "three tags": b"\x88\xa8\0\x07\x81\0\0\x08\x81\0\0\x09"}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


_LISTEN = """
import sys, time
from otwatch.capture.live import open_shared
from otwatch.capture.passive import confine, transmitted
processes, enough = int(sys.argv[1]), int(sys.argv[2])
sources = open_shared(["wire0"], processes, blocks=4)
confinement = confine([descriptor for source in sources for descriptor in source.filenos()])
print("ready", flush=True)
rows, deadline, quiet = [], time.monotonic() + 120, 0
while time.monotonic() < deadline and quiet < 5:
    quiet += len(rows) >= enough
    for number, source in enumerate(sources):
        for _, packets in source.poll(0.02):
            data = memoryview(packets.data)
            for row in range(packets.rows):
                v = packets.row(row)
                rows.append((bytes(data[v["at"]:v["at"] + v["captured_length"]]), number))
            del data
print((rows, [source.statistics()[0].received for source in sources], [source.statistics()[0].dropped for source in sources],
       transmitted("wire0"), confinement.complete))
"""


def shares(wire: Wire, frames: list[bytes]) -> list[int]:
    """For each frame the listener that got it; the frames differ in their last four bytes."""
    numbered = [frame + struct.pack(">I", number) for number, frame in enumerate(frames)]
    process = wire.listen(_LISTEN, str(PROCESSES), str(len(frames)))
    wire.send(numbered)
    rows, received, dropped, sent, complete = result(process)
    assert sent == 0
    assert complete
    assert (sum(received), dropped) == (len(frames), [0] * PROCESSES)
    assert len(rows) == len(frames), "each packet at exactly one"
    got = {struct.unpack(">I", octets[-4:])[0]: number for octets, number in rows}
    assert sorted(got) == list(range(len(frames)))
    return [got[number] for number in range(len(frames))]


def expected(addresses: bytes) -> int:
    """The same sum, done slowly."""
    mixed = 0
    for (word,) in struct.iter_unpack(">I", addresses):
        mixed ^= word
    return (mixed * 0x9E3779B1 % 2**32 >> 16) % PROCESSES


def pairs(count: int) -> list[tuple[str, str]]:
    return [(f"192.168.10.{20 + number % 3}", f"192.168.{number % 5}.{100 + number}") for number in range(count)]


def both_ways(one: str, other: str) -> list[bytes]:
    """What two stations say to one another: TCP on several ports, UDP, fragments with and without ports, both directions."""
    packets = []
    for source, destination, back in ((one, other, False), (other, one, True)):
        for port in (50_001, 50_002):
            ports = {"source": 502, "destination": port} if back else {"source": port, "destination": 502}
            packets.append(ip4(tcp(b"x", **ports), 6, source=source, destination=destination))
            packets.append(ip4(udp(b"x", **ports), 17, source=source, destination=destination))
        packets.append(ip4(udp(b"x" * 32), 17, source=source, destination=destination, ident=7, fragment=0x2000))
        packets.append(ip4(b"y" * 32, 17, source=source, destination=destination, ident=7, fragment=5))
    return packets


@pytest.mark.parametrize("tags", _TAGS)
def test_all_between_two_addresses_is_at_one_listener(wire: Wire, tags: str) -> None:
    talks = pairs(24)
    packets = [both_ways(*talk) for talk in talks]
    frames = [_MACS + _TAGS[tags] + b"\x08\0" + packet for talk in packets for packet in talk]
    got = shares(wire, frames)
    each = len(packets[0])
    of_talks = [set(got[start:start + each]) for start in range(0, len(got), each)]
    assert all(len(seen) == 1 for seen in of_talks)
    assert [seen.pop() for seen in of_talks] == [expected(talk[0][12:20]) for talk in packets]
    assert set(got) == set(range(PROCESSES)), "nobody is left without work"


def test_ipv6_and_what_is_no_ip(wire: Wire) -> None:
    v6 = [ip6(tcp(b"x"), 6, source=f"fd00::{one:x}", destination=f"fd00:1::{other:x}") for one, other in ((1, 0x10), (2, 0x11), (3, 0x99))]
    back = [ip6(tcp(b"x"), 6, source=f"fd00:1::{other:x}", destination=f"fd00::{one:x}") for one, other in ((1, 0x10), (2, 0x11), (3, 0x99))]
    others = [b"\x08\x06" + bytes(28), b"\x88\xb8" + bytes(40), b"\x88\x92" + bytes(40), b"\x08\0", b"\x86\xdd" + bytes(30)]
    # ARP, GOOSE, PROFINET, IPv4 without a header, half an IPv6 header
    frames = [_MACS + b"\x86\xdd" + packet for packet in v6 + back] + [_MACS + octets for octets in others]
    got = shares(wire, frames)
    assert got[:3] == got[3:6] == [expected(packet[8:40]) for packet in v6]
    assert got[6:] == [0] * len(others)


def test_the_program_is_one_that_the_kernel_takes() -> None:
    program = sharing_program(1, 3, compiled_filter(""))
    assert len(program) % 8 == 0
    jumps = [(code, yes, no) for code, yes, no, _ in struct.iter_unpack("=HBBI", program) if code in (0x15, 0x35)]
    assert all(max(yes, no) < 255 for _, yes, no in jumps)
