"""Rows of a capture by otwatch and by tshark, in a form in which they can be compared: per frame its messages, its points, its link frames."""

from __future__ import annotations

import os
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id, protocol_of
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER

COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", Path(__file__).parents[4] / "shared" / "captures"))
FIELDS = ("frame.number", "dnp3.src", "dnp3.dst", "dnp3.ctl", "dnp3.al.func", "dnp3.al.seq", "dnp3.al.iin", "dnp3.al.obj", "dnp3.al.objq.prefix",
          "dnp3.al.objq.range", "dnp3.al.range.start", "dnp3.al.range.stop", "dnp3.al.range.quantity", "dnp3.al.range.abs", "dnp3.al.index",
          "dnp3.tr.ctl", "_ws.malformed", "tcp.analysis.retransmission", "dnp3.al.fragment", "dnp3.al.datatype",
          "dnp.data_chunk.CRC.status", "dnp.hdr.CRC.status", "tcp.port",
          "udp.port", "tcp.stream", "tcp.seq_raw", "tcp.payload")
# Functions whose objects tshark 4.0 does not show: freezes with time, applications, authentication, classes, some of files.
OBJECTS_UNSHOWN = frozenset({0, 11, 12, 16, 17, 18, 19, 22, 26, 28, 29, 30, 31, 32, 33, 131})
BROKEN = frozenset({"range-inverted", "unknown-qualifier", "unknown-object", "object-truncated", "header-truncated"})
# Objects behind which tshark 4.0 is lost: those that it does not know (annex A; g100 to g102 of older editions), those whose end it takes to
# be elsewhere than annex A and the stacks (g4v3, g43v1, g43v3, g50v2), strings of virtual terminals.
UNKNOWN = frozenset({*((31, variation) for variation in range(1, 7)), *((33, variation) for variation in range(1, 5)), (50, 4), (51, 2), (52, 1),
                     (81, 1), (86, 2), (100, 1), (100, 2), (101, 1), (101, 2), (101, 3), (102, 1), (112, 0), (113, 0), (121, 1), (122, 1), (122, 2),
                     *((120, variation) for variation in range(1, 16))})
MISREAD = frozenset({(4, 3), (43, 1), (43, 3), (50, 2)})
MANY = 512  # points of one header are compared one by one up to here


@dataclass
class Frame:
    """What one frame holds. A point is (function, group, variation, index); index -1 without one, and -count for many."""

    messages: Counter[tuple[int, int, int]] = field(default_factory=Counter)  # role, function, transaction
    units: set[int] = field(default_factory=set)
    points: Counter[tuple[int, int, int]] = field(default_factory=Counter)  # group, variation, index
    link: Counter[int] = field(default_factory=Counter)
    functions: set[int] = field(default_factory=set)
    objects: list[tuple[int, int]] = field(default_factory=list)  # group and variation of the headers in order, repetitions once
    remarks: str = ""  # why tshark may see less, or more
    pieces: set[int] = field(default_factory=set)  # frames that tshark put the fragment together from


def by_otwatch(path: Path) -> tuple[dict[int, Frame], list[dict[str, Any]]]:
    """By frame number, and the rows."""
    limits = Limits()
    pipeline = Pipeline(limits)
    own = protocol_id("dnp3")
    spec = protocol_of(own)
    assert spec is not None
    frames: dict[int, Frame] = defaultdict(Frame)
    rows: list[dict[str, Any]] = []

    def take(batch: Any) -> None:
        operations = batch.operations
        for index in range(batch.anomalies.rows):
            anomaly = batch.anomalies.row(index)
            if anomaly["layer"] == FIRST_PROTOCOL_LAYER + own:
                frames[anomaly["frame"]].remarks += " " + spec.anomalies[anomaly["kind"] - 1].name
        for index in range(operations.rows):
            if operations.protocol[index] != own:
                continue
            row = operations.row(index)
            octets = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            rows.append({**row, "shown": spec.value(row["value_kind"], octets, row), "from": pipeline.addresses.text(row["source"])})

    with open_capture(str(path), limits) as reader:
        for packets in reader:
            take(pipeline.feed(packets, file=str(path)))
    take(pipeline.finish(file=str(path)))
    for row in rows:
        frame = frames[row["frame"]]
        if row["function"] < 0:
            frame.link[row["subfunction"]] += 1
            continue
        frame.units.add(row["unit"])
        frame.functions.add(row["function"])
        if row["item"] == 0:
            frame.messages[row["role"], row["function"], row["transaction"]] += 1
        if row["area"] < 0 or (row["item"] == 0 and row["value_kind"] in (0, 2) and row["role"] == 1):
            continue  # no object of its own: indications, or the object of the request
        header(frame, row["area"], row["object"])
        points(frame, row["area"], row["object"], row["start"], row["count"])
    return frames, rows


