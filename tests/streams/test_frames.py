"""Frames of the link layer that a protocol takes: which are its, and the PDUs that become of them."""

from __future__ import annotations

import pytest

from otwatch.addresses import Addresses
from otwatch.decode.decoder import Decoder
from otwatch.limits import Limits
from otwatch.protocols.spec import Link, ProtocolSpec
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies
from otwatch.vocabulary import DirectionHow, PacketFlag, PduFlag, ProtocolHow, Tunnel
from tests.decode.craft import MAC_A, MAC_B, Raw, batches, ether, ip4, udp

GROUP = bytes.fromhex("010ecf000000")
CDP = bytes.fromhex("01000ccccccc")


def spec(name: str, *links: Link) -> ProtocolSpec:
    return ProtocolSpec(name=name, title=name, ports=(), framings=(), dissector=None, function_name=lambda function, subfunction: "", functions={},
                        links=links)


SPECS = (
    spec("calls", Link(ethertype=0x8892, first=((0xFEFC, 0xFEFF),), is_answer=lambda first: first[3:4] == b"\1")),
    spec("rest", Link(ethertype=0x8892)),
    spec("neighbours", Link(ethertype=0x88CC)),
    spec("cisco", Link(snap=0x00000C2000)),
    spec("bridges", Link(llc=0x4242)),
)


class Seen:
    """What became of some frames."""

    def __init__(self, frames: list[Raw], cuts: list[int] | None = None) -> None:
        self.addresses = Addresses()
        self.decoder, self.streams = Decoder(self.addresses, Limits(), SPECS), Streams(self.addresses, Limits(), SPECS)
        self.pdus: list[tuple[str, int, str, str, int, bytes, int]] = []
        self.packets: list[dict[str, int]] = []
        for packets in batches(frames, cuts):
            anomalies = Anomalies()
            self.decoder.feed(packets, anomalies)
            self.streams.feed(packets, anomalies, self.decoder.readings)
            self.packets += [packets.row(row) for row in range(packets.rows)]
            for protocol, pdus in enumerate(self.streams.pdus[1:], 1):
                for row in range(pdus.rows):
                    one = pdus.row(row)
                    text = self.addresses.text
                    self.pdus.append((SPECS[protocol - 1].name, one["frame"], text(one["source"]), text(one["destination"]), one["direction"],
                                      self.streams.octets.tobytes(one["start"], one["end"]), one["flags"]))


A, B = "00:1b:1b:00:00:01", "00:80:f4:00:00:02"


def test_a_frame_is_one_pdu_between_two_macs() -> None:
    seen = Seen([Raw(ether(b"\xfe\xfd\4\0whole frame", 0x8892))])
    assert seen.pdus == [("calls", 1, A, B, 0, b"\xfe\xfd\4\0whole frame", PduFlag.FRAME)]
    flow = seen.streams.flows.row(0)
    assert (flow["protocol"], flow["protocol_how"], flow["pdus"], flow["client"], flow["ip_protocol"]) == (1, ProtocolHow.CONTENT, 1, -1, -1)
    assert (flow["mac_client"], flow["mac_server"]) == (int.from_bytes(MAC_A), int.from_bytes(MAC_B))
    assert seen.decoder.counters["undecoded"] == 0
    assert seen.packets[0]["flags"] & PacketFlag.UNDECODED == 0


def test_protocols_of_one_ethertype_are_told_by_the_first_two_bytes_and_have_flows_of_their_own() -> None:
    seen = Seen([Raw(ether(first + b"\0\0rest", 0x8892)) for first in (b"\xfe\xfc", b"\x80\0", b"\xfe\xff", b"\xff\0")])
    assert [name for name, *_ in seen.pdus] == ["calls", "calls", "rest", "rest"]
    assert seen.streams.counters["flows_opened"] == 2


def test_a_frame_too_short_to_tell_is_nobodys() -> None:
    seen = Seen([Raw(ether(b"\xfe", 0x8892)), Raw(ether(b"", 0x88CC))])
    assert [name for name, *_ in seen.pdus] == ["neighbours"]
    assert seen.decoder.counters["undecoded.ethertype.0x8892"] == 1


