"""Packets that are shown to others hold no address, no name and no payload but numbers, and their checksums are right."""

from __future__ import annotations

import ipaddress
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.capture.pcapng_blocks import interface_block, section_header
from otwatch.errors import CaptureError
from otwatch.outputs.pseudonyms import Pseudonyms
from otwatch.outputs.shared_packets import Ends, readable, share_packets
from tests.cli.calling import ATTACK, SITE, otwatch

KEY = bytes(range(32))
A, B = "10.20.0.5", "10.20.0.9"
MACS = bytes.fromhex("001b1b0a1010001b1b0a1011")


def checksum(octets: bytes) -> int:
    """RFC 1071, from scratch."""
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(kind: int, body: bytes, src: str = A, dst: str = B, options: bytes = b"") -> bytes:
    """A packet whose sums are right; TCP and UDP bodies come with zeros for theirs."""
    ends = ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    place = {6: 16, 17: 6}.get(kind)
    if place is not None:
        total = checksum(ends + struct.pack(">BBH", 0, kind, len(body)) + body)
        body = body[:place] + total.to_bytes(2, "big") + body[place + 2 :]
    header = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 7, 0, 64, kind, 0) + ends + options
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + body


def tcp(payload: bytes, source: int = 40000, target: int = 502) -> bytes:
    return struct.pack(">HHIIBBHHH", source, target, 1, 2, 0x50, 0x18, 8192, 0, 0) + payload


def ethernet(packet: bytes, kind: int = 0x0800, tags: bytes = b"") -> bytes:
    return MACS + tags + kind.to_bytes(2, "big") + packet


def shared(path: Path, frames: list[bytes], names: Pseudonyms, shown: set[Ends], link: int = 1) -> list[bytes]:
    """What becomes of frames."""
    blocks = section_header() + interface_block("plc-line-2", link)
    for frame in frames:
        size = 32 + (len(frame) + 3) // 4 * 4
        blocks += struct.pack("<7I", 6, size, 0, 1, 2, len(frame), len(frame)) + frame + bytes(-len(frame) % 4) + struct.pack("<I", size)
    source, target = path / "source.pcapng", path / "target.pcapng"
    source.write_bytes(blocks)
    share_packets(source, target, names, shown)
    assert b"plc-line-2" not in target.read_bytes()
    return list(packets(target))


def packets(path: Path) -> Iterator[bytes]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            captured, = struct.unpack_from("<I", data, at + 20)
            yield data[at + 28 : at + 28 + captured]
        at += length


SHOWN: set[Ends] = {frozenset({(A, 40000), (B, 502)})}


@settings(deadline=None, max_examples=60)
@given(
    payload=st.binary(max_size=40), src=st.ip_addresses(v=4), dst=st.ip_addresses(v=4), udp=st.booleans(),
    tags=st.sampled_from([b"", b"\x81\0\0\x05"]), options=st.sampled_from([b"", b"\x07\x07\x04\x0a\x14\x00\x01\x00"]),
)
def test_sums_are_right_whatever_the_addresses(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, src: ipaddress.IPv4Address, dst: ipaddress.IPv4Address, udp: bool, tags: bytes,
    options: bytes,
) -> None:
    names = Pseudonyms(KEY)
    body = struct.pack(">HHHH", 40000, 502, 8 + len(payload), 0) + payload if udp else tcp(payload)
    frame = ethernet(ipv4(17 if udp else 6, body, str(src), str(dst), options), tags=tags)
    shown: set[Ends] = {frozenset({(str(src), 40000), (str(dst), 502)})}
    [made] = shared(tmp_path_factory.mktemp("x"), [frame], names, shown)
    at = 14 + len(tags)
    header = 20 + len(options)
    assert checksum(made[at : at + header]) == 0
    assert [str(ipaddress.ip_address(made[at + 12 : at + 16])), str(ipaddress.ip_address(made[at + 16 : at + 20]))] == [
        names.text(str(src)), names.text(str(dst))
    ]
    if len(made) == len(frame):  # its payload holds no address by chance
        body = made[at + header :]
        assert checksum(made[at + 12 : at + 20] + struct.pack(">BBH", 0, 17 if udp else 6, len(body)) + body) == 0
    assert b"\x0a\x14\x00\x01" not in made[at + 20 : at + header]  # record route