def header(frame: Frame, group: int, variation: int) -> None:
    """Notes an object header."""
    kind = (group, 0 if 110 <= group <= 113 else variation)  # tshark masks it: there it is the length
    if frame.objects[-1:] != [kind]:
        frame.objects.append(kind)


def points(frame: Frame, group: int, variation: int, start: int, count: int) -> None:
    """Notes the points of one header or row."""
    if 110 <= group <= 113:
        variation = 0  # tshark masks it: there it is the length
    if start < 0:
        frame.points[group, variation, -1] += max(1, count)
    else:
        for index in range(start, start + min(max(count, 1), MANY)):
            frame.points[group, variation, index] += 1


def by_tshark(path: Path) -> dict[int, Frame]:
    """By frame number; `remarks` says what tshark itself found odd."""
    command = ["tshark", "-r", str(path), "-Y", "dnp3 || tcp.len > 0", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, check=False, text=True, errors="replace")
    frames: dict[int, Frame] = {}
    segments: set[tuple[str, str, str]] = set()
    for line in done.stdout.splitlines():
        cells = dict(zip(FIELDS, line.split("|"), strict=True))
        frame = frames[int(cells["frame.number"])] = _tshark_frame({name: cell.split(",") if cell else [] for name, cell in cells.items()})
        segment = cells["tcp.stream"], cells["tcp.seq_raw"], cells["tcp.payload"]
        if segment not in segments:
            frame.remarks += " fresh"
            segments.add(segment)
    return frames


def _tshark_frame(cells: dict[str, list[str]]) -> Frame:
    frame = Frame()
    sources, destinations, controls = ([int(cell, 0) for cell in cells[name]] for name in ("dnp3.src", "dnp3.dst", "dnp3.ctl"))
    for control in controls:
        if control & 0x4F not in (0x43, 0x44):
            frame.link[control & 0x4F] += 1
    functions = [int(cell, 0) for cell in cells["dnp3.al.func"]]
    for function, sequence in zip(functions, cells["dnp3.al.seq"], strict=False):
        frame.messages[2 if function == 130 else int(function >= 128), function, int(sequence, 0)] += 1
    answers = {function >= 128 for function in functions}
    if True in answers:
        frame.units |= set(sources)
    if False in answers:
        frame.units |= set(destinations)
    starts, stops, quantities, indexes = ([int(cell, 0) for cell in cells[name]] for name in (
        "dnp3.al.range.start", "dnp3.al.range.stop", "dnp3.al.range.quantity", "dnp3.al.index"))
    for code, prefix, area in zip(cells["dnp3.al.objq.range"], cells["dnp3.al.objq.prefix"], cells["dnp3.al.obj"], strict=False):
        group, variation = int(area, 0) >> 8, int(area, 0) & 0xFF
        header(frame, group, variation)
        if int(code) <= 2 and starts and stops:
            start, stop = starts.pop(0), stops.pop(0)
            points(frame, group, variation, start, stop - start + 1)
        elif int(code) in (7, 8, 9, 11) and quantities:
            quantity = quantities.pop(0)
            if 1 <= int(prefix) <= 3 and len(indexes) >= quantity:
                for _ in range(quantity):
                    points(frame, group, variation, indexes.pop(0), 1)
            else:
                points(frame, group, variation, -1, quantity)
        else:
            points(frame, group, variation, -1, -1)
    frame.pieces = {int(cell) for cell in cells["dnp3.al.fragment"]}
    if any(int(cell, 0) > 4 for cell in cells["dnp3.al.datatype"]):
        frame.remarks += " attribute"
    if cells["_ws.malformed"]:
        frame.remarks += " malformed"
    if cells["tcp.analysis.retransmission"]:
        frame.remarks += " retransmission"
    if "0" in cells["dnp.data_chunk.CRC.status"] + cells["dnp.hdr.CRC.status"]:
        frame.remarks += " crc"
    if "20000" not in cells["tcp.port"] + cells["udp.port"]:
        frame.remarks += " port"
    if any(int(cell, 0) & 0x7F == 0 for cell in cells["dnp3.tr.ctl"]):
        frame.remarks += " wrap"  # a segment of sequence 0 that is not the first: 63 came before
    return frame


