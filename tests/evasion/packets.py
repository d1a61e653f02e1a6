"""Below TCP: fragments, tags and tunnels around the same write."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.evasion.case import Case, background
from tests.evasion.messages import TRIPPED, WRITTEN, poll, poll_answer, trip, write
from tests.evasion.wire import GUEST, HMI, PLC, Capture, Tcp, ethernet, ipv4, udp

_MORE = 0x2000


def _asked(six: bool = False) -> tuple[Capture, Tcp]:
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502, six=six)
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    return capture, talk


def fragments(size: int, *, backwards: bool = False) -> Capture:
    """The write's segment in IP fragments."""
    capture, talk = _asked()
    segment = talk.segment(0, write(2))
    pieces = [(at, segment[at:at + size]) for at in range(0, len(segment), size)]
    capture.fragments(GUEST, PLC, 6, pieces[::-1] if backwards else pieces)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_overlapping(*, write_first: bool) -> Capture:
    """Two fragments for the same place: one carries the end of a read, the other that of the write; TCP's checksum is right for the write."""
    capture, talk = _asked()
    harmful, harmless = talk.segment(0, write(2)), talk.segment(0, poll(2))
    ends = [(24, harmful[24:]), (24, harmless[24:])]
    pieces = [*(ends if write_first else ends[::-1]), (0, harmful[:24])]
    capture.fragments(GUEST, PLC, 6, pieces)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_late() -> Capture:
    """A harmless datagram that is complete, then the write's last fragment once more: the harmless one may have died on the way to the host."""
    capture, talk = _asked()
    harmful, harmless = talk.segment(0, write(2)), talk.segment(0, poll(2))
    capture.fragments(GUEST, PLC, 6, [(0, harmful[:24]), (24, harmless[24:]), (24, harmful[24:])])
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_false_end(*, complete: bool) -> Capture:
    """A last fragment that ends the datagram inside the Modbus header. With it the datagram is complete before its true end comes, or not."""
    capture, talk = _asked()
    segment = talk.segment(0, write(2))
    start, false, true = (0, segment[:24], False), (24, segment[24:26], True), (24, segment[24:], True)
    capture.pieces(GUEST, PLC, 6, [start, false, true] if complete else [false, true, start])
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_between() -> Capture:
    """Three copies of a place; the write is in the middle one, which neither who takes the first nor who takes the last copy sees."""
    capture, talk = _asked()
    harmful, harmless = talk.segment(0, write(2)), talk.segment(0, poll(2))
    capture.fragments(GUEST, PLC, 6, [(24, harmless[24:]), (24, harmful[24:]), (24, harmless[24:31] + b"\1"), (0, harmful[:24])])
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_ports() -> Capture:
    """The copy that a host takes last turns the packet of a web page into a write: the ports are in the fragment that is there twice."""
    capture = background(Capture())
    talk = Tcp(capture, GUEST, PLC, 502)
    segment = talk.segment(0, write(2))
    capture.fragments(GUEST, PLC, 6, [(0, struct.pack(">HH", 50_001, 80) + segment[4:16]), (0, segment[:16]), (16, segment[16:])])
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_udp_contradicting(*, six: bool = False) -> Capture:
    """A DNP3 trip over UDP whose second half is there twice; the first copy makes it a trip of nothing that the link layer accepts."""
    capture = background(Capture())
    datagram = udp(GUEST, PLC, (20001, 20000), trip(), six=six)
    other = datagram[:24] + bytes(byte ^ 0x55 for byte in datagram[24:])
    if six:
        capture.pieces(GUEST, PLC, 17, [(24, other[24:], True), (24, datagram[24:], True), (0, datagram[:24], False)], six=True)
    else:
        capture.fragments(GUEST, PLC, 17, [(24, other[24:]), (24, datagram[24:]), (0, datagram[:24])])
    return capture


def fragments_repeated() -> Capture:
    """Fragments that overlap with the same bytes, as retransmitting routers make them."""
    capture, talk = _asked()
    segment = talk.segment(0, write(2))
    capture.fragments(GUEST, PLC, 6, [(0, segment[:24]), (8, segment[8:24]), (16, segment[16:])])
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_six() -> Capture:
    """IPv6 fragments."""
    capture, talk = _asked(six=True)
    capture.fragments6(GUEST, PLC, 6, talk.segment(0, write(2)), 8)
    talk.sequence[0] += 12
    talk.answer(write(2))
    return capture


def fragments_udp() -> Capture:
    """A DNP3 trip over UDP in fragments."""
    capture = background(Capture())
    datagram = udp(GUEST, PLC, (20001, 20000), trip())
    capture.fragments(GUEST, PLC, 17, [(at, datagram[at:at + 16]) for at in range(0, len(datagram), 16)])
    return capture


def wrapped(wrap: Callable[[bytes], bytes]) -> Capture:
    """Everything in a tag or tunnel."""
    capture = background(Capture(wrap=wrap))
    talk = Tcp(capture, GUEST, PLC, 502)
    talk.say(poll(1))
    talk.answer(poll_answer(1))
    talk.say(write(2))
    talk.answer(write(2))
    return capture


def tagged(*tags: tuple[int, int]) -> Callable[[bytes], bytes]:
    """VLAN tags after the addresses."""
    inserted = b"".join(struct.pack(">HH", kind, vlan) for kind, vlan in tags)
    return lambda frame: frame[:12] + inserted + frame[12:]


def _outer(protocol: int, payload: bytes) -> bytes:
    """From the switch to the sensor: two hosts that are not of the plant."""
    return ethernet(HMI, PLC, ipv4(_SWITCH, _SENSOR, protocol, payload))


