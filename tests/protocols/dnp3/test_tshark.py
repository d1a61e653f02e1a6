"""Every DNP3 capture of the collection, frame by frame, against tshark; and the sizes of objects, by frames made for it."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from otwatch.protocols.dnp3 import objects, spec
from otwatch.protocols.dnp3.coverage import COVERED, LEFT_OUT, place_of
from tests.oracle.dnp3 import segments, size_of
from tests.protocols.dnp3.comparing import COLLECTION, by_otwatch, by_tshark, compared, differences

pytestmark = [pytest.mark.tshark, pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark")]


def captures() -> list[Path]:
    with (COLLECTION / "MANIFEST.tsv").open(encoding="utf-8") as lines:
        return sorted({COLLECTION / row["path"] for row in csv.DictReader(lines, delimiter="\t") if row["primary"] == "dnp3"}
                      | {COLLECTION / "real-stacks" / "dnp3.pcap", COLLECTION / "zeek-zeek/testing/btest/Traces/dnp3/dnp3_read_p20001.pcap"})


@pytest.mark.captures
@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")
def test_frames_roles_functions_units_objects_and_ranges_are_those_of_tshark(capsys: pytest.CaptureFixture[str]) -> None:
    reasons: Counter[str] = Counter()
    total = 0
    unexplained = []
    for path in captures():
        ours, _ = by_otwatch(path)
        theirs = by_tshark(path)
        total += compared(ours, theirs)
        unexplained += [(path.name, *difference) for difference in differences(ours, theirs, reasons)]
    with capsys.disabled():
        print(f"\ndnp3 against tshark: {total} messages and link frames, {len(unexplained)} unexplained")
        for reason, count in reasons.most_common():
            print(f"  {count:5} {reason}")
    assert total > 12_000
    assert unexplained == []


def test_object_sizes_are_those_of_tshark(tmp_path: Path) -> None:
    """One object of each kind, then a header that tshark only finds where the object really ends."""
    layers = pytest.importorskip("scapy.all")
    checked = []
    packets = []
    for group, variation in objects.OBJECTS:
        size = size_of(group, variation)
        # not in tshark 4.0
        if isinstance(size, str) or group in (60, 81, 86, 100, 101, 102, 120, 121, 122) or (group, variation) in ((50, 4), (51, 2), (52, 1)):
            continue
        if (group == 31 and variation < 7) or (group == 33 and variation < 5):
            continue
        # it stops behind g4v3 and g50v2, and reads g43v1 and g43v3 otherwise than annex A and the stacks do
        if (group, variation) in ((4, 3), (50, 2), (43, 1), (43, 3)):
            continue
        qualifier = b"\x00\x05\x05" if isinstance(size, float) or group not in (12, 13, 41) else b"\x17\x01\x05"
        content = bytes(1 if isinstance(size, float) else size)
        fragment = b"\xc0\x81\x00\x00" + bytes((group, variation)) + qualifier + content + b"\x1e\x04\x00\x07\x07\x2a\x00"
        packets.append(layers.Ether() / layers.IP(src="10.0.0.2", dst="10.0.0.1") / layers.UDP(sport=20000, dport=20000)
                       / layers.Raw(segments(fragment, control=0x44, destination=1, source=10)[0]))
        checked.append(group << 8 | variation)
    path = tmp_path / "objects.pcap"
    layers.wrpcap(str(path), packets)
    shown = subprocess.run(["tshark", "-r", str(path), "-T", "fields", "-e", "dnp3.al.obj", "-e", "_ws.malformed"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    wrong = [(f"{area >> 8}v{area & 255}", line) for area, line in zip(checked, shown, strict=True) if line.strip() != f"0x{area:04x},0x1e04"]
    assert wrong == []
    assert len(checked) > 90


def test_every_code_that_tshark_names_is_named_here() -> None:
    """`tshark -G values` as a checklist: functions, objects, qualifiers, statuses, attributes' data types."""
    told: dict[str, set[int]] = {}
    for line in subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split("\t")
        if parts[0] == "V" and parts[1].startswith("dnp3."):
            told.setdefault(parts[1], set()).add(int(parts[2], 0))
    assert told["dnp3.al.func"] == set(spec.FUNCTIONS)
    assert {0x40 | code for code in told["dnp3.ctl.prifunc"]} | told["dnp3.ctl.secfunc"] == set(spec.LINK_FUNCTIONS)
    assert told["dnp3.al.ctrlstatus"] <= set(spec.CONTROL_STATUSES)
    assert told["dnp3.al.file.status"] == set(spec.FILE_STATUSES)
    assert told["dnp3.ctl.op"] == set(spec.CONTROL_OPERATIONS)
    for number in told["dnp3.al.obj"]:
        group, variation = number >> 8, number & 0xFF
        if group == 0:
            assert variation in objects.ATTRIBUTES, number
        elif group in objects.STRING_GROUPS or variation == 0:
            assert group in objects.GROUPS, number
        else:
            assert (group, variation) in objects.OBJECTS, (group, variation)


def test_every_field_of_tshark_is_covered_or_left_out_with_a_reason() -> None:
    lines = [line.split("\t") for line in subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout.splitlines()]
    fields = {parts[2] for parts in lines if parts[0] == "F" and parts[2].split(".")[0] in ("dnp3", "dnp")}
    assert len(fields) > 150
    assert sorted(field for field in fields if not place_of(field)) == []
    assert not set(COVERED) & set(LEFT_OUT)
