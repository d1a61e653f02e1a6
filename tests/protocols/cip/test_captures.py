"""Whole captures: what the project's own hold, as the oracle reads it; the collection against tshark; attacks that their authors named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from otwatch.actions import Action
from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.names import NAMES, is_name
from otwatch.protocols import protocol_id, riders_of
from otwatch.protocols.enip.dissect import EnipDissector
from otwatch.tables import Pdus
from tests.oracle.cip import rows_of
from tests.protocols.cip.comparing import differences, operations

ROOT = Path(__file__).parents[3]
PLANT = sorted((ROOT / "pcaps" / "plant").glob("*.pcap"))
PLANT = [path for path in PLANT if path.stem.split("-")[0] in ("enip", "cip", "pccc") and path.stem != "enip-malformed"]
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
needs_captures = pytest.mark.skipif(not COLLECTION.is_dir(), reason="needs the capture collection")
# What differs, and why: the first passes bytes for a message that starts in the middle of a stream; ENIP_CIP-CM 5 is a Multiple_Service_Packet that
# the capture cut off, whose services tshark does not show; real-stacks: a port unreachable quotes a ListIdentity, which tshark shows once more
EXPLAINED = {("ControlLogix_Logix5000_download_upload_run.pcap", frame) for frame in (211, 212, 213, 215)} | {("ENIP_CIP-CM.pcap", 5)}


def collection() -> list[Path]:
    """The captures that hold EtherNet/IP."""
    lines = (COLLECTION / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    return [COLLECTION / line.split("\t")[0] for line in lines if line.split("\t")[1] == "enip-cip"]


def messages(path: Path) -> list[tuple[int, bytes]]:
    """Frame and bytes of each data message on the encapsulation protocol, whole."""
    pipeline = Pipeline(Limits())
    number = protocol_id("enip")
    found: list[tuple[int, bytes]] = []
    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            pipeline.feed(packets)
            pdus: Pdus = pipeline.streams.pdus[number]
            for row in range(pdus.rows):
                octets = pdus.octets.tobytes(pdus.start[row], pdus.end[row])
                if pdus.framing[row] == 0 and pdus.flags[row] == 0 and octets[0] in (0x6F, 0x70) and len(octets) > 32:
                    found.append((int(pdus.frame[row]), octets))
    return found


def agreed(path: Path) -> int:
    """How many rows are as the oracle reads them; all must be."""
    ours = operations(path)
    count = 0
    for frame, octets in messages(path):
        expected = rows_of(octets)
        rows = [row for row in ours[frame] if row["name"] == "cip" and row["function"] < 0x100]
        for row in expected:
            if row["function"] == 0x4B and (row.get("area") == 0x67 or row["role"] == 1):
                continue  # PCCC, perhaps
            fitting = [one for one in rows if all(_shown(one, name) == value for name, value in row.items() if name != "unit" or value)]
            assert fitting, (path.name, frame, row, rows[:4])
            rows.remove(fitting[0])
            count += 1
    return count


def _shown(row: dict[str, Any], name: str) -> Any:
    """A column, as the oracle writes it."""
    value = row[name]
    if name == "object" and is_name(value):
        return NAMES.text(value)
    if name == "unit":
        return NAMES.text(value) if is_name(value) else f"1,{value}"
    return value


@pytest.mark.parametrize("path", PLANT, ids=lambda path: path.stem)
def test_the_oracle_reads_the_projects_own_captures_the_same(path: Path) -> None:
    assert agreed(path) or "pccc" in path.stem or "io" in path.stem


@pytest.mark.captures
@needs_captures
@pytest.mark.parametrize("name", [
    "digitalbond-Quickdraw-Suricata/CL5000EIP-Remote_Mode_Change_Attempt.pcap", "liushiwen555-testing_tools/packet_sender/pcaps/ICS/enip/cip.pcap",
    "ntop-nDPI/tests/cfgs/default/pcap/ethernetIP.pcap", "real-stacks/enip.pcap"])
def test_the_oracle_reads_the_collection_the_same(name: str) -> None:
    assert agreed(COLLECTION / name) > 100


@pytest.mark.captures
@needs_captures
@pytest.mark.parametrize(("name", "frame", "action", "function"), [
    ("digitalbond-Quickdraw-Suricata/CL5000EIP-Remote_Mode_Change_Attempt.pcap", 417, Action.CONFIGURE, 0x4B),
    ("digitalbond-Quickdraw-Suricata/CL5000EIP-Remote_Mode_Change_Attempt.pcap", 421, Action.STOP, 7),
    ("digitalbond-Quickdraw-Suricata/CL5000EIP-Remote_Mode_Change_Attempt.pcap", 430, Action.CONFIGURE, 0x4C),
    ("ITI-ICS-Security-Tools/pcaps/openics/EIP-ChangeTimeAttempt.pcap", 386, Action.TIME_SET, 4),
    ("ITI-ICS-Security-Tools/pcaps/EthernetIP/cip_start_plc.pcap", 1, Action.START, 6),
    ("ITI-ICS-Security-Tools/pcaps/EthernetIP/cip_unlock_cpu.pcap", 1, Action.CONFIGURE, 0x4C),
    ("liushiwen555-testing_tools/packet_sender/pcaps/ICS/enip/cip_top.pcap", 1, Action.STOP, 7),
    ("real-stacks/enip.pcap", 113, Action.RESTART, 5), ("real-stacks/enip.pcap", 119, Action.STOP, 7)])
def test_attacks_are_what_their_authors_call_them(name: str, frame: int, action: Action, function: int) -> None:
    rows = operations(COLLECTION / name)[frame]
    assert (function, int(action)) in [(row["function"], row["action"]) for row in rows if row["name"] == "cip"]


@pytest.mark.tshark
@pytest.mark.captures
@needs_captures
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_the_collection_gives_what_tshark_gives() -> None:
    compared, differ = 0, []
    for path in collection():
        messages, found = differences(path)
        compared += messages
        differ += [(path.name, frame, what) for frame, what in found]
    print(f"\ncip against tshark: {compared} messages, {len(differ)} differ")
    assert compared > 100_000
    assert [one for one in differ if one[:2] not in EXPLAINED] == []


def test_riders_are_found() -> None:
    assert [spec.name for _, _, spec in riders_of("enip")] == ["cip"]
    assert EnipDissector(1, Limits(), riders_of("enip")).riders