_SWITCH = type(HMI)("10.255.0.1", "020000000001", "fd01::1")
_SENSOR = type(HMI)("10.255.0.2", "020000000002", "fd01::2")
TUNNELS: dict[str, Callable[[bytes], bytes]] = {
    "erspan_i": lambda frame: _outer(47, bytes.fromhex("000088be") + frame),
    "erspan_ii": lambda frame: _outer(47, bytes.fromhex("100088be00000001") + bytes.fromhex("1005002100000000") + frame),
    "erspan_iii": lambda frame: _outer(47, bytes.fromhex("100022eb00000001") + bytes.fromhex("200500210000000000000000") + frame),
    "vxlan": lambda frame: _outer(17, udp(_SWITCH, _SENSOR, (55555, 4789), bytes.fromhex("0800000000002a00") + frame)),
    "geneve": lambda frame: _outer(17, udp(_SWITCH, _SENSOR, (55555, 6081), bytes.fromhex("0000655800002a00") + frame)),
    "gre": lambda frame: _outer(47, bytes.fromhex("00000800") + frame[14:]),
    "mpls": lambda frame: frame[:12] + bytes.fromhex("8847") + bytes.fromhex("0006403f" "0002a13f") + frame[14:],
    "ip_in_ip": lambda frame: _outer(4, frame[14:]),
    "pppoe": lambda frame: frame[:12] + bytes.fromhex("8864" "11000007") + struct.pack(">HH", len(frame) - 12, 0x21) + frame[14:],
}

_FRAGMENTS = "Parsers without IP reassembly see headers in one packet and data in another."
_TAGS = "Parsers that expect IP right after the addresses, and filters such as `tcp port 502`, see nothing."
_TUNNELS = "The mirror arrives encapsulated; parsers of the outer packet see one conversation of the switch."

CASES = (
    Case(name="fragments", blind=_FRAGMENTS, make=lambda: fragments(24), seen=WRITTEN),
    Case(name="fragments-backwards", blind=_FRAGMENTS, make=lambda: fragments(16, backwards=True), seen=WRITTEN),
    Case(name="fragments-tiny", blind="Even the ports are not in one packet.", make=lambda: fragments(8), seen=WRITTEN,
         rules=("network.fragment-evasion",), odd=("network.fragment-tiny",)),
    Case(name="fragments-repeated", blind="Reassembly that does not expect overlaps drops the datagram.", make=fragments_repeated, seen=WRITTEN,
         odd=("network.fragment-overlap",)),
    Case(name="fragments-conflict-write-first", blind="Of two copies the monitor keeps the other one.",
         make=lambda: fragments_overlapping(write_first=True), seen=WRITTEN, rules=("network.fragment-evasion",),
         odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-write-second", blind="Of two copies the monitor keeps the other one.",
         make=lambda: fragments_overlapping(write_first=False), seen=WRITTEN, rules=("network.fragment-evasion",),
         odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-in-the-middle", blind="Whoever takes the first copy or the last does not see the one between.",
         make=fragments_between, seen=WRITTEN, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-late", blind="What comes after a complete datagram is left over, or taken for the start of another.",
         make=fragments_late, seen=WRITTEN, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-ports", blind="With the first copy the packet belongs to another connection.",
         make=fragments_ports, seen=WRITTEN, times=2, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-udp", blind="Of two copies the monitor keeps the other one.",
         make=fragments_udp_contradicting, seen=TRIPPED, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-conflict-six", blind="RFC 5722 forbids overlaps; not every host knows.", src="fd00::77",
         make=lambda: fragments_udp_contradicting(six=True), seen=TRIPPED, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-false-end", blind="The monitor believes the first end that it is told, and drops what lies beyond.",
         make=lambda: fragments_false_end(complete=False), seen=WRITTEN, rules=("network.fragment-evasion",), odd=("network.fragment-beyond-end",)),
    Case(name="fragments-false-end-complete", blind="The datagram is complete too early, its true end comes late.",
         make=lambda: fragments_false_end(complete=True), seen=WRITTEN, rules=("network.fragment-evasion",), odd=("network.fragment-conflict",)),
    Case(name="fragments-six", blind=_FRAGMENTS, make=fragments_six, seen=WRITTEN, src="fd00::77", odd=("network.fragment-tiny",)),
    Case(name="fragments-udp", blind=_FRAGMENTS, make=fragments_udp, seen=TRIPPED),
    Case(name="vlan", blind=_TAGS, make=lambda: wrapped(tagged((0x8100, 30))), seen=WRITTEN),
    Case(name="qinq", blind=_TAGS, make=lambda: wrapped(tagged((0x88A8, 100), (0x8100, 30))), seen=WRITTEN),
    Case(name="four-tags", blind=_TAGS, make=lambda: wrapped(tagged((0x9100, 1), (0x9100, 2), (0x8100, 3), (0x8100, 4))), seen=WRITTEN),
    *(Case(name=f"tunnel-{name.replace('_', '-')}", blind=_TUNNELS, make=lambda wrap=wrap: wrapped(wrap), seen=WRITTEN,  # type: ignore[misc]
           tunnel=name) for name, wrap in TUNNELS.items()),
    Case(name="tunnel-vxlan-tagged", blind=_TUNNELS, make=lambda: wrapped(lambda frame: TUNNELS["vxlan"](tagged((0x8100, 30))(frame))),
         seen=WRITTEN, tunnel="vxlan"),
)
