"""Against tshark on every S7 capture of the collection: role, function and subfunction of each PDU, reference, address of each item."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.protocols.s7comm.pipeline import COLLECTION, tell, tshark

_MANIFEST = COLLECTION / "MANIFEST.tsv"


def _captures() -> list[Path]:
    if not _MANIFEST.is_file():
        return []
    lines = [line.split("\t") for line in _MANIFEST.read_text(encoding="utf-8", errors="replace").splitlines()[1:]]
    return [COLLECTION / line[0] for line in lines if "s7comm" in line[2].split(",") or "s7comm" in line[1].split(",")]


# Captures whose disagreements are counted apart, each with the reason and who is right.
EXPLAINED: dict[str, str] = {}
# Frames where the two differ, and who is right.
FRAMES: dict[tuple[str, int], str] = {}


def told_by_rows(rows: list[dict[str, Any]]) -> dict[int, list[tuple[int, int, int, int]]]:
    """frame -> (role, function, subfunction, reference) of each S7 PDU that ended in it."""
    frames: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    before: Any = None
    for row in rows:
        if row["proto"] != "s7comm" or row["function"] == -1:
            continue
        subfunction = -1 if row["function"] == 0x28 else row["subfunction"]
        key = (row["frame"], row["flow"], row["role"], row["function"], subfunction, row["transaction"])
        if row["item"] == 0 or key != before:
            frames[row["frame"]].append((row["role"], row["function"], subfunction, row["transaction"]))
        before = key
    return frames


def told_by_tshark(numbers: dict[str, list[int]]) -> list[tuple[int, int, int, int]]:
    """The same of a frame as tshark tells it; a field that it does not show is None, later taken as agreeing."""
    told = []
    functions, kinds = iter(numbers["param.func"]), iter(numbers["param.userdata.type"])
    groups = iter(numbers["param.userdata.funcgroup"])
    subfunctions = iter([*numbers["param.userdata.subfunc"], *numbers["param.modetrans.subfunc"]])
    for index, (kind, reference) in enumerate(zip(numbers["header.rosctr"], numbers["header.pduref"], strict=True)):
        if kind == 7:
            role = {0: 2, 1: 0, 2: 1}[next(kinds) >> 2]
            told.append((role, next(groups), next(subfunctions), reference))
        elif kind in (1, 2, 3) and numbers["header.parlg"][index]:
            told.append((0 if kind == 1 else 1, next(functions), -1, reference))
        else:
            told.append((1, -99, -1, reference))
    return told


def agree(ours: list[tuple[int, int, int, int]], theirs: list[tuple[int, int, int, int]]) -> int:
    """How many PDUs of a frame are the same; a function that tshark does not show is not compared."""
    if len(ours) != len(theirs):
        return 0
    same = 0
    for mine, other in zip(ours, theirs, strict=True):
        function = mine[1] & 0x0F if mine[1] == 0x3F else mine[1]  # NC programming: six bits of group, of which 4.0 shows four
        same += (mine[0], function, mine[2], mine[3]) == other or (other[1] == -99 and mine[3] == other[3])
    return same


def items(rows: list[dict[str, Any]]) -> dict[int, list[tuple[int, int, int, int]]]:
    """frame -> (area, DB, address, count) of the items that requests ask for."""
    frames: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    for row in rows:
        if row["proto"] == "s7comm" and row["role"] == 0 and row["function"] in (2, 4, 5) and 0 <= row["area"] < 0x100:
            if row["function"] == 2 and row["subfunction"] == 8:
                continue
            if row["subfunction"] == -1 or row["function"] == 2:
                frames[row["frame"]].append((row["area"], row["object"], row["start"], row["count"]))
    return frames


@pytest.mark.captures
@pytest.mark.tshark
@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(not _captures(), reason="no capture collection: set OTWATCH_CAPTURES")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_operations_equal_tsharks(capsys: pytest.CaptureFixture[str]) -> None:
    pdus = same = addresses = same_addresses = 0
    report = []
    for path in _captures():
        rows, _facts = tell(path)
        ours, asked = told_by_rows(rows), items(rows)
        seen = set()
        for frame, numbers in tshark(path):
            name = f"{path.parent.name}/{path.name}"
            seen.add(frame)
            if (path.name, frame) in FRAMES or path.name in EXPLAINED:
                continue
            theirs = told_by_tshark(numbers)
            agreed = agree(ours.get(frame, []), theirs)
            pdus += len(theirs)
            same += agreed
            if agreed != len(theirs):
                report.append(f"{name} frame {frame}: ours {ours.get(frame)} tshark {theirs}")
            wanted = list(zip(numbers["param.item.area"], numbers["param.item.db"], numbers["param.item.address"], numbers["param.item.length"],
                              strict=False))
            if len(wanted) == len(numbers["param.item.area"]) and not numbers["param.item.dbread.db"]:
                addresses += len(wanted)
                hit = sum(one == other for one, other in zip(wanted, asked.get(frame, []), strict=False))
                same_addresses += hit
                if hit != len(wanted):
                    report.append(f"{name} frame {frame}: items ours {asked.get(frame)} tshark {wanted}")
        extra = [frame for frame in ours if frame not in seen and (path.name, frame) not in FRAMES]
        if extra and path.name not in EXPLAINED:
            report.append(f"{path.name}: frames only we see as S7comm: {extra[:20]} ({len(extra)})")
    with capsys.disabled():
        print(f"\ns7comm against tshark: {same} of {pdus} PDUs of {len(_captures())} captures equal, {same_addresses} of {addresses} items")
        print("\n".join(f"  {line}" for line in report[:200]))
    assert pdus > 20_000
    assert same >= 0.999 * pdus, "\n".join(report[:40])
    assert same_addresses >= 0.999 * addresses, "\n".join(report[:40])
