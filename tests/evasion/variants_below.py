"""Below TCP: fragments, options, tags and tunnels."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.evasion.acts import Act, Talk
from tests.evasion.packets import TUNNELS, tagged
from tests.evasion.variants import BOTH, Variant, during, plain
from tests.evasion.wire import GUEST, HMI, MS, PLC, Capture, Host, checksum, ethernet, ipv4, ipv6, udp

Pieces = list[tuple[int, bytes, bool]]
_OUTSIDE, _INSIDE = Host("10.255.0.1", "020000000001", "fd01::1"), Host("10.255.0.2", "020000000002", "fd01::2")


def datagram(talk: Talk, *, decoy: bool = False) -> bytes:
    """The act's segment or datagram, without its IP header."""
    message = talk.decoy[0] if decoy else talk.attack[0]
    if talk.act.datagrams:
        return udp(GUEST, PLC, talk.ports, message, six=talk.six)  # type: ignore[arg-type]
    return talk.segment(0, message)


def fragmented(cut: Callable[[bytes, bytes], Pieces], **how: object) -> Callable[[Capture, Act], None]:
    """The act in IP fragments: `cut` makes them of it and of a decoy."""

    def play(talk: Talk) -> None:
        pieces = cut(datagram(talk), datagram(talk, decoy=True))
        talk.capture.pieces(GUEST, PLC, 17 if talk.act.datagrams else 6, pieces, six=talk.six)
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return during(play, **how)


def sized(size: int, *, backwards: bool = False) -> Callable[[bytes, bytes], Pieces]:
    """In pieces of a size."""

    def cut(whole: bytes, _decoy: bytes) -> Pieces:
        found = [(at, whole[at:at + size], at + size >= len(whole)) for at in range(0, len(whole), size)]
        return found[::-1] if backwards else found

    return cut


def conflicting(order: str) -> Callable[[bytes, bytes], Pieces]:
    """A place twice: once of the act (a), once of a decoy (d); the head last or first (h)."""

    def cut(whole: bytes, decoy: bytes) -> Pieces:
        parts = {"h": (0, whole[:24], False), "a": (24, whole[24:], True), "d": (24, decoy[24:], True)}
        return [parts[letter] for letter in order]

    return cut


def overlapping(whole: bytes, decoy: bytes) -> Pieces:
    """A fragment of the decoy over the end of the first and the beginning of the second."""
    return [(0, whole[:16], False), (8, decoy[8:24], False), (16, whole[16:], True)]


def false_end(whole: bytes, _decoy: bytes) -> Pieces:
    """An end that comes too early."""
    return [(24, whole[24:26], True), (0, whole[:24], False), (24, whole[24:], True)]


def slow(whole: bytes, _decoy: bytes) -> Pieces:
    """As usual; the time between is the variant's."""
    return [(0, whole[:16], False), (16, whole[16:], True)]


def pausing(seconds: int, *, six: bool = False) -> Callable[[Talk], None]:
    """Seconds between two fragments."""

    def play(talk: Talk) -> None:
        for piece in slow(datagram(talk), b""):
            talk.capture.ident = 4000
            talk.capture.pieces(GUEST, PLC, 17 if talk.act.datagrams else 6, [piece], six=six)
            talk.capture.now += seconds * 1000 * MS
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return play


def same_ident(talk: Talk) -> None:
    """The first fragment of another datagram with the same identification, a minute before."""
    whole, decoy = datagram(talk), datagram(talk, decoy=True)
    talk.capture.ident = 4000
    talk.capture.pieces(GUEST, PLC, 17 if talk.act.datagrams else 6, [(0, decoy[:16], False)])
    talk.capture.now += 50_000 * MS
    talk.capture.ident = 4000
    talk.capture.pieces(GUEST, PLC, 17 if talk.act.datagrams else 6, slow(whole, b""))
    talk.taken(len(talk.attack[0]))
    talk.answered()


