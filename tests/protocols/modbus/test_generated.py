"""Modbus traffic made here, in all its fields by otwatch and by tshark: what no capture of the collection holds.

OTWATCH_GENERATED=N makes N rounds, of another seed each, instead of one.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.protocols.modbus.crafting import OTHER_PORT, PORT, RTU_PORT, Traffic
from tests.protocols.modbus.fields import Fields, of_otwatch, of_tshark
from tests.protocols.modbus.pipeline import operations

pytestmark = [pytest.mark.tshark, pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")]
ROUNDS = int(os.environ.get("OTWATCH_GENERATED", "1"))
PORTS = ("-o", f"mbtcp.tcp.port:{PORT},{OTHER_PORT}", "-o", f"mbrtu.tcp.port:{RTU_PORT}", "--disable-protocol", "opensafety")
_VALUES = ("data", "bitnum", "bitval", "regnum16", "regval_uint16")
_LENGTHS = {"truncated", "trailing-bytes", "deviating-response", "device-quirk", "byte-count"}


def reason(name: str, mine: Fields, other: Fields) -> str:
    """Why a field differs, where it is tshark's doing: proved from the fields of that frame, with the clause that decides; else empty."""
    functions = set(mine.get("func_code", ()))
    here, there = mine.get(name) or [], other.get(name) or []
    if name == "data" and len(here) == len(there) and all(
            theirs == ours or (functions & {20, 21} and theirs.startswith(ours)) or (17 in functions and theirs == f"{len(ours) // 2:02x}{ours}")
            for ours, theirs in zip(here, there, strict=True)):
        return "records, server id: tshark's data go on behind the record, or begin with the byte count (APP 6.13 to 6.15)"
    if name == "data" and 24 in functions and 0 in mine["word_cnt"] and [text for text in there if text != "<MISSING>"] == here:
        return "empty FIFO: tshark shows data where there are none (APP 6.18)"
    if name == "exception_code" and [code for code in here if code] == there:
        return "exception code 0: tshark does not show it (APP 7)"
    if name == "regnum16" and "function-mismatch" in mine["odd"] and mine["regval_uint16"] == other["regval_uint16"] and all(
            ours == theirs or theirs == 0 or theirs == there[at - 1] + 1 for at, (ours, theirs) in enumerate(zip(here, there, strict=True))):
        return "another function answers: tshark counts from 0, otwatch from where was asked, with an anomaly (TCP 4.4.2.3)"
    if name in ("bitnum", "bitval") and _padded(mine.get("bitnum", []), mine.get("bitval", [])) == list(
            zip(other.get("bitnum", []), other.get("bitval", []), strict=True)):
        return "last bits: tshark shows the padding behind the last address, 65535, as addresses 0 and up (APP 6.1)"
    if not other and "trans_id" not in mine and mine["role"] == [0] and functions <= {7, 11, 12, 17}:
        return "short RTU frame: tshark takes four bytes for none (SERIAL 2.5.1)"
    if name in _VALUES and _LENGTHS & set(mine.get("odd", ())) and all(octets[4:20] in _octets(other) for octets in mine["octets"]):
        return "lengths that contradict each other: tshark shows octets as they come, otwatch the values that fit (APP 4.1)"
    return ""


def _padded(numbers: list[int], bits: list[int]) -> list[tuple[int, int]]:
    """Address and value of bits as tshark shows them: the rest of the byte behind address 65535 follows as addresses 0 and up, all 0."""
    shown: list[tuple[int, int]] = []
    run = 0
    for at, number in enumerate(numbers):
        run = run + 1 if at and number == numbers[at - 1] + 1 else 1
        shown.append((number, bits[at]))
        if number == 0xFFFF:
            shown += [(extra, 0) for extra in range(-run % 8)]
    return shown


def _octets(fields: Fields) -> str:
    """The values that tshark shows, as the octets of the wire."""
    bits = "".join(str(bit) for bit in fields.get("bitval", ()))
    packed = "".join(f"{int(bits[at:at + 8][::-1], 2):02x}" for at in range(0, len(bits), 8))
    words = [*fields.get("regval_uint16", ()), *fields.get("or_mask", ())]
    return "".join(fields.get("data", ())) + packed + "".join(f"{word:04x}" for word in words)


def test_every_field_is_that_of_tshark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "generated.pcap"
    compared, excused, wrong = 0, Counter[str](), []
    for number in range(ROUNDS):
        traffic = Traffic(20_261_122 + number, 1)
        traffic.capture.write(path)
        rows, _ = operations(path)
        ours, theirs = of_otwatch(rows), of_tshark(path, *PORTS)
        for frame in sorted(ours.keys() - theirs.keys()):
            if frame + 1 in theirs and frame + 1 not in ours:
                theirs[frame] = {**theirs.pop(frame + 1), "data": ours[frame].get("data")}
                excused["an echo with one octet too many that ends with its segment: tshark waits for the octet in the next one"] += 1
        for frame in sorted(ours | theirs):
            mine, other = ours.get(frame, {}), theirs.get(frame, {})
            for name in sorted((mine | other).keys() - {"remarks", "octets", "odd"}):
                compared += 1
                if mine.get(name) != other.get(name):
                    why = reason(name, mine, other)
                    if why:
                        excused[why] += 1
                    else:
                        wrong.append((number, frame, name, mine.get(name), other.get(name), other.get("remarks")))
        assert sum(len(fields["func_code"]) for fields in ours.values()) == traffic.messages
    with capsys.disabled():
        print(f"\nmodbus made here against tshark: {compared} fields, {len(wrong)} unexplained")
        for why, count in excused.most_common():
            print(f"  {count:5} {why}")
    assert not wrong, wrong[:20]