def test_snap_and_llc_headers_name_protocols_too() -> None:
    cdp = b"\xaa\xaa\x03\x00\x00\x0c\x20\x00" + b"device"
    tree = b"\x42\x42\x03" + b"\0\0\0\0"
    other = b"\xaa\xaa\x03\x00\x00\x0c\x20\x04" + b"trunk"
    frames = [Raw(ether(payload + bytes(46 - len(payload)), len(payload), destination=CDP)) for payload in (cdp, tree, other)]
    seen = Seen(frames)
    assert [(name, data) for name, _, _, _, _, data, _ in seen.pdus] == [("cisco", b"device"), ("bridges", b"\0\0\0\0")]
    assert seen.pdus[0][3] == "01:00:0c:cc:cc:cc"
    assert seen.decoder.counters["undecoded"] == 1


def test_vlans_are_kept_and_tunnels_unwrapped() -> None:
    inner = ether(b"\xfe\xfe\5\0identify", 0x8892, 7, destination=GROUP)
    vxlan = ether(ip4(udp(b"\x08\0\0\0\0\0\x2a\0" + inner, destination=4789), 17), source=MAC_B, destination=MAC_A)
    seen = Seen([Raw(ether(b"\xfe\xfe\5\0identify", 0x8892, 100)), Raw(vxlan)])
    assert [one[:4] for one in seen.pdus] == [("calls", 1, A, B), ("calls", 2, A, "01:0e:cf:00:00:00")]
    assert [seen.packets[i]["vlan_outer"] for i in (0, 1)] == [100, 7]
    flow = seen.streams.flows.row(1)
    assert (flow["vlan_outer"], flow["tunnel"], flow["tunnel_id"]) == (7, Tunnel.VXLAN, 42)


def test_a_conversation_that_begins_with_an_answer_was_opened_by_the_other_side() -> None:
    ask = Raw(ether(b"\xfe\xfe\5\0who?", 0x8892, destination=GROUP))
    answer, back = ether(b"\xfe\xff\5\1me", 0x8892, source=MAC_B, destination=MAC_A), ether(b"\xfe\xfd\4\0be me", 0x8892)
    seen = Seen([ask, Raw(answer), Raw(back)])
    assert [(one[2], one[4]) for one in seen.pdus] == [(A, 0), (B, 1), (A, 0)]
    flow = seen.streams.flows.row(1)
    assert (flow["mac_client"], flow["direction_how"]) == (int.from_bytes(MAC_A), DirectionHow.CONTENT)
    assert [packet["direction"] for packet in seen.packets] == [0, 1, 0]


def test_what_the_capture_cut_is_marked() -> None:
    frame = ether(b"\xfe\xfd\4\0" + bytes(40), 0x8892)
    assert Seen([Raw(frame[:30], wire=len(frame))]).pdus[0][6] == PduFlag.FRAME | PduFlag.CUT


def test_a_frame_delivered_twice_is_one_pdu() -> None:
    frame = ether(b"\xfe\xfd\4\0once", 0x8892)
    seen = Seen([Raw(frame, time=1), Raw(frame, time=2)])
    assert len(seen.pdus) == 1
    assert seen.streams.flows.row(0)["duplicates"] == 1


@pytest.mark.parametrize("cut", range(1, 4))
def test_batches_change_nothing(cut: int) -> None:
    frames = [Raw(ether(b"\xfe\xfd\4\0" + bytes([i]), 0x8892)) for i in range(4)]
    assert Seen(frames, [cut]).pdus == Seen(frames).pdus


def test_an_ipv6_header_cannot_claim_a_mac() -> None:
    addresses = Addresses()
    mac = addresses.intern_mac(0x001B1B000001)
    assert addresses.text(mac) == A
    assert addresses.intern_text(A) == mac == addresses.find_mac(0x001B1B000001)
    assert addresses.find_mac(5) == -1
    assert str(addresses.ip(mac)) == "::"
    header = bytes.fromhex("6000000000003b40 0000000000000001 0000001b1b000001 20010db8000000000000000000000001")
    seen = Seen([Raw(ether(b"\xfe\xfd\4\0x", 0x8892)), Raw(ether(header, 0x86DD))])
    assert seen.addresses.text(seen.packets[1]["source"]) == "::"


def test_groups_and_none() -> None:
    addresses = Addresses()
    assert addresses.is_group(addresses.intern_mac(0x010ECF000000))
    assert not addresses.is_group(addresses.intern_mac(0x000ECF000000))
    assert addresses.intern_mac(-1) == -1
    assert addresses.mac(addresses.intern_text("10.0.0.1")) == -1
