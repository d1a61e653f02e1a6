"""Values of a capture by otwatch and by tshark, in the fields of tshark: per frame, field -> what stands there, in order."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otwatch.protocols.dnp3 import objects, spec

Fields = dict[str, list[Any]]
QUALITIES = {**dict.fromkeys((1, 2, 3, 4), "biq"), **dict.fromkeys((10, 11), "boq"),
             **dict.fromkeys(range(20, 24), "ctrq"), **dict.fromkeys(range(30, 34), "aiq"),
             40: "aoq", 42: "aoq"}
NUMBERS = ("bit", "2bit", "cnt", "ana.int", "anaout.int", "ctrlstatus", "count", "on_time", "off_time", "file.auth", "file.size", "file.maxblock",
           "file.reqID", "file.status", "file.handle", "file.blocknum", "file.lastblock", "file.mode", "time_delay")
FLOATS = ("ana.float", "ana.double", "anaout.float", "anaout.double")
COMMANDS = ("ctl.op", "ctl.clr", "ctl.trip")
_CODES = {name: code for code, name in spec.CONTROL_STATUSES.items()}
_FILE_CODES = {name: code for code, name in spec.FILE_STATUSES.items()}
_OPERATIONS = {name: code for code, name in spec.CONTROL_OPERATIONS.items()}
_TRIPS = {name: code for code, name in spec.TRIP_CLOSE.items()}
_MODES = {"null": 0, "read": 1, "write": 2, "append": 3}


def of_tshark(path: Path) -> dict[int, Fields]:
    """By frame."""
    qualities = [f"{name}.b{bit}" for name in sorted(set(QUALITIES.values())) for bit in range(8)]
    names = (*(f"dnp3.al.{name}" for name in (*NUMBERS, *FLOATS, *qualities, "timestamp", "iin", "octet_string", "file_name")),
             *(f"dnp3.{name}" for name in COMMANDS))
    command = ["tshark", "-r", str(path), "-Y", "dnp3.al.func", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|", "-e", "frame.number"]
    for name in names:
        command += ["-e", name]
    found = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        number, *cells = line.split("\t")
        fields: Fields = {}
        for name, cell in zip(names, cells, strict=True):
            if cell:
                fields[name.removeprefix("dnp3.").removeprefix("al.")] = cell.split("|")
        found[int(number)] = _numbers(fields)
    return found


def _numbers(fields: Fields) -> Fields:
    """Texts as numbers; the bits of a quality as its octet."""
    for name in (*NUMBERS, *COMMANDS, "iin"):
        if name in fields:
            fields[name] = [int(text, 0) for text in fields[name]]
    for name in FLOATS:
        if name in fields:
            fields[name] = [float(text) for text in fields[name]]
    if "timestamp" in fields:
        fields["timestamp"] = [_milliseconds(text) for text in fields["timestamp"]]
    for name in set(QUALITIES.values()):
        bits = [fields.pop(f"{name}.b{bit}", []) for bit in range(8)]
        if any(bits):
            fields[name] = [sum(int(values[at]) << bit for bit, values in enumerate(bits) if at < len(values)) for at in range(max(map(len, bits)))]
    return fields


def _milliseconds(text: str) -> int:
    """Of tshark's `Mar 27, 1976 03:17:13.460000000 UTC`; -1 of a year that has five digits: it is of other octets."""
    whole, _, fraction = text.removesuffix(" UTC").partition(".")
    if len(whole.split()[2]) > 4:
        return -1
    moment = datetime.strptime(" ".join(whole.split()), "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + int(fraction[:3])


def of_otwatch(rows: Iterable[dict[str, Any]]) -> dict[int, Fields]:
    """By frame, of rows with `shown`."""
    frames: dict[int, Fields] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for name, content in _row(row):
            frames[row["frame"]][name].append(content)
    return frames


def _row(row: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    group, variation, shown = row["area"], row["object"], row["shown"]
    if row["value_kind"] == spec.VALUE_IIN:
        bits = sum(1 << bit for bit, name in enumerate(spec.INDICATIONS) if name in shown)
        yield "iin", (bits & 0xFF) << 8 | bits >> 8
        return
    if group <= 0 or shown is None:  # attributes: tshark's fields differ by their type; test_facts.py has them
        return
    layout = objects.layout_of(group, variation)
    for entry in shown if isinstance(shown, list) else [shown]:
        if isinstance(entry, int):
            yield ("2bit" if group == 3 else "bit"), entry
        elif isinstance(entry, str):
            yield "octet_string", entry.encode("latin-1").hex()
        elif group == 70:
            yield from _file(variation, entry)
        else:
            yield from _entry(group, layout, entry)


def _entry(group: int, layout: str, entry: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    if "flags" in entry and group in QUALITIES:
        bits = sum(1 << objects.FLAGS[group].index(name) for name in entry["flags"])
        yield QUALITIES[group], bits | entry.get("state", 0) << (6 if group in objects.STATE_BITS else 7)
    if "value" in entry and group in (*range(20, 24), *range(30, 35), *range(40, 44)):
        kind = layout.partition("value:")[2][:3]
        if kind in ("f32", "f64"):
            yield f"{'ana' if group < 40 else 'anaout'}.{'float' if kind == 'f32' else 'double'}", float(entry["value"])
        elif 20 <= group < 24:
            yield "cnt", entry["value"]
        else:
            yield ("ana.int" if group < 40 else "anaout.int"), entry["value"]
    if "time_ms" in entry:
        yield "timestamp", entry["time_ms"]
    if "status" in entry:
        status = entry["status"]
        yield "ctrlstatus", _CODES[status] if status in _CODES else int(status.removeprefix("reserved_"))
    if "on_ms" in entry:
        yield from (("count", entry["count"]), ("on_time", entry["on_ms"]), ("off_time", entry["off_ms"]))
        operation = entry["operation"]
        yield "ctl.op", _OPERATIONS[operation] if operation in _OPERATIONS else int(operation.removeprefix("reserved_"))
        yield "ctl.clr", entry["clear"] << 1 | entry["queue"]  # one field of tshark
        yield "ctl.trip", _TRIPS[entry["trip_close"]]
    if "delay_ms" in entry or "delay_s" in entry:
        yield "time_delay", entry.get("delay_ms", entry.get("delay_s"))


def _file(variation: int, entry: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, field in (("handle", "file.handle"), ("block", "file.blocknum"), ("max_block", "file.maxblock"), ("request", "file.reqID"),
                        ("name", "file_name"), ("key", "file.auth"), ("size", "file.size")):
        if name in entry:
            yield field, entry[name]
    if variation == 3 and entry.get("created"):
        yield "timestamp", int(datetime.fromisoformat(entry["created"]).timestamp() * 1000 + 0.5)
    if "last" in entry:
        yield "file.lastblock", int(entry["last"])
    if "mode" in entry:
        yield "file.mode", _MODES.get(entry["mode"], entry["mode"])
    if "status" in entry:
        yield "file.status", _FILE_CODES.get(entry["status"], entry["status"])
