"""PROFINET straight over Ethernet and over RPC: tags, tunnels, frame ids and groups that hide a Set, byte orders and ports that hide a connect."""

from __future__ import annotations

from tests.evasion.case import Case, background
from tests.evasion.wire import GUEST, HMI, PLC, Capture, Host, ethernet, udp
from tests.oracle import pn_dcp as dcp
from tests.oracle import pn_io as io

GROUP = Host("0.0.0.0", "010ecf000000", "::")
SRC = "00:e0:4c:0a:10:77"
NAMED = {"protocol": "pn_dcp", "function_name": "set_name_of_station", "action": "CONFIGURE"}
CONNECTED = {"protocol": "pn_io", "function_name": "connect", "action": "CONNECT"}
RULE = "profinet.name-or-address-set"
NAME = dcp.block(2, 2, b"\0\1pump-9")


def frame(octets: bytes, *, target: Host = PLC, tags: tuple[tuple[int, int], ...] = (), kind: int = 0x8892) -> bytes:
    """A frame of the unknown host."""
    return ethernet(GUEST, target, octets + bytes(max(0, 46 - len(octets))), kind, tags)


def played(octets: bytes) -> Capture:
    """That frame in the plant's traffic."""
    capture = background(Capture())
    capture.frame(octets)
    return capture


def set_of(blocks: bytes, *, frame_id: int | None = None) -> bytes:
    """A Set of these blocks."""
    return dcp.frame(dcp.SET, 0, 7, blocks, frame_id=frame_id)


def in_vxlan() -> Capture:
    """The frame in VXLAN between two other hosts."""
    capture = Capture()
    inner = frame(set_of(NAME))
    capture.datagram(HMI, PLC, 17, udp(HMI, PLC, (50_000, 4789), b"\x08\0\0\0\0\0\x2a\0" + inner))
    return capture


def connects(*, little: bool, port: int) -> Capture:
    """A connect in a byte order, to a port."""
    capture = background(Capture())
    capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (49_200, port), io.request(io.CONNECT, io.connect(), little=little)))
    capture.datagram(PLC, GUEST, 17, udp(PLC, GUEST, (port, 49_200), io.response(io.CONNECT, io.connected(), little=not little)))
    return capture


_TAGS = "Parsers look for the EtherType behind the addresses only."
CASES = (
    *(Case(name=f"dcp-{name}", blind=blind, make=lambda octets=octets: played(octets), seen=NAMED, src=SRC, rules=(RULE, *more),  # type: ignore[misc]
           odd=odd)
      for name, blind, octets, odd, more in (
          ("priority-tag", _TAGS, frame(set_of(NAME), tags=((0x8100, 0),)), (), ()),
          ("two-tags", _TAGS, frame(set_of(NAME), tags=((0x88A8, 5), (0x8100, 6))), (), ()),
          ("other-frame-id", "The frame id is taken for the service.", frame(set_of(NAME, frame_id=0xFEFE)), ("pn_dcp.frame-id",), ()),
          ("to-a-group", "A Set is looked for between two devices.", frame(set_of(NAME), target=GROUP), ("pn_dcp.set-to-group",), ()),
          ("behind-another-block", "Only the first block is read.", frame(set_of(dcp.block(5, 3, b"\0\0\1\0") + NAME)), (), ()),
          ("behind-an-odd-block", "Blocks are padded to an even length.", frame(set_of(dcp.block(2, 6, b"\0\1abc") + NAME)), (), ()),
          ("lying-length", "A length that lies ends the message.", frame(dcp.frame(dcp.SET, 0, 7, NAME, length=200)), ("pn_dcp.truncated",), ()),
      )),
    Case(name="dcp-in-vxlan", blind="Tunnels are not unwrapped, or only for IP.", make=in_vxlan, seen=NAMED, src=SRC, rules=(RULE,), tunnel="vxlan"),
    *(Case(name=f"pn-connect-{'little' if little else 'big'}-{port}", blind="One byte order, and one port.",  # type: ignore[misc]
           make=lambda little=little, port=port: connects(little=little, port=port), seen=CONNECTED, protocols={49_200: "pn_io"})
      for little in (True, False) for port in (34_964, 49_155)),
)