def flooded(count: int) -> Callable[[Talk], None]:
    """First fragments of many datagrams between the two of the act."""

    def play(talk: Talk) -> None:
        number = 17 if talk.act.datagrams else 6
        first, last = slow(datagram(talk), b"")
        talk.capture.ident = 9
        talk.capture.pieces(GUEST, PLC, number, [first])
        for ident in range(1000, 1000 + count):
            talk.capture.ident = ident
            talk.capture.pieces(GUEST, PLC, number, [(0, bytes(16), False)])
        talk.capture.ident = 9
        talk.capture.pieces(GUEST, PLC, number, [last])
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return play


def headed(options: bytes) -> Callable[[Talk], None]:
    """IPv4 options."""

    def play(talk: Talk) -> None:
        number = 17 if talk.act.datagrams else 6
        talk.capture.frame(ethernet(GUEST, PLC, ipv4(GUEST, PLC, number, datagram(talk), options=options)))
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return play


def extended(headers: list[tuple[int, bytes]]) -> Callable[[Talk], None]:
    """IPv6 extension headers: (number, content without the next-header octet)."""

    def play(talk: Talk) -> None:
        number = 17 if talk.act.datagrams else 6
        whole = datagram(talk)
        for kind, body in reversed(headers):
            whole = bytes((number,)) + body + whole
            number = kind
        talk.capture.frame(ethernet(GUEST, PLC, ipv6(GUEST, PLC, number, whole), 0x86DD))
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return play


def sent(change: Callable[[bytes], bytes]) -> Callable[[Talk], None]:
    """The frame of the act, changed."""

    def play(talk: Talk) -> None:
        number = 17 if talk.act.datagrams else 6
        talk.capture.frame(change(ethernet(GUEST, PLC, ipv4(GUEST, PLC, number, datagram(talk)))))
        talk.taken(len(talk.attack[0]))
        talk.answered()

    return play


def _snap(frame: bytes) -> bytes:
    """IP in 802.3 with LLC and SNAP."""
    body = b"\xaa\xaa\x03\0\0\0" + frame[12:]
    return frame[:12] + struct.pack(">H", len(body)) + body


def _no_total(frame: bytes) -> bytes:
    """A total length of 0, as segmentation offload leaves it."""
    head = frame[14:16] + b"\0\0" + frame[18:24] + b"\0\0" + frame[26:34]
    return frame[:14] + head[:10] + struct.pack(">H", checksum(head)) + head[12:] + frame[34:]


def _authenticated(frame: bytes) -> bytes:
    """The IP payload behind an authentication header (RFC 4302)."""
    inner = struct.pack(">BBHII", frame[23], 4, 0, 77, 1) + bytes(12) + frame[34:]
    return frame[:14] + ipv4(GUEST, PLC, 51, inner) if frame[26:30] == bytes((192, 168, 10, 77)) else frame


def _outer(protocol: int, payload: bytes) -> bytes:
    return ethernet(HMI, PLC, ipv4(_OUTSIDE, _INSIDE, protocol, payload))


def _over_udp(port: int, head: bytes, *, ip: bool = False) -> Callable[[bytes], bytes]:
    return lambda frame: _outer(17, udp(_OUTSIDE, _INSIDE, (55_555, port), head + frame[14 * ip:]))


def _gtp(port: int) -> Callable[[bytes], bytes]:
    return lambda frame: _outer(17, udp(_OUTSIDE, _INSIDE, (55_555, port), struct.pack(">BBHI", 0x30, 255, len(frame) - 14, 9) + frame[14:]))


def _mac_in_mac(frame: bytes) -> bytes:
    return frame[:12] + bytes.fromhex("88e7" "00000042") + frame


