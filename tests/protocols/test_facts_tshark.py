"""Messages of protocols that make facts only, against tshark: the frames whose messages are handed to a dissector are those in which tshark sees one.

The fields that they say are compared with the assets on which they stand by tests/inventory/identities.py.
`python -m tests.protocols.test_facts_tshark CAPTURE...` prints the table of docs/reference/tshark.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from otwatch.batch import Batch
from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Packets, Pdus
from otwatch.vocabulary import PacketFlag
from tests.engine.analysing import COLLECTION

# Protocol -> what tshark shows of it: not inside of ICMP errors, not off the ports that a datagram is read on, and whole
FILTERS: Final = {
    "lldp": "lldp", "cdp": "cdp", "dhcp": "dhcp", "dns": "dns && udp.port == 53", "mdns": "mdns && udp.port == 5353",
    "llmnr": "llmnr && udp.port == 5355",
    "nbns": "nbns && udp.port == 137", "snmp": "snmp && udp", "ntp": "ntp && udp.port == 123", "smb": "(smb || smb2) && tcp",
    "http": "(http.request || http.response) && tcp",
    "mqtt": "mqtt", "ssh": "ssh.protocol", "ftp": "ftp.request || ftp.response", "vnc": "vnc.server_proto_ver || vnc.client_proto_ver",
    "tls_handshake": "tls.handshake.type in {1, 2} && tcp",
}
_HEADS: Final = ("-o", "http.desegment_body:FALSE")  # a head is shown in its own frame, not in that in which the body ends
CAPTURES: Final = (
    "seladb-PcapPlusPlus/Tests/Pcap++Test/PcapExamples/VlanPackets.pcap", "ntop-nDPI/tests/cfgs/default/pcap/iphone.pcap",
    "digitalbond-Quickdraw-Suricata/CL5000EIP-Remote_Mode_Change_Attempt.pcap", "zeek-zeek/testing/btest/Traces/mqtt.pcap",
)


class _Listening(Pipeline):
    """Notes the frames of the messages that each dissector is given."""

    def __init__(self) -> None:
        super().__init__(Limits())
        self.frames: dict[str, set[int]] = {}
        self.copies: set[int] = set()  # frames that the tap delivered twice

    def feed(self, packets: Packets, *, file: str = "", capture_anomalies: Anomalies | None = None) -> Batch:
        batch = super().feed(packets, file=file, capture_anomalies=capture_anomalies)
        self.copies.update(int(frame) for frame in packets.array("frame")[(packets.array("flags") & PacketFlag.DUPLICATE) != 0])
        return batch

    def _dissect(self, index: int, pdus: Pdus, facts: list[Fact]) -> int:
        self.frames.setdefault(self.protocols[index - 1].name, set()).update(int(frame) for frame in pdus.array("frame"))
        return super()._dissect(index, pdus, facts)


def handed(capture: Path) -> _Listening:
    """What was handed over of a capture."""
    pipeline = _Listening()
    with open_capture(str(capture), Limits()) as reader:
        for packets in reader:
            pipeline.feed(packets)
    pipeline.finish()
    return pipeline


def shown(capture: Path, name: str) -> set[int]:
    """Frames of tshark."""
    chosen = f"({FILTERS[name]}) && !icmp && !icmpv6 && !_ws.malformed"
    command = ["tshark", *_HEADS, "-r", str(capture), "-Y", chosen, "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(map(int, done.stdout.split()))


@pytest.mark.captures
@pytest.mark.extended
@pytest.mark.skipif(not COLLECTION.is_dir(), reason="needs the collection of captures")
@pytest.mark.parametrize("capture", CAPTURES)
def test_what_tshark_sees_is_handed_over(capture: str) -> None:
    heard = handed(COLLECTION / capture)
    compared = {name: shown(COLLECTION / capture, name) - heard.copies for name in FILTERS}
    assert any(compared.values())
    missing = {name: found - heard.frames.get(name, set()) for name, found in compared.items()}
    assert {name: frames for name, frames in missing.items() if frames} == {}


def main(captures: list[str]) -> None:
    """Prints the table; what is missing on standard error."""
    total, equal = Counter[str](), Counter[str]()
    for capture in map(Path, captures):
        heard = handed(capture)
        for name in FILTERS:
            found = shown(capture, name) - heard.copies
            missing = found - heard.frames.get(name, set())
            total[name] += len(found)
            equal[name] += len(found) - len(missing)
            if missing:
                print(capture, name, len(found), sorted(missing)[:12], file=sys.stderr)
    print("| protocol | messages in frames of tshark | handed over |\n|---|---:|---:|")
    for name in FILTERS:
        print(f"| {name} | {total[name]} | {equal[name]} |")


if __name__ == "__main__":
    main(sys.argv[1:])
