"""The generated mixes are what real hosts would send: checksums and sequence numbers are right, and a seed gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from make_mix import MIXES

HERE = Path(__file__).parent
PACKETS = 600


def made(folder: Path, mix: str, name: str = "x") -> Path:
    path = folder / f"{mix}-{name}.pcap"
    subprocess.run([sys.executable, str(HERE / "make_mix.py"), mix, "--packets", str(PACKETS), "--output", str(path)], check=True)
    return path


@pytest.mark.parametrize("mix", MIXES)
def test_a_seed_gives_the_same_bytes(mix: str, tmp_path: Path) -> None:
    assert made(tmp_path, mix).read_bytes() == made(tmp_path, mix, "y").read_bytes()


@pytest.mark.parametrize("mix", [mix for mix in MIXES if not mix.startswith("attack-")])
def test_every_packet_is_whole_and_in_its_place(mix: str, tmp_path: Path) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.utils import PcapReader

    expected: dict[tuple[str, int, str, int], int] = {}
    times = []
    with PcapReader(str(made(tmp_path, mix))) as packets:
        for packet in packets:
            times.append(packet.time)
            header = bytes(packet[IP])
            rebuilt = IP(header)
            del rebuilt.chksum
            if TCP in packet:
                del rebuilt[TCP].chksum
            assert bytes(rebuilt)[: packet[IP].len] == header[: packet[IP].len]
            if TCP not in packet:
                continue
            segment = packet[TCP]
            length = packet[IP].len - 40
            way = (packet[IP].src, segment.sport, packet[IP].dst, segment.dport)
            if way in expected and not segment.flags.S:
                assert segment.seq == expected[way]
            expected[way] = (segment.seq + length + (1 if segment.flags.S or segment.flags.F else 0)) & 0xFFFFFFFF
    assert len(times) == PACKETS
    assert times == sorted(times)
