"""Packets that the sensor keeps: the ring, what is set aside for an incident, and what happens when the disk is full or too slow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from otwatch.capture.cutting import AROUND_NS
from otwatch.capture.files import open_capture
from otwatch.capture.pcapng_blocks import interface_block, packet_blocks, section_header
from otwatch.limits import Limits
from otwatch.sensor import packets as ring
from otwatch.sensor.packets import PacketRing
from otwatch.tables import Packets
from tests.cli.calling import ROOT

PLANT = ROOT / "pcaps" / "plant" / "plant-attack.pcap"
LIMITS = Limits()


def frames_of(path: Path) -> list[tuple[int, bytes]]:
    with open_capture(str(path), LIMITS) as reader:
        return [
            (int(packets.timestamp_ns[row]), bytes(packets.data[packets.at[row] : packets.at[row] + packets.captured_length[row]]))
            for packets in reader
            for row in range(packets.rows)
        ]


def fed(kept: PacketRing, path: Path = PLANT) -> None:
    with open_capture(str(path), LIMITS) as reader:
        for packets in reader:
            kept.take("eth1", packets)


def incident(name: str, first_ns: int, *addresses: str) -> Any:
    parties = tuple(SimpleNamespace(address=address) for address in addresses)
    return SimpleNamespace(id=name, first_ns=first_ns, path=parties[:1], targets=parties[1:], sources=())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[PacketRing]:
    made = PacketRing(tmp_path / "packets", 200_000_000, LIMITS)
    made.start()
    yield made
    made.close()


def test_what_was_taken_is_on_disk_byte_for_byte(kept: PacketRing) -> None:
    fed(kept)
    kept.close()
    files = sorted(kept.folder.glob("*.pcapng"))
    assert [frame for path in files for frame in frames_of(path)] == frames_of(PLANT)
    assert (kept.kept, kept.dropped, kept.error) == (len(frames_of(PLANT)), 0, "")
    assert files[0].name.startswith("2026-11-22T05")
    assert kept.folder.stat().st_mode & 0o777 == 0o700


def test_an_incident_keeps_its_hosts_and_knows_its_frames(kept: PacketRing) -> None:
    fed(kept)
    first = frames_of(PLANT)[347][0]
    kept.set_aside(incident("00000001", first, "192.168.10.30", "192.168.10.10"), iter([("eth1", 348), ("eth2", 348), ("eth1", 10**9)]))
    kept.close()
    found = frames_of(kept.incidents / "INC-00000001.pcapng")
    hosts = [bytes([192, 168, 10, 30]), bytes([192, 168, 10, 10])]
    around = [(time, octets) for time, octets in frames_of(PLANT) if time >= first - AROUND_NS]
    assert found == [(time, octets) for time, octets in around if any(host in octets[:192] for host in hosts)]
    manifest = json.loads((kept.incidents / "INC-00000001.json").read_text())
    (named,) = manifest["frames"]
    assert (named["interface"], named["sensor_frame"]) == ("eth1", 348)
    assert found[named["frame"] - 1] == frames_of(PLANT)[347]
    assert manifest["packets"] == len(found)


def test_the_ring_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = PacketRing(tmp_path, 400_000, LIMITS)
    kept.start()
    for _ in range(12):
        fed(kept)
    kept.close()
    sizes = [path.stat().st_size for path in tmp_path.glob("*.pcapng")]
    assert sum(sizes) <= 400_000
    assert kept.kept == 12 * len(frames_of(PLANT))


def test_what_the_disk_refuses_is_counted_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = PacketRing(tmp_path, 10**9, LIMITS)
    monkeypatch.setattr(ring, "section_header", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    kept.start()
    fed(kept)
    kept.close()
    assert kept.dropped == len(frames_of(PLANT))
    assert kept.error == "No space left on device"


def test_a_queue_that_is_full_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "_QUEUE_BYTES", -1)
    kept = PacketRing(tmp_path, 10**9, LIMITS)
    fed(kept)
    assert (kept.kept, kept.dropped) == (0, len(frames_of(PLANT)))


def test_many_hosts_keep_everything_of_the_time(kept: PacketRing) -> None:
    fed(kept)
    first = frames_of(PLANT)[0][0]
    kept.set_aside(incident("00000002", first, *(f"10.0.0.{number}" for number in range(40))), iter(()))
    kept.close()
    assert len(frames_of(kept.incidents / "INC-00000002.pcapng")) == len(frames_of(PLANT))


def test_a_stripped_vlan_tag_is_put_back(tmp_path: Path) -> None:
    table = Packets(1)
    row = table.new_row()
    table.data = memoryview(bytes(range(64)))
    table.timestamp_ns[row], table.frame[row], table.at[row] = 1_700_000_000_123_456_789, 7, 0
    table.captured_length[row], table.wire_length[row], table.link_type[row], table.vlan_stripped[row] = 60, 60, 1, 0x6123
    path = tmp_path / "x.pcapng"
    path.write_bytes(section_header() + interface_block("wire0", 1) + packet_blocks(table, np.array([0]), np.array([0], dtype=np.int32)))
    assert frames_of(path) == [(1_700_000_000_123_456_789, bytes(range(12)) + b"\x81\x00\x61\x23" + bytes(range(12, 60)))]
