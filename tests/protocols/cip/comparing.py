"""The rows of a capture beside what tshark says of it, frame by frame."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.names import NAMES, is_name
from otwatch.protocols import protocol_name

FIELDS = ("frame.number", "enip.command", "cip.sc", "cip.rr", "cip.class", "cip.instance", "cip.attribute", "cip.symbol", "cip.genstat",
          "cip.connpoint")
WRAPPERS = {0x0A, 0x52}
DATA = {0x6F, 0x70}


def operations(path: Path) -> dict[int, list[dict[str, Any]]]:
    """Rows by frame, with the name of their protocol."""
    pipeline = Pipeline(Limits())
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)

    def take(batch: Any) -> None:
        for index in range(batch.operations.rows):
            row = batch.operations.row(index)
            row["name"] = protocol_name(row["protocol"])
            rows[row["frame"]].append(row)

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows


def _numbers(text: str) -> list[int]:
    return [int(one, 0) for one in text.split(",") if one]


def spoken(path: Path) -> dict[int, dict[str, Any]]:
    """What tshark says, by frame: commands of the encapsulation; services with their direction; all that is addressed."""
    command = ["tshark", "-r", str(path), "-Y", "enip", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for field in FIELDS:
        command += ["-e", field]
    found = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        frame, commands, services, sides, classes, instances, attributes, symbols, statuses, points = line.split("|")
        found[int(frame)] = {
            "commands": sorted(one for one in _numbers(commands) if one not in DATA),
            "services": list(zip(_numbers(services), _numbers(sides), strict=False)),
            "classes": set(_numbers(classes)),
            "instances": set(_numbers(instances)) | set(_numbers(points)),
            "attributes": set(_numbers(attributes)),
            "symbols": set(symbols.split(",")),
            "statuses": _numbers(statuses),
        }
    return found


def differences(path: Path) -> tuple[int, list[tuple[int, str]]]:
    """(messages compared, [(frame, what differs)])."""
    ours, theirs = operations(path), spoken(path)
    messages, differ = 0, []
    for frame in sorted({*ours, *theirs}):
        rows = ours.get(frame, [])
        said = theirs.get(frame) or {"commands": [], "services": [], "classes": set(), "instances": set(), "attributes": set(), "symbols": set(),
                                     "statuses": []}
        commands = sorted(row["function"] for row in rows if row["name"] == "enip" and row["function"] not in DATA)
        cip = [row for row in rows if row["name"] == "cip" and row["function"] < 0x100]
        here = sorted((row["function"], int(row["role"] == 1)) for row in cip if row["function"] not in WRAPPERS or row["area"] not in (2, 6))
        here += [(0x4B, row["role"]) for row in rows if row["name"] == "pccc"]
        there = sorted(one for one in said["services"])
        messages += max(len(commands), len(said["commands"])) + max(len(here), len(there))
        if commands != said["commands"]:
            differ.append((frame, f"commands {commands} {said['commands']}"))
        extra = list(there)
        missing = [one for one in here if one not in extra or extra.remove(one)]  # type: ignore[func-returns-value]
        if missing or [one for one in extra if one[0] not in WRAPPERS]:
            differ.append((frame, f"services {here} {there}"))
            continue
        for row in cip:
            if row["role"] != 0:
                continue
            if row["area"] >= 0 and row["area"] not in said["classes"] and not is_name(row["object"]):
                differ.append((frame, f"class {row['area']:#x} {said['classes']}"))
            elif is_name(row["object"]):
                parts = {re.sub(r"\[.*", "", part) for part in re.split(r"\.", NAMES.text(row["object"]))}
                if not parts <= {piece for symbol in said["symbols"] for piece in symbol.split(".")}:
                    differ.append((frame, f"symbol {parts} {said['symbols']}"))
            elif row["object"] >= 0 and row["object"] not in said["instances"]:
                differ.append((frame, f"instance {row['object']} {said['instances']}"))
            elif row["start"] >= 0 and row["area"] not in (6, 0x6B) and row["start"] not in said["attributes"]:
                differ.append((frame, f"attribute {row['start']} {said['attributes']}"))
    return messages, differ