def test_only_numbers_are_shown(tmp_path: Path) -> None:
    names = Pseudonyms(KEY)
    names._name("boiler-hall", "name")
    names.learn_paths([])
    names.text("10.20.0.77")
    modbus = b"\0\1\0\0\0\6\1\3\0\x64\0\2"
    frames = [
        ethernet(ipv4(6, tcp(modbus)) + b"leftover of the card"),
        ethernet(ipv4(6, tcp(modbus + b"boiler-hall"))),
        ethernet(ipv4(6, tcp(modbus + "boiler-hall".encode("utf-16-le")))),
        ethernet(ipv4(6, tcp(modbus + ipaddress.ip_address("10.20.0.77").packed))),
        ethernet(ipv4(6, tcp(modbus + b"http://10.20.0.3/"))),
        ethernet(ipv4(6, tcp(b"USER kim\r\n", target=21))),
        ethernet(ipv4(1, b"\x05\0\0\0" + ipaddress.ip_address(A).packed + ipv4(6, tcp(b"quoted")))),
        ethernet(b"\xfe\xfd name of station", 0x8892),
    ]
    made = shared(tmp_path, frames, names, SHOWN)
    assert [len(one) for one in made] == [54 + len(modbus), 54, 54, 54, 54, 54, 38, 14]
    assert made[0].endswith(modbus)
    assert not any(MACS[:6] in one or ipaddress.ip_address(A).packed in one for one in made)


def test_arp_and_ipv6_are_replaced(tmp_path: Path) -> None:
    names = Pseudonyms(KEY)
    arp = b"\0\1\x08\0\6\4\0\1" + MACS[6:] + ipaddress.ip_address(A).packed + bytes(6) + ipaddress.ip_address(B).packed + bytes(18)
    ends = ipaddress.ip_address("fd00::5").packed + ipaddress.ip_address("fd00::9").packed
    body = tcp(b"x", target=22)
    body = body[:16] + checksum(ends + struct.pack(">IHBB", len(body), 0, 0, 6) + body).to_bytes(2, "big") + body[18:]
    first, second = shared(
        tmp_path, [ethernet(arp, 0x0806), ethernet(struct.pack(">IHBB", 6 << 28, len(body), 6, 64) + ends + body, 0x86DD)], names,
        {frozenset({("fd00::5", 40000), ("fd00::9", 22)})},
    )
    assert len(first) == 42
    assert [str(ipaddress.ip_address(first[at : at + 4])) for at in (28, 38)] == [names.text(A), names.text(B)]
    assert first[22:28] == second[6:12]
    assert str(ipaddress.ip_address(second[22:38])) == names.text("fd00::5")
    assert checksum(second[22:54] + struct.pack(">IHBB", len(second) - 54, 0, 0, 6) + second[54:]) == 0


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(ATTACK.read_bytes())
    with pytest.raises(CaptureError, match="cannot be shared"):
        share_packets(tmp_path / "x", tmp_path / "y", Pseudonyms(KEY), set())


def test_connections_with_logins_and_programs_are_not_shown() -> None:
    def row(**fields: Any) -> dict[str, Any]:
        return {"src": A, "src_port": 1, "dst": B, "dst_port": 502, "protocol": "modbus", "action": "READ", "function_name": "", **fields}

    assert len(readable([row(), row(src=B, src_port=502, dst=A, dst_port=1)])) == 1
    assert readable([row(), row(action="AUTHENTICATE")]) == set()
    assert readable([row(protocol="opcua")]) == set()


def test_the_shared_slice_raises_the_alerts_and_names_nobody(tmp_path: Path) -> None:
    key, folder = tmp_path / "plant.key", tmp_path / "all"
    told = otwatch("analyze", ATTACK, "--site", SITE, "--share", key, "--evidence", folder, "--output", tmp_path / "text")
    assert told.returncode == 0, told.stderr
    [one] = folder.iterdir()
    manifest = json.loads((one / "manifest.json").read_text())
    stands_for = json.loads(key.read_text())["stands_for"]
    assert stands_for[manifest["id"]].startswith("9542e071")
    assert one.name == f"INC-{manifest['id'][:8]}"
    assert manifest["alerts"] == 17
    assert [row["rule"] for row in manifest["not_raised_by_the_slice"]] == ["lateral.pivot-command"]  # the program that was loaded is cut off
    assert manifest["payloads_cut"] > 100
    whole = b"".join(path.read_bytes() for path in one.iterdir())
    for address in ("192.168.10.10", "192.168.10.30", "172.16.5.66"):
        assert address in stands_for.values()
        assert ipaddress.ip_address(address).packed not in (one / "packets.pcapng").read_bytes()
        assert f'"{address}"'.encode() not in whole
    assert [name for name in (b"plant-attack", b"plc-s7", b"itpc", b"site.yaml", str(tmp_path).encode()) if name in whole] == []
    again = otwatch("slice", ATTACK, "--incident", "9542e071", "--site", SITE, "--share", key, "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "packets.pcapng").read_bytes() == (one / "packets.pcapng").read_bytes()


def test_a_slice_of_a_store_without_packets_is_one_line(tmp_path: Path) -> None:
    store = tmp_path / "found.sqlite"
    otwatch("analyze", ATTACK, "--site", SITE, "--db", store, "--output", tmp_path / "text")
    told = otwatch("slice", store, "--incident", "9542e071", "--share", tmp_path / "key", "--output", tmp_path / "x")
    assert "outputs.keep_packets" in told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.sqlite", "text"]
