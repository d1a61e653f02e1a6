"""A protocol of another package: installed beside otwatch, found by its entry point, decoded, named, and no longer a blind spot."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.evasion.wire import GUEST, PLC, Capture, Tcp

TOY = '''
from otwatch.actions import Action, Role
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.spec import Framing, Port, ProtocolSpec, Verdict


def probe(first, direction):
    return Verdict.YES if first[:2] == b"TY" else Verdict.NO


class Toy:
    def __init__(self, protocol):
        self.protocol = protocol

    def feed(self, pdus, operations, anomalies, facts):
        for pdu in range(pdus.rows):
            at = pdus.start[pdu]
            function = pdus.octets.data[at + 4]
            role = Role.RESPONSE if function & 0x80 else Role.REQUEST
            row = operations.add(pdus, pdu, role, self.protocol, function & 0x7F, Action.STOP if function & 0x7F == 2 else Action.READ)
            operations.unit[row] = pdus.octets.data[at + 5]

    def forget(self, flow):
        return 0


PROTOCOL = ProtocolSpec(
    name="fox", title="A toy", ports=(Port(transport=6, number=1911),),
    framings=(Framing(name="toy", header_bytes=6, magic=((0, 255, 0x54), (1, 255, 0x59)), length_at=2, length_add=4, min_bytes=6, probe=probe),),
    dissector=lambda protocol, limits: Toy(protocol), function_name=lambda function, subfunction: {1: "look", 2: "halt"}.get(function, "other"),
    functions={1: "look", 2: "halt"}, serves_as="outstation", unit_name=lambda unit: f"toy {unit}", object_name=lambda row: "")
'''


def toy(function: int) -> bytes:
    return b"TY" + struct.pack(">HBB", 2, function, 9)


def analysed(tmp_path: Path, *, installed: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(operations, records of the analysis) of a conversation in the toy's protocol."""
    capture = Capture()
    talk = Tcp(capture, GUEST, PLC, 1911)
    for function in (1, 1, 2):
        talk.say(toy(function))
        talk.answer(toy(function | 0x80))
    path = tmp_path / "toy.pcap"
    capture.write(path)
    site = tmp_path / "site"
    about = site / "toy_protocol-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (site / "toy_protocol.py").write_text(TOY, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-protocol\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[otwatch.protocols]\ntoy = toy_protocol:PROTOCOL\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*([str(site)] if installed else []), str(Path(__file__).parents[2])])}

    def run(*words: str) -> list[dict[str, Any]]:
        done = subprocess.run([sys.executable, "-m", "otwatch", *words], env=environment, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run("export", "operations", str(path), "--output", "-"), run("analyze", str(path), "--format", "jsonl")


def test_it_is_decoded_where_it_is_installed(tmp_path: Path) -> None:
    operations, records = analysed(tmp_path, installed=True)
    assert [(row["protocol"], row["role"], row["function_name"], row["action"]) for row in operations] == [
        ("fox", "request", "look", "READ"), ("fox", "response", "look", "READ"), ("fox", "request", "look", "READ"),
        ("fox", "response", "look", "READ"), ("fox", "request", "halt", "STOP"), ("fox", "response", "halt", "STOP")]
    assert "ot.controller-stop" in {record["rule"] for record in records if record["type"] == "alert"}
    assert any("outstation" in record["roles"] for record in records if record["type"] == "asset")
    assert [record["undecoded"]["packets"] for record in records if record["type"] == "summary"] == [0]


def test_it_is_a_blind_spot_where_it_is_not(tmp_path: Path) -> None:
    operations, records = analysed(tmp_path, installed=False)
    assert operations == []
    assert any("Niagara Fox" in json.dumps(record) for record in records if record["type"] == "summary")
