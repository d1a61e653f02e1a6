"""Our rows of a capture beside tshark's, frame by frame and column by column."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otwatch.protocols.s7comm.services import SERVICES
from otwatch.protocols.s7comm.spec import BLOCK_TYPES
from otwatch.protocols.s7comm.szl import LAYOUTS
from tests.protocols.s7comm import pdml
from tests.protocols.s7comm.pdml_userdata import userdata
from tests.protocols.s7comm.pipeline import tell

Row = dict[str, Any]
_TYPES = {name: code for code, name in BLOCK_TYPES.items()}


def theirs(path: Path) -> dict[int, list[list[Row]]]:
    """frame -> PDUs -> the rows that tshark's fields make."""
    frames: dict[int, list[list[Row]]] = defaultdict(list)
    for frame, proto in pdml.dissected(path):
        if proto.get("name") == "cotp":
            rows = pdml.connect(proto)
        else:
            pdu = pdml.Pdu(proto)
            rows = userdata(pdu) if pdu.one("header.rosctr") == 7 else pdml.job(pdu)
        if rows:
            frames[frame].append(rows)
    return frames


def ours(path: Path) -> dict[int, list[list[Row]]]:
    """frame -> PDUs -> our rows."""
    frames: dict[int, list[list[Row]]] = defaultdict(list)
    before: tuple[Any, ...] = ()
    for row in tell(path)[0]:
        if row["proto"] != "s7comm":
            continue
        key = (row["frame"], row["flow"], row["role"], row["function"], row["transaction"])
        if key != before:
            frames[row["frame"]].append([])
        before = key
        frames[row["frame"]][-1].append(row)
    return frames


def told(row: Row, name: str) -> Any:
    """What our row says of a column of tshark's."""
    value = row["value"]
    known = value if isinstance(value, dict) else {}
    if name == "group":  # tshark 4.0 shows four of the six bits
        return row["function"] & 15
    if name == "service":
        return SERVICES[row["subfunction"]].wire if row["function"] == 0x28 else value
    if name == "arguments":
        return [known[label] for label in SERVICES[row["subfunction"]].arguments if label in known]
    if name == "blocks":
        return {_TYPES.get(kind): count for kind, count in known.items()}
    if name == "numbers":
        return value
    if name == "time":
        return known.get("time", value)
    if name == "ob":
        return known.get("ob")
    return row[name]


def record_places(row: Row) -> list[set[tuple[int, int]]]:
    """(offset, bytes) of the fields that our layout reads in each record of a status list."""
    number, records = row["object"] & 0xFF, row["bytes"][8:]
    length = int.from_bytes(row["bytes"][4:6], "big")
    places = []
    for start in range(0, length * row["count"], length or 1):
        index = int.from_bytes(records[start:start + 2], "big")
        at, found = 0, set()
        for _name, kind in LAYOUTS.get((number, index)) or LAYOUTS.get((number, -1), ()):
            width = {"u1": 1, "u2": 2, "u4": 4, "clock": 8, "ip": 4, "mac": 6}.get(kind) or int(kind[1:])
            if not kind.startswith("x"):
                found.add((at, width))
            at += width
        places.append({place for place in found if sum(place) <= length})
    return places


@dataclass(frozen=True, slots=True)
class Difference:
    """One column that tshark tells otherwise; `PDUs` and `rows` are their numbers in a frame and in a PDU."""

    frame: int
    name: str
    role: int
    column: str
    ours: Any
    theirs: Any


def differences(mine: list[Row], other: list[Row]) -> list[tuple[str, Any, Any]]:
    """(column, ours, theirs) of one PDU."""
    if len(other) == 1 and "item" not in other[0]:
        mine = mine[:1] if "bytes" in other[0] else mine
        other = other * len(mine)
    elif "item" not in other[0] and len(mine) > len(other):  # addresses of one item share its data
        mine = [row for index, row in enumerate(mine) if not index or row["item"] != mine[index - 1]["item"]]
    if len(mine) != len(other):
        return [("rows", len(mine), len(other))]
    found = []
    for row, expected in zip(mine, other, strict=True):
        for name, value in expected.items():
            if name == "info":
                known = row["value"] if isinstance(row["value"], dict) else {}
                found += [(f"info.{key}", known.get(key), one) for key, one in value.items() if known.get(key) != one]
            elif name == "places":
                found += [("places", place, shown) for place, shown in zip(record_places(row), value, strict=False) if shown and not place <= shown]
            elif told(row, name) != value:
                found.append((name, told(row, name), value))
    return found


def compare(path: Path, other_path: Path | None = None) -> tuple[Counter[str], list[Difference]]:
    """How many PDUs, and columns of rows, were compared, and what differs; `other_path` is what tshark reads, if not the same."""
    count: Counter[str] = Counter()
    found = []
    mine, other = ours(path), theirs(other_path or path)
    for frame in sorted({*mine, *other}):
        if len(mine[frame]) != len(other[frame]):
            found.append(Difference(frame, "", 0, "PDUs", len(mine[frame]), len(other[frame])))
            continue
        for rows, expected in zip(mine[frame], other[frame], strict=True):
            count["pdus"] += 1
            count["columns"] += sum(len(row) for row in expected)
            found += [Difference(frame, rows[0]["name"], rows[0]["role"], *one) for one in differences(rows, expected)]
    return count, found