@dataclass
class Context:
    """What a reason may rest on beside the frame itself: all frames of otwatch, and those before in which tshark lost a fragment."""

    ours: dict[int, Frame]
    wrapped: set[int] = field(default_factory=set)


def explained(name: str, number: int, mine: Frame, other: Frame, context: Context) -> str:
    """Why a difference is tshark's, proved from what both say of this frame; empty when it is not."""
    agreed = 0  # object headers on which both agree
    while agreed < min(len(mine.objects), len(other.objects)) and mine.objects[agreed] == other.objects[agreed]:
        agreed += 1
    last = mine.objects[agreed - 1] if agreed else None
    if "retransmission" in other.remarks and not getattr(mine, name) and any(
            getattr(frame, name) == getattr(other, name) for before, frame in context.ours.items() if before < number):
        return "repeated: tshark shows the bytes of a retransmission again; a receiver gets each byte once"
    if {"retransmission", "fresh"} <= set(other.remarks.split()) and not getattr(other, name):
        return "skipped: tshark takes the segment for a retransmission; no segment before it held these octets in that place"
    if "wrap" in other.remarks and not getattr(other, name):
        return "wrap: tshark 4.0 loses the fragment when the transport sequence goes from 63 to 0"
    if mine.messages != other.messages and other.pieces & context.wrapped:
        return "leftover: tshark 4.0 mixes octets of a fragment lost to the wrap into a later one"
    if "port" in other.remarks and not other.messages and not other.link:
        return "port: tshark looks for DNP3 on port 20000 only"
    if name != "points":
        return ""
    if set(mine.remarks.split()) & BROKEN and agreed >= len(mine.objects) - 1:
        return "broken: the fragment breaks the standard at this header or behind it; otwatch stops there, tshark guesses on"
    if not other.objects and mine.functions <= OBJECTS_UNSHOWN:
        return "unshown: tshark does not show the objects of this function"
    if last and last[0] == 0 and "attribute" in other.remarks:
        return "unknown type: tshark stops behind the data type of an attribute that is an octet or bit string or a time (A.1)"
    if last in UNKNOWN and (agreed == len(other.objects) or agreed == len(mine.objects)):
        return "unknown: tshark does not know this object, and stops behind its header"
    if last in MISREAD and agreed <= len(mine.objects):
        return "misread: tshark takes the object to end elsewhere than annex A and the stacks do"
    return ""


def differences(ours: dict[int, Frame], theirs: dict[int, Frame], reasons: Counter[str] | None = None) -> list[tuple[int, str]]:
    """Frame and what differs in it without an explanation; `reasons` counts the explained ones."""
    found = []
    context = Context(ours)
    for number in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(number, Frame()), theirs.get(number, Frame())
        for name in ("messages", "points", "link"):
            if getattr(mine, name) != getattr(other, name):
                reason = explained(name, number, mine, other, context)
                if reason:
                    if reasons is not None:
                        reasons[reason] += 1
                    continue
                extra = list((getattr(mine, name) - getattr(other, name)).items())
                missing = list((getattr(other, name) - getattr(mine, name)).items())
                found.append((number, f"{name}: only otwatch {extra[:6]}, only tshark {missing[:6]} {other.remarks} {mine.objects} {other.objects}"))
        if "wrap" in other.remarks:
            context.wrapped.add(number)
        if mine.messages == other.messages and not mine.units <= other.units:
            found.append((number, f"units: otwatch {mine.units}, tshark {other.units}"))
    return found


def compared(ours: dict[int, Frame], theirs: dict[int, Frame]) -> int:
    """Messages and link frames that either side sees."""
    return sum(max(sum(a.messages.values()) + sum(a.link.values()), sum(b.messages.values()) + sum(b.link.values()))
               for a, b in ((ours.get(number, Frame()), theirs.get(number, Frame())) for number in set(ours) | set(theirs)))