_WRAPS: dict[str, Callable[[bytes], bytes]] = {
    **{f"tunnel-{name}": wrap for name, wrap in TUNNELS.items()},
    "tag": tagged((0x8100, 30)), "tag-priority": tagged((0x8100, 0xE000)), "tags-3": tagged((0x88A8, 1), (0x8100, 2), (0x8100, 3)),
    "tags-9": tagged(*((0x8100, number) for number in range(1, 10))), "tag-9300": tagged((0x9300, 30)),
    "hsr": lambda frame: frame[:12] + bytes.fromhex("892f" "0034" "0001") + frame[12:],
    "prp": lambda frame: frame + struct.pack(">HHH", 7, 0xA000 | len(frame) - 14 + 6, 0x88FB),
    "vntag": lambda frame: frame[:12] + bytes.fromhex("8926" "00010002") + frame[12:],
    "etag": lambda frame: frame[:12] + bytes.fromhex("893f" "000100020000") + frame[12:],
    "cmd": lambda frame: frame[:12] + bytes.fromhex("8909" "010100010007") + frame[12:],
    "rtag": lambda frame: frame[:12] + bytes.fromhex("f1c1" "00000007") + frame[12:],
    "pbb": _mac_in_mac, "snap": _snap, "trailer": lambda frame: frame + b"\xee" * 11,
    "padded": lambda frame: frame.ljust(60, b"\0"), "no-total-length": _no_total, "authenticated": _authenticated,
    "gtp": _gtp(2152), "gtp-elsewhere": _gtp(7777), "tzsp": _over_udp(37008, b"\1\0\0\1\1"), "tzsp-elsewhere": _over_udp(9999, b"\1\0\0\1\1"),
    "vxlan-elsewhere": _over_udp(7777, bytes.fromhex("0800000000002a00")),
    "l2tp": _over_udp(1701, bytes.fromhex("0002" "00010001" "ff030021"), ip=True),
    "etherip": lambda frame: _outer(97, b"\x30\0" + frame),
    "eoip": lambda frame: _outer(47, bytes.fromhex("20016400") + struct.pack(">H", len(frame)) + b"\7\0" + frame),
    "nsh": lambda frame: frame[:12] + bytes.fromhex("894f" "0fc60203" "00000100") + bytes(16) + frame,
    "mpls-3": lambda frame: frame[:12] + bytes.fromhex("8847" "0006403f" "0002a03f" "0002a13f") + frame[14:],
    "pseudowire": lambda frame: frame[:12] + bytes.fromhex("8847" "0006413f" "00000000") + frame,
    "gre-key": lambda frame: _outer(47, bytes.fromhex("30000800" "00000007" "00000001") + frame[14:]),
    "two-tunnels": lambda frame: TUNNELS["vxlan"](tagged((0x8100, 7))(TUNNELS["gre"](frame))),
}
_HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "esp": lambda frame: frame[:14] + ipv4(GUEST, PLC, 50, struct.pack(">II", 7, 1) + bytes(byte ^ 0x5A for byte in frame[34:])),
    "esp-in-udp": lambda frame: _outer(17, udp(_OUTSIDE, _INSIDE, (4500, 4500), b"\0\7\0\7\0\0" + frame[18:20] + bytes(
        byte ^ 0x5A for byte in frame.ljust(len(frame) + -len(frame) % 4, b"\1")))),
    "macsec": lambda frame: frame[:12] + bytes.fromhex("88e5" "2c00" "00000001") + bytes(8) + bytes(byte ^ 0x5A for byte in frame[12:]) + bytes(16),
    "unknown-ethertype": lambda frame: frame[:12] + b"\x12\x34" + bytes(6) + frame,
    "unknown-protocol": lambda frame: _outer(222, b"\7" * 5 + frame),
    "ipcomp": lambda frame: _outer(108, b"\4\0\0\2" + bytes(byte ^ 0x5A for byte in frame)),
    "loopback": lambda frame: frame[:12] + b"\x90\x00" + frame,
    "loop-detection": lambda frame: frame[:12] + b"\x88\x74" + bytes(4) + frame[12:],
    "spanning-tree": lambda frame: frame[:12] + struct.pack(">H", len(frame) + 3) + b"\x42\x42\x03" + frame,
    "mpls-channel": lambda frame: frame[:12] + bytes.fromhex("8847" "0000d13f" "10000021") + frame[14:],
    "gre-loopback": lambda frame: _outer(47, b"\0\0\x90\0" + frame),
    "routing": lambda frame: _outer(89, b"\2\1" + struct.pack(">H", len(frame) + 24) + bytes(20) + frame),
    "pim-register": lambda frame: _outer(103, b"\x21" + bytes(7) + frame[14:]),
    "nine-tunnels": lambda frame: _deep(frame, 9),
    "icmp-tunnel": lambda frame: _outer(1, b"\x08\0\0\0\0\7\0\1" + frame[14:]),
    "wireguard": lambda frame: _outer(17, udp(_OUTSIDE, _INSIDE, (51820, 51820), b"\4\0\0\0\0\0\0\1" + struct.pack("<Q", 1) + bytes(
        byte ^ 0x5A for byte in frame).ljust((len(frame) + 15) // 16 * 16 + 16, b"\x33"))),
}


def _deep(frame: bytes, times: int) -> bytes:
    for _ in range(times):
        frame = _outer(4, frame[14:])
    return frame


VARIANTS = (
    *(Variant(name=f"fragments-{size}{'-back' * back}", play=fragmented(sized(size, backwards=back)), fits=BOTH)
      for size in (8, 16, 24, 40) for back in (False, True)),
    *(Variant(name=f"fragments6-{size}", play=fragmented(sized(size), six=True), fits=BOTH, source="fd00::77") for size in (8, 24)),
    *(Variant(name=f"fragments-{order}", play=fragmented(conflicting(order)), fits=BOTH) for order in ("hda", "had", "dha", "adh", "dah", "ahd")),
    *(Variant(name=f"fragments6-{order}", play=fragmented(conflicting(order), six=True), fits=BOTH, source="fd00::77") for order in ("hda", "adh")),
    Variant(name="fragments-overlapping", play=fragmented(overlapping), fits=BOTH),
    Variant(name="fragments-false-end", play=fragmented(false_end), fits=BOTH, most=2),
    *(Variant(name=f"fragments-{seconds}-s", play=during(pausing(seconds)), fits=BOTH, shown=seconds < 120) for seconds in (5, 29, 59, 110, 400)),
    Variant(name="fragments6-50-s", play=during(pausing(50, six=True), six=True), fits=BOTH, source="fd00::77"),
    Variant(name="fragments-same-ident", play=during(same_ident), fits=BOTH, most=2),
    Variant(name="fragments-flood-300", play=during(flooded(300)), fits=BOTH),
    Variant(name="fragments-flood-5000", play=during(flooded(5000)), only=("modbus-write", "dnp3-datagram"), fits=BOTH, shown=False),
    *(Variant(name=f"ip-options-{name}", play=during(headed(options)), fits=BOTH)
      for name, options in {"nop": b"\1" * 4, "alert": b"\x94\4\0\0", "route": b"\x83\7\4" + bytes((192, 168, 10, 10)) + b"\0",
                            "full": b"\1" * 40}.items()),
    *(Variant(name=f"ip6-{name}", play=during(extended(headers), six=True), fits=BOTH, source="fd00::77")
      for name, headers in {
          "hop-by-hop": [(0, b"\0" + b"\1\4" + bytes(4))], "destination": [(60, b"\0" + b"\1\4" + bytes(4))],
          "three": [(0, b"\0\1\4\0\0\0\0"), (43, b"\0\0\0\0\0\0\0"), (60, b"\0\1\4\0\0\0\0")], "twelve": [(60, b"\0\1\4\0\0\0\0")] * 12,
          "atomic": [(44, b"\0\0\0\0\0\0\7")], "fragment-twice": [(44, b"\0\0\0\0\0\0\7"), (44, b"\0\0\0\0\0\0\x08")]}.items()),
    *(Variant(name=f"wrapped-{name}", play=during(plain), fits=BOTH, wrap=wrap) for name, wrap in _WRAPS.items()),
    *(Variant(name=f"hidden-{name}", play=during(plain), fits=BOTH, wrap=wrap, shown=False) for name, wrap in _HIDDEN.items()),
    Variant(name="trailer-of-the-act", play=during(sent(lambda frame: frame + b"\xee" * 40)), fits=BOTH),
    Variant(name="snap-length-60", play=during(plain), fits=BOTH, snap=60, shown=False),
)
