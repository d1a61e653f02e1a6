"""DNP3 traffic made here, by otwatch and by tshark: every function, object, qualifier, form of range; and every value that both show.

OTWATCH_GENERATED=N makes N captures, of another seed each, instead of one.
"""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from otwatch.protocols.dnp3 import objects
from tests.protocols.dnp3.comparing import MISREAD, UNKNOWN, Frame, by_otwatch, by_tshark, differences
from tests.protocols.dnp3.crafting import Traffic
from tests.protocols.dnp3.fields import FLOATS, QUALITIES, Fields, of_otwatch, of_tshark

pytestmark = [pytest.mark.tshark, pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")]
ROUNDS = int(os.environ.get("OTWATCH_GENERATED", "1"))


def same(name: str, mine: Fields, other: Fields) -> bool:
    """Whether a field holds the same; floats as far as tshark writes them."""
    here, there = mine.get(name, []), other.get(name, [])
    if name in FLOATS:
        return len(here) == len(there) and all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(here, there, strict=True))
    return bool(here == there)


def reason(name: str, mine: Fields, other: Fields, frame: Frame) -> str:
    """Why a field differs, where it is tshark's doing: proved from the fields of that frame, with the clause that decides; else empty."""
    here, there = mine.get(name, []), other.get(name, [])
    kinds = set(frame.objects)
    groups = {group for group, _ in kinds}
    if name in QUALITIES.values() and len(here) == len(there) and all(
            a in {b & _defined(group) for group in groups if QUALITIES.get(group) == name} for a, b in zip(here, there, strict=True)):
        return "reserved bits of a quality: otwatch does not show them (annex A, flags of each group)"
    span = 1 << 16 if (34, 1) in kinds else 1 << 32
    if name == "ana.int" and groups == {34} and [number % span for number in there] == here:
        return "deadband: tshark shows it signed; it is not (A.15)"
    if name == "bit" and kinds == {(80, 1)} and there == [here[at // 8 * 8] for at in range(len(here))]:
        return "indications: tshark shows the first bit of an octet for all of its bits (A.37)"
    if name in ("file.size", "timestamp") and kinds == {(70, 3)} and not there and mine["file.mode"] != [2]:
        return "file command: tshark shows size and time of a file to be written only (A.27.3)"
    if kinds & MISREAD:
        return "misread: tshark takes the object to end elsewhere than annex A and the stacks do"
    if not there and kinds & (UNKNOWN | MISREAD):
        return "unknown: tshark does not show the values of this object"
    return ""


def _defined(group: int) -> int:
    """The bits that mean something in the quality of a group."""
    state = 0xC0 if group in objects.STATE_BITS else 0x80 if group in objects.STATE_BIT else 0
    return state | sum(1 << bit for bit, name in enumerate(objects.FLAGS[group]) if name)


def test_headers_ranges_and_values_are_those_of_tshark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "generated.pcap"
    excused, wrong, compared, fragments = Counter[str](), [], 0, 0
    for number in range(ROUNDS):
        traffic = Traffic(20_261_122 + number)
        traffic.capture.write(path)
        ours, rows = by_otwatch(path)
        theirs = by_tshark(path)
        assert sum(sum(frame.messages.values()) for frame in ours.values()) == traffic.fragments
        fragments += traffic.fragments
        wrong += [(number, *difference) for difference in differences(ours, theirs, excused)]
        values, others = of_otwatch(rows), of_tshark(path)
        for frame in sorted(values.keys() & theirs.keys()):
            if ours[frame].points != theirs[frame].points:
                continue  # told above
            mine, other = values[frame], others.get(frame, {})
            for name in sorted(mine.keys() | (other.keys() - {"iin"})):
                compared += 1
                if not same(name, mine, other):
                    why = reason(name, mine, other, ours[frame])
                    if why:
                        excused[why] += 1
                    else:
                        wrong.append((number, frame, f"{name}: otwatch {mine.get(name)}, tshark {other.get(name)} {ours[frame].objects}"))
    with capsys.disabled():
        print(f"\ndnp3 made here against tshark: {fragments} fragments, {compared} fields with values, {len(wrong)} unexplained")
        for why, count in excused.most_common():
            print(f"  {count:5} {why}")
    assert compared > 3_000
    assert not wrong, "\n".join(map(str, wrong[:20]))
